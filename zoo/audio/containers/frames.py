"""Streams of frames without a container: MPEG audio, AAC with ADTS headers, AC-3.

Every frame says its own length, so that the frames of a whole file can be counted without decoding
one, and bytes that belong to no frame can be told from frames.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from zoo.audio.containers.frame_headers import Frame

__all__ = ["FrameParser", "FrameRun", "find_first_frame", "find_runs", "synchsafe"]

WINDOW_BYTES = 1 << 20
HEADER_BYTES = 8
SEARCH_BYTES = 1 << 16
MARK_BYTES = 11
NO_SIDE_INFO = bytes(4)
TAG_TRAILER_BYTES, ID3V1_BYTES = 32, 128


BEGINNINGS = re.compile(rb"\xff|\x0b\x77|ID3|TAG|APETAGEX|LYRICSBEGIN", re.DOTALL)
FrameParser = Callable[[bytes], "Frame | None"]


@dataclass(kw_only=True, slots=True)
class FrameRun:
    """Successive frames of one kind.

    Attributes:
        start: Offset of the first frame.
        first: Its header.
        ranges: Byte ranges of the frames.
        num_frames: How many there are.
        num_lost_bytes: Bytes before the run that are neither frames nor tags.
        is_cut: Whether the frame after the last one is not there to its end.
    """

    start: int
    first: Frame
    ranges: list[tuple[int, int]] = field(default_factory=list)
    num_frames: int = 0
    num_lost_bytes: int = 0
    is_cut: bool = False

    @property
    def num_bytes(self) -> int:
        """Bytes of all frames."""
        return sum(end - start for start, end in self.ranges)


class _Window:
    """A moving view of a file, for parsers that look at a few bytes at a time."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file, self.size = file, size
        self._start, self._bytes = 0, b""

    def bytes_at(self, offset: int, num_bytes: int) -> bytes:
        place = offset - self._start
        if place < 0 or place + num_bytes > len(self._bytes):
            self._file.seek(offset)
            self._start, self._bytes = offset, self._file.read(max(WINDOW_BYTES, num_bytes))
            place = 0
        return self._bytes[place : place + num_bytes]


def find_runs(
    file: BinaryIO,
    size: int,
    parse: FrameParser,
    *,
    begins_link: Callable[[bytes, Frame], bool] = lambda content, frame: False,
) -> tuple[list[FrameRun], int]:
    """Find all frames of a file.

    A new run begins after damage, after a tag, at a frame that begins a link, and where rate or
    channels change.

    Args:
        file: A seekable file.
        size: Its length in bytes.
        parse: Reads a frame's header.
        begins_link: Whether a frame's bytes, of which the first four after the header are zero, are
            the first ones of a joined file.

    Returns:
        The runs, and how many bytes after the last one are neither frames nor tags.
    """
    window = _Window(file, size)
    runs: list[FrameRun] = []
    offset = num_lost = 0
    run: FrameRun | None = None
    while offset < size:
        header = window.bytes_at(offset, HEADER_BYTES)
        frame = parse(header)
        follows = run is not None and frame is not None and frame.kind == run.first.kind
        if frame is not None and follows and header[4:] == NO_SIDE_INFO:
            follows = not begins_link(window.bytes_at(offset, frame.size), frame)
        if frame is not None and (follows or _is_confirmed(window, offset, frame, parse)):
            if offset + frame.size > size:
                if run is not None:
                    run.is_cut = True
                break
            if run is None or not follows:
                run = FrameRun(start=offset, first=frame, num_lost_bytes=num_lost)
                runs.append(run)
                num_lost = 0
            run.num_frames += 1
            if run.ranges and run.ranges[-1][1] == offset:
                run.ranges[-1] = (run.ranges[-1][0], offset + frame.size)
            else:
                run.ranges.append((offset, offset + frame.size))
            offset += frame.size
            continue
        tag = _tag_size(window, offset)
        foreign = 0 if tag else _bytes_to_next_frame(window, offset, parse)
        num_lost += foreign
        offset += tag + foreign
        run = None
    return runs, num_lost


def find_first_frame(file: BinaryIO, size: int, parse: FrameParser) -> int | None:
    """Return where the first frame of a stream is, if it begins near the start of the file."""
    window = _Window(file, size)
    for offset in _candidates(window, 0):
        if offset >= SEARCH_BYTES:
            break
        frame = parse(window.bytes_at(offset, HEADER_BYTES))
        if frame is not None and _is_confirmed(window, offset, frame, parse):
            return offset
    return None


def _is_confirmed(window: _Window, offset: int, frame: Frame, parse: FrameParser) -> bool:
    """Whether another frame of the kind follows, which chance bytes do not bring about."""
    following = offset + frame.size
    if following >= window.size or _tag_size(window, following):
        return offset == 0 or following == window.size
    second = parse(window.bytes_at(following, HEADER_BYTES))
    if second is None or second.kind != frame.kind:
        return False
    third = parse(window.bytes_at(following + second.size, HEADER_BYTES))
    return following + second.size >= window.size or bool(
        _tag_size(window, following + second.size) or (third and third.kind == frame.kind)
    )


def _bytes_to_next_frame(window: _Window, offset: int, parse: FrameParser) -> int:
    """Return how many bytes from ``offset`` on are neither a frame nor a tag."""
    for place in _candidates(window, offset + 1):
        frame = parse(window.bytes_at(place, HEADER_BYTES))
        if frame is not None and _is_confirmed(window, place, frame, parse):
            return place - offset
        if _tag_size(window, place):
            return place - offset
    return window.size - offset


def _candidates(window: _Window, offset: int) -> Iterator[int]:
    """Yield where a frame or a tag may begin: every start byte of one."""
    while offset < window.size:
        length = min(WINDOW_BYTES // 4, window.size - offset)
        block = window.bytes_at(offset, min(length + MARK_BYTES, window.size - offset))
        places = (match.start() for match in BEGINNINGS.finditer(block))
        yield from (offset + place for place in places if place < length)
        offset += length


def _tag_size(window: _Window, offset: int) -> int:
    """Return the bytes of the ID3, APE or Lyrics3 tag at an offset; 0 if there is none."""
    header = window.bytes_at(offset, TAG_TRAILER_BYTES)
    if header[:3] == b"ID3" and len(header) >= 10:
        footer = 10 if header[5] & 0x10 else 0
        return 10 + footer + synchsafe(header[6:10])
    if header[:8] == b"APETAGEX" and len(header) >= 24:
        is_header = bool(header[23] & 0x20)
        return 32 + (int.from_bytes(header[12:16], "little") if is_header else 0)
    if header[:3] == b"TAG" and offset + ID3V1_BYTES <= window.size:
        following = window.bytes_at(offset + ID3V1_BYTES, 8)
        is_between = following[:1] == b"\xff" or following[:3] in (b"ID3", b"TAG")
        return ID3V1_BYTES if is_between or len(following) < 8 or following == b"APETAGEX" else 0
    if header[:11] == b"LYRICSBEGIN":
        rest = window.bytes_at(offset, min(WINDOW_BYTES // 2, window.size - offset))
        end = max(rest.find(b"LYRICS200"), rest.find(b"LYRICSEND"))
        return end + 9 if end > 0 else 0
    return 0


def synchsafe(size: bytes) -> int:
    """Return the integer of an ID3v2 size field: seven bits a byte, high byte first.

    >>> synchsafe(bytes([0, 0, 2, 1]))
    257
    """
    number = 0
    for byte in size:
        number = number << 7 | byte & 0x7F
    return number
