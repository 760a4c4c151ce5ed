"""Surveys of bare frames: MP3 with its length tags, AAC with ADTS headers, AC-3."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

from zoo.audio.containers.frame_headers import Frame, parse_aac, parse_ac3, parse_mpeg
from zoo.audio.containers.frames import FrameParser, FrameRun, find_runs
from zoo.audio.parts import Fault, Part, Survey

__all__ = ["survey_aac", "survey_ac3", "survey_mp3"]

DECODER_DELAY = 529  # samples by which a decoder of MPEG layer III is late
LAME_DELAYS_OFFSET = 21
ENCODERS_WITH_DELAYS = (b"LAME", b"Lavf", b"Lavc")
MAX_TRAILING_FRAMES = 2
MIN_LOST_BYTES = 4  # fewer are slips of an encoder


@dataclass(frozen=True, kw_only=True, slots=True)
class _LengthTag:
    """What an encoder's first frame says of the rest (Xing, Info or VBRI).

    Attributes:
        num_frames: Frames after this one; None where it does not say.
        delay: Samples that the encoder put before the signal; None where it does not say.
        padding: Samples that it put after the signal.
    """

    num_frames: int | None
    delay: int | None = None
    padding: int = 0

    @property
    def skip(self) -> int:
        """Samples before the signal, in what a decoder returns."""
        return 0 if self.delay is None else self.delay + DECODER_DELAY

    @property
    def end_padding(self) -> int:
        """Samples after the signal, in what a decoder returns."""
        return max(0, self.padding - DECODER_DELAY)


def survey_mp3(file: BinaryIO, size: int) -> Survey:
    """Count the frames of an MP3 (or MP1, MP2) file; every length tag begins a link of its own."""
    return _survey(file, size, parse_mpeg, container="mp3", read_tag=_read_length_tag)


def survey_aac(file: BinaryIO, size: int) -> Survey:
    """Count the frames of an AAC file with ADTS headers."""
    return _survey(file, size, parse_aac, container="aac")


def survey_ac3(file: BinaryIO, size: int) -> Survey:
    """Count the frames of an AC-3 or E-AC-3 file."""
    file.seek(0)
    is_enhanced = file.read(6)[5] >> 3 > 10
    return _survey(file, size, parse_ac3, container="eac3" if is_enhanced else "ac3")


def _survey(
    file: BinaryIO,
    size: int,
    parse: FrameParser,
    *,
    container: str,
    read_tag: Callable[[bytes, Frame], _LengthTag | None] = lambda content, frame: None,
) -> Survey:
    runs, num_trailing = find_runs(
        file, size, parse, begins_link=lambda content, frame: read_tag(content, frame) is not None
    )
    whole = Part(ranges=((0, size),), container=container)
    if not runs:
        return Survey(parts=(whole,))
    links = _Links(container)
    for run in runs:
        file.seek(run.start)
        links.add(run, read_tag(file.read(run.first.size), run.first))
    links.finish()
    if not links.parts:  # a length tag and no frame of sound
        links.parts.append(whole)
    if runs[-1].is_cut and not links.parts[-1].is_cut:
        if container == "mp3":  # recordings of a stream end anywhere; a frame is lost at most
            links.notes.append("the last frame is not there to its end")
        else:
            last = links.parts[-1]
            num_promised = (last.num_samples or 0) + runs[-1].first.num_samples
            links.parts[-1] = replace(last, num_samples=num_promised, is_cut=True)
    if num_trailing > MAX_TRAILING_FRAMES * runs[-1].first.size:
        file.seek(size - num_trailing)
        if file.read(num_trailing).strip(b"\0"):
            text = f"the last {num_trailing} bytes are no {container} frames"
            links.faults.append(Fault(text=text))
    return Survey(parts=tuple(links.parts), faults=tuple(links.faults), notes=tuple(links.notes))


class _Links:
    """Gathers runs of frames to links, each of which may begin with a length tag."""

    def __init__(self, container: str) -> None:
        self.parts: list[Part] = []
        self.faults: list[Fault] = []
        self.notes: list[str] = []
        self._container = container
        self._tag: _LengthTag | None = None
        self._link: list[tuple[FrameRun, int]] = []  # runs, and frames without the tag's
        self._seconds = 0.0

    def add(self, run: FrameRun, tag: _LengthTag | None) -> None:
        """Take the next run, and the length tag in its first frame."""
        if tag is not None:
            self.finish()
            self._tag = tag
        self._link.append((run, run.num_frames - (tag is not None)))

    def finish(self) -> None:
        """Turn the runs of a link into parts."""
        if not self._link:
            return
        tag = self._tag or _LengthTag(num_frames=None)
        num_frames = sum(frames for _, frames in self._link)
        told = num_frames if tag.num_frames is None else tag.num_frames
        num_lost = [self._num_lost(number) for number in range(len(self._link))]
        holes = [number for number, lost in enumerate(num_lost) if lost]
        if holes and tag.num_frames is not None:
            # The tag counts what the bytes that are left only let us guess.
            num_lost[holes[-1]] = max(0, told - num_frames - sum(num_lost) + num_lost[holes[-1]])
        num_missing = told - num_frames - sum(num_lost)
        # Some encoders count the frame of the tag, too.
        is_right = num_missing in (0, 1)
        for number, (run, frames) in enumerate(self._link):
            frame, is_first = run.first, number == 0
            is_last = number == len(self._link) - 1
            skip = tag.skip if is_first else 0
            padding = tag.end_padding if is_last and is_right else 0
            is_cut = is_last and (num_missing > 1 or (num_missing == 1 and run.is_cut))
            if num_lost[number]:
                lost = num_lost[number] * frame.num_samples
                text = f"{lost / frame.sample_rate:.2f} s are missing at {self._seconds:.2f} s"
                self.faults.append(Fault(text=text))
            promised = frames + (num_missing if is_cut else 0)
            part = Part(
                ranges=tuple(_without_first(run) if self._tag and is_first else run.ranges),
                container=self._container,
                sample_rate=frame.sample_rate,
                num_samples=max(0, promised * frame.num_samples - skip - padding),
                skip=skip,
                silence=num_lost[number] * frame.num_samples,
                is_cut=is_cut,
            )
            self._seconds += (part.silence + (part.num_samples or 0)) / frame.sample_rate
            if part.num_samples:
                self.parts.append(part)
        self._tag, self._link = None, []

    def _num_lost(self, number: int) -> int:
        """Return how many frames the bytes before a run amount to; what they were is lost."""
        run = self._link[number][0]
        is_start = not self.parts and number == 0
        if is_start or run.num_lost_bytes < MIN_LOST_BYTES:
            return 0
        neighbour = self._link[number - 1][0] if number else run
        return max(1, round(run.num_lost_bytes * neighbour.num_frames / neighbour.num_bytes))


def _without_first(run: FrameRun) -> list[tuple[int, int]]:
    (start, end), *others = run.ranges
    return [(start + run.first.size, end), *others]


def _read_length_tag(content: bytes, frame: Frame) -> _LengthTag | None:
    """Read the length tag in the bytes of a frame, if there is one."""
    is_v1, is_mono = frame.kind[0] == 3, frame.num_channels == 1
    side_info = (17 if is_mono else 32) if is_v1 else (9 if is_mono else 17)
    xing = content[4 + side_info :]
    if xing[:4] in (b"Xing", b"Info"):
        has_frames = bool(xing[7] & 1) if len(xing) > 12 else False
        num_frames = int.from_bytes(xing[8:12], "big") if has_frames else None
        # The fields before the encoder's name are there where the flags say so.
        flags = xing[7] if len(xing) > 7 else 0
        name = 8 + 4 * (flags & 1) + 4 * (flags >> 1 & 1) + 100 * (flags >> 2 & 1)
        name += 4 * (flags >> 3 & 1)
        delays = xing[name + LAME_DELAYS_OFFSET : name + LAME_DELAYS_OFFSET + 3]
        if xing[name : name + 4] not in ENCODERS_WITH_DELAYS or len(delays) < 3:
            return _LengthTag(num_frames=num_frames or None)
        both = int.from_bytes(delays, "big")
        return _LengthTag(num_frames=num_frames or None, delay=both >> 12, padding=both & 0xFFF)
    vbri = content[36:]
    if vbri[:4] == b"VBRI" and len(vbri) >= 18:
        return _LengthTag(num_frames=int.from_bytes(vbri[14:18], "big") or None)
    return None
