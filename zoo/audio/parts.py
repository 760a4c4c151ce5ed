"""What a file holds, found by its bytes alone: the parts that are decoded one after the other."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

__all__ = ["TAIL_BYTES", "Fault", "Part", "PcmEncoding", "Survey", "open_ranges"]

TAIL_BYTES = 1 << 17  # in which the last frame of a FLAC stream is


@dataclass(frozen=True, kw_only=True, slots=True)
class PcmEncoding:
    """How samples lie in a byte range without frames or compression.

    Attributes:
        subtype: libsndfile's name of the encoding.
        is_big_endian: Whether the high byte of a sample comes first.
        sample_rate: In Hz.
        num_channels: Interleaved channels.
        bytes_per_step: Bytes of one sample of every channel.
    """

    subtype: str
    is_big_endian: bool
    sample_rate: int
    num_channels: int
    bytes_per_step: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A stretch of a file that one decoder reads from its start.

    Attributes:
        ranges: Byte ranges (start, end) of the file that the decoder sees as one file.
        container: FFmpeg's name of the demuxer; empty for what only libsndfile reads.
        is_sure: Whether the last frame agrees with the header; libsndfile then decodes FLAC first,
            which is faster than FFmpeg but does not tell the place of damage.
        pcm: The encoding of bare samples; None for what tells its own.
        sample_rate: In Hz, where the survey knows it.
        num_samples: Exact length, where the survey knows it, after what is skipped.
        skip: Samples that an encoder put before the signal and the decoder does not know of.
        silence: Samples that are lost before this part.
        is_cut: Whether the container shows that its end is missing.
        without: What is missing at the end, where that can be said.
        has_time: Whether time stamps tell where a frame belongs.
        has_promise: Whether the decoder's idea of the duration is the container's word.
        allows_gaps: Whether a jump of the time stamps is a pause rather than damage.
    """

    ranges: tuple[tuple[int, int], ...]
    container: str = ""
    is_sure: bool = False
    pcm: PcmEncoding | None = None
    sample_rate: int | None = None
    num_samples: int | None = None
    skip: int = 0
    silence: int = 0
    is_cut: bool = False
    without: str = ""
    has_time: bool = False
    has_promise: bool = False
    allows_gaps: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """Damage that the bytes of a container show.

    Attributes:
        text: What is wrong, and where.
        can_be_kept: Whether decoding may go on with silence in place of what is lost.
    """

    text: str
    can_be_kept: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Survey:
    """All parts of a file, what is damaged, and what is odd but loses nothing."""

    parts: tuple[Part, ...]
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = field(default=())


def open_ranges(file: BinaryIO, ranges: Sequence[tuple[int, int]]) -> BinaryIO:
    """Open byte ranges of a seekable file as if they were a file of their own.

    Args:
        file: The whole file; its position is moved by reading.
        ranges: (start, end) of each range, in bytes.

    >>> open_ranges(io.BytesIO(b"0123456789"), [(1, 3), (7, 9)]).read()
    b'1278'
    """
    # What is read of a BinaryIO here, a RawIOBase has.
    return cast("BinaryIO", _ByteRanges(file, ranges))


class _ByteRanges(io.RawIOBase):
    """What ``open_ranges`` opens."""

    def __init__(self, file: BinaryIO, ranges: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self._file = file
        self._ranges = [(start, end) for start, end in ranges if end > start]
        self._starts = [0]
        for start, end in self._ranges:
            self._starts.append(self._starts[-1] + end - start)
        self._position = 0
        self._index = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position within the ranges."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move within the ranges.

        Raises:
            ValueError: To before their start, as with every file in memory.
        """
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._starts[-1]}[whence]
        if base + offset < 0:
            raise ValueError(f"negative seek value {base + offset}")
        self._position = base + offset
        self._index = 0
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill the buffer as far as the current range goes."""
        room = memoryview(buffer).cast("B")
        while self._index < len(self._ranges) and self._position >= self._starts[self._index + 1]:
            self._index += 1
        if self._index == len(self._ranges):
            return 0
        length = min(len(room), self._starts[self._index + 1] - self._position)
        start, _ = self._ranges[self._index]
        self._file.seek(start + self._position - self._starts[self._index])
        content = self._file.read(length)
        room[: len(content)] = content
        self._position += len(content)
        return len(content)
