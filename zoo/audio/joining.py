"""The parts of a file as one signal, whose length is compared with what the container promises.

C: channels, n: samples of a block
"""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

import numpy as np

from zoo.audio.bare_samples import decode_bare
from zoo.audio.decoded import MAX_GAP_SECONDS, DamageReport, Decoded, silent_blocks
from zoo.audio.libsndfile import decode_file
from zoo.audio.parts import TAIL_BYTES, Part, Survey, open_ranges
from zoo.audio.pyav import decode_stream
from zoo.audio.reader import AudioInfo, cut_off_error
from zoo.audio.resampling import resample_blocks, resampled_length
from zoo.errors import AudioError

__all__ = ["open_parts", "open_rare"]

PROMISE_TOLERANCE = 0.1  # seconds by which rounded durations and encoders' delays differ
MAX_PADDING = 4096  # samples that the last frame of MP3 or AAC may hold after the signal


def open_parts(
    file: BinaryIO, survey: Survey, *, stream_number: int, report: DamageReport
) -> tuple[AudioInfo, Iterator[np.ndarray]]:
    """Open all parts of a file as one signal at the first part's rate.

    Args:
        file: A seekable file, which is read as the blocks are.
        survey: What the file holds.
        stream_number: Which of several audio streams, from 0.
        report: Told of damage.

    Returns:
        What is known of the signal, and its blocks (C, n).

    Raises:
        AudioError: The survey found damage, the file is cut off, or no decoder reads it.
    """
    for note in survey.notes:
        report.warn(note)
    for fault in survey.faults:
        if not fault.can_be_kept:
            raise AudioError(f"{report.name}: damaged: {fault.text}; copy or download it again")
        report.damaged(fault.text)
    if not survey.parts:
        raise AudioError(f"{report.name}: the file holds no audio samples")
    join = _Join(file, survey.parts, stream_number, report)
    if survey.parts[-1].is_cut:
        if not report.keep_going:
            lenient = DamageReport(name=report.name, keep_going=True, is_quiet=True)
            found = _Join(file, survey.parts, stream_number, lenient).blocks()
            raise cut_off_error(
                join.info,
                num_found=sum(block.shape[-1] for block in found),
                without=survey.parts[-1].without,
            )
        report.warn("the file is cut off")
    return join.info, join.blocks()


def open_rare(file: BinaryIO, *, name: str) -> tuple[AudioInfo, Iterator[np.ndarray]]:
    """Open a file of a kind that has no survey, if libsndfile knows it.

    Raises:
        AudioError: It does not.
    """
    decoded = decode_file(file, name=name)
    info = AudioInfo(
        name=name,
        sample_rate=decoded.sample_rate,
        num_channels=decoded.num_channels,
        num_samples=decoded.num_samples,
    )

    def blocks() -> Iterator[np.ndarray]:
        num_found = 0
        with contextlib.closing(decoded):
            for block in decoded.blocks:
                num_found += block.shape[-1]
                yield block
        if num_found < (decoded.num_samples or 0):
            raise cut_off_error(info, num_found=num_found)

    return info, blocks()


class _Join:
    """Parts one after the other."""

    def __init__(
        self, file: BinaryIO, parts: tuple[Part, ...], stream_number: int, report: DamageReport
    ) -> None:
        self.report = report
        self._file, self._parts, self._stream_number = file, parts, stream_number
        self._first = self._decode(parts[0])
        self._sample_rate = self._first.sample_rate
        num_samples, is_exact = self._total()
        self.info = AudioInfo(
            name=report.name,
            sample_rate=self._sample_rate,
            num_channels=self._first.num_channels,
            num_samples=num_samples,
            has_exact_length=is_exact,
        )

    def _total(self) -> tuple[int | None, bool]:
        """Return the samples that all parts promise, and whether that is exact."""
        first = self._parts[0]
        if len(self._parts) == 1 and first.num_samples is None:
            return self._first.num_samples, self._first.is_exact
        total = 0
        for part in self._parts:
            if part.num_samples is None or not part.sample_rate:
                return None, False
            total += part.silence + resampled_length(
                part.num_samples, from_rate=part.sample_rate, to_rate=self._sample_rate
            )
        return total, True

    def _decode(self, part: Part) -> Decoded:
        content = open_ranges(self._file, part.ranges)
        if part.pcm is not None:
            return decode_bare(content, part.pcm)
        if not part.container:
            return decode_file(content, name=self.report.name)
        if part.is_sure and not self.report.keep_going:
            return self._decode_flac(content, part)
        return self._decode_frames(content, part)

    def _decode_frames(self, content: BinaryIO, part: Part) -> Decoded:
        return decode_stream(content, part, stream_number=self._stream_number, report=self.report)

    def _decode_flac(self, content: BinaryIO, part: Part) -> Decoded:
        """Decode FLAC through libsndfile, and what it finds fault with or leaves through FFmpeg."""
        fast = decode_file(content, name=self.report.name)
        size = sum(end - start for start, end in part.ranges)

        def blocks() -> Iterator[np.ndarray]:
            num_done = 0
            with contextlib.suppress(AudioError):
                for block in fast.blocks:
                    num_done += block.shape[-1]
                    yield block
                if content.tell() >= size - TAIL_BYTES:
                    return
            content.seek(0)
            with contextlib.closing(self._decode_frames(content, part)) as slow:
                for block in slow.blocks:
                    rest = block[:, num_done:]
                    num_done -= block.shape[-1] - rest.shape[-1]
                    yield rest

        return replace(fast, blocks=blocks())

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield the signal, (C, n)."""
        num_before = 0
        for number, part in enumerate(self._parts):
            decoded = self._first if number == 0 else self._decode(part)
            with contextlib.closing(decoded):
                for block in self._at_first_rate(part, decoded, num_before=num_before):
                    num_before += block.shape[-1]
                    yield block

    def _at_first_rate(
        self, part: Part, decoded: Decoded, *, num_before: int
    ) -> Iterator[np.ndarray]:
        info = self.info
        if decoded.num_channels not in (1, info.num_channels):
            raise AudioError(
                f"{info.name}: {info.num_channels} channels become {decoded.num_channels} at "
                f"{num_before / info.sample_rate:.2f} s; split it there"
            )
        if part.silence > MAX_GAP_SECONDS * info.sample_rate:
            raise AudioError(
                f"{info.name}: damaged: {part.silence / info.sample_rate:.0f} s are missing at "
                f"{num_before / info.sample_rate:.2f} s; copy or download it again"
            )
        yield from silent_blocks(info.num_channels, part.silence)
        blocks = self._checked(part, decoded, num_before=num_before)
        if (decoded.sample_rate, decoded.num_channels) == (info.sample_rate, info.num_channels):
            yield from blocks
            return
        for block in resample_blocks(
            blocks,
            from_rate=decoded.sample_rate,
            to_rate=info.sample_rate,
            num_channels=decoded.num_channels,
        ):
            yield np.broadcast_to(block, (info.num_channels, block.shape[-1]))

    def _checked(self, part: Part, decoded: Decoded, *, num_before: int) -> Iterator[np.ndarray]:
        """Yield a part at the length that its container promises."""
        promised = part.num_samples if part.num_samples is not None else decoded.num_samples
        is_exact = part.num_samples is not None or decoded.is_exact
        num_found, skip = 0, part.skip
        held: list[np.ndarray] = []  # what may be padding
        for whole in decoded.blocks:
            block = whole[:, skip:]
            skip -= whole.shape[-1] - block.shape[-1]
            room = block.shape[-1]
            if is_exact and promised is not None and part.container in ("mp3", "mov"):
                room = max(0, promised - num_found)
            num_found += block.shape[-1]
            if room:
                yield block[:, :room]
            if room < block.shape[-1]:
                held.append(block[:, room:])
                if promised is not None and num_found - promised > MAX_PADDING:
                    yield from held
                    held.clear()
        if promised is None:
            return
        self._compare(part, decoded, promised, num_found, num_before=num_before)

    def _compare(
        self, part: Part, decoded: Decoded, promised: int, num_found: int, *, num_before: int
    ) -> None:
        """Raise or warn where a part's length is not what its container promises."""
        rate = decoded.sample_rate
        is_exact = part.num_samples is not None or decoded.is_exact
        tolerance = 0 if is_exact else round(PROMISE_TOLERANCE * rate)
        if num_found - promised > max(tolerance, MAX_PADDING):
            self.report.warn(
                f"the header knows of {promised / rate:.2f} s; {num_found / rate:.2f} s are there"
            )
        if promised - num_found <= tolerance:
            return
        if not self.report.keep_going:
            total = self.info.num_samples or num_before + promised
            raise cut_off_error(self.info, num_found=num_before + num_found, num_promised=total)
        if not part.is_cut:
            self.report.warn("the file is cut off")
