"""WAV: the same samples always give the same bytes, at any length, with room for tags.

A file beyond 4 GiB becomes RF64 (EBU Tech 3306): the chunk that is to hold its 64-bit sizes is
reserved at the start wherever the length is unknown or large.
"""

import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.audio.encoders.encoder import Tracks
from zoo.audio.tags.riff import make_bext, make_chunk
from zoo.audio.tags.writing import make_riff_tags
from zoo.errors import AudioError

__all__ = ["WavEncoding"]

RIFF_LIMIT = 2**32 - 2**26  # a RIFF file counts its bytes in 32 bits; leave room for the tags
PCM, IEEE_FLOAT = 1, 3
DS64_BYTES = 28
UNKNOWN_SIZE = 0xFFFF_FFFF


@dataclass(frozen=True, kw_only=True, slots=True)
class WavEncoding:
    """Uncompressed samples.

    Attributes:
        bits: 32 for floats, or 24 or 16 for integers.
    """

    bits: int

    def open(self, path: Path, tracks: Tracks) -> "_WavEncoder":
        """Create a file."""
        return _WavEncoder(self, path, tracks)


class _WavEncoder:
    def __init__(self, encoding: WavEncoding, path: Path, tracks: Tracks) -> None:
        self._encoding, self._tracks, self._name = encoding, tracks, path.name
        self._bytes_per_step = tracks.num_channels * encoding.bits // 8
        self._expected_bytes = (tracks.num_samples or 0) * self._bytes_per_step
        self._has_room = tracks.num_samples is None or self._expected_bytes > RIFF_LIMIT // 2
        self._data_bytes = 0
        self._file = path.open("xb")
        self._file.write(self._header())

    def write(self, blocks: Sequence[np.ndarray]) -> None:
        (block,) = blocks
        content = _encode(block.T, bits=self._encoding.bits)
        if not self._has_room and self._data_bytes + len(content) > RIFF_LIMIT:
            raise AudioError(
                f"{self._name}: a WAV file holds at most 4 GiB unless it is known to be longer "
                "beforehand; write flac"
            )
        self._file.write(content)
        self._data_bytes += len(content)

    def finish(self) -> int:
        self._file.write(b"\0" * (self._data_bytes % 2) + make_riff_tags(self._tracks.tags))
        size = self._file.tell()
        self._file.seek(0)
        self._file.write(self._header(file_bytes=size))
        self._file.close()
        return self._data_bytes // self._bytes_per_step

    def abort(self) -> None:
        with suppress(OSError):  # a full disk; the file is closed all the same
            self._file.close()

    def _header(self, *, file_bytes: int = 0) -> bytes:
        """Return everything before the samples, of the same length whatever the sizes."""
        rate, num_channels = self._tracks.sample_rate, self._tracks.num_channels
        num_samples = self._data_bytes // self._bytes_per_step
        riff_bytes, data_bytes = max(0, file_bytes - 8), self._data_bytes
        is_long = max(self._data_bytes, self._expected_bytes) > RIFF_LIMIT
        is_float = self._encoding.bits == 32
        chunks = b""
        if self._has_room:
            sizes = struct.pack("<QQQI", riff_bytes, data_bytes, num_samples, 0)
            chunks += make_chunk(*((b"ds64", sizes) if is_long else (b"JUNK", bytes(DS64_BYTES))))
        fields = struct.pack(
            "<HHIIHH",
            IEEE_FLOAT if is_float else PCM,
            num_channels,
            rate,
            rate * self._bytes_per_step,
            self._bytes_per_step,
            self._encoding.bits,
        )
        chunks += make_chunk(b"fmt ", fields + b"\0\0" * is_float)
        if is_float:
            chunks += make_chunk(b"fact", struct.pack("<I", min(num_samples, UNKNOWN_SIZE)))
        if self._tracks.tags.broadcast is not None:
            chunks += make_bext(self._tracks.tags.broadcast, sample_rate=rate)
        mark = b"RIFF"
        if is_long:
            mark, riff_bytes, data_bytes = b"RF64", UNKNOWN_SIZE, UNKNOWN_SIZE
        start = mark + struct.pack("<I", riff_bytes) + b"WAVE"
        return start + chunks + b"data" + struct.pack("<I", data_bytes)


def _encode(frames: np.ndarray, *, bits: int) -> bytes:
    """Return samples (n, C) as bytes: floats as they are, others rounded to whole steps."""
    if bits == 32:
        return frames.astype("<f4", copy=False).tobytes()
    scale = 2.0 ** (bits - 1)
    steps = np.clip(np.rint(frames * scale), -scale, scale - 1).astype("<i4", order="C")
    return steps.view(np.uint8).reshape(*frames.shape, 4)[..., : bits // 8].tobytes()
