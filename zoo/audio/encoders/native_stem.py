"""Stem files for DJ programs: one MPEG-4 file in the layout that Native Instruments published.

Five stereo tracks, of which players know the first, the whole song, as the only enabled one, and
a ``stem`` atom in ``moov/udta`` with JSON that names and colours the other four and says how their
sum is mastered. FFmpeg's muxer knows nothing of the atom, so the header is completed after it.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
from mutagen.mp4 import MP4

from zoo.audio.encoders.encoder import Tracks
from zoo.audio.encoders.ffmpeg import FFmpegEncoding

__all__ = ["NUM_STEMS", "NativeStemEncoding"]

NUM_STEMS = 4
COLOURS = ("#009E73", "#D55E00", "#CC79A7", "#56B4E9")
NATIVE_ORDER = ("drums", "bass", "other", "vocals")
MASTERING = {
    # Both off, so that a program plays the stems at the levels at which they sum to the song. The
    # other values are those of Native Instruments' own files.
    "compressor": {
        "enabled": False,
        "input_gain": 0.5,
        "output_gain": 0.5,
        "threshold": 0,
        "dry_wet": 50,
        "attack": 0.003000000026077032,
        "release": 0.300000011920929,
        "ratio": 3,
        "hp_cutoff": 300,
    },
    "limiter": {
        "enabled": False,
        "threshold": 0,
        "ceiling": -0.3499999940395355,
        "release": 0.05000000074505806,
    },
}
BOX_BYTES = 8  # size and kind, before the content
LONG_SIZE = 1  # stands for a size of 64 bits after the kind
TRACK_ENABLED = 1
FLAGS_OFFSET = 9
GROUP_OFFSETS = {0: 42, 1: 54}  # by version: times of 32 or 64 bits stand before it


@dataclass(frozen=True, kw_only=True, slots=True)
class NativeStemEncoding:
    """A stem file.

    Attributes:
        encoding: Of each track, in the container ``ipod``.
    """

    encoding: FFmpegEncoding

    def open(self, path: Path, tracks: Tracks) -> "_NativeStemEncoder":
        """Create a file."""
        return _NativeStemEncoder(self, path, tracks)


class _NativeStemEncoder:
    def __init__(self, encoding: NativeStemEncoding, path: Path, tracks: Tracks) -> None:
        mixture, *stems = tracks.names
        self._path, self._stems = path, _native_order(stems)
        self._order = [0, *(tracks.names.index(name) for name in self._stems)]
        names = (mixture, *self._stems)
        # The programs take nothing but stereo; a mono song sounds from both sides.
        self._encoder = encoding.encoding.open(path, replace(tracks, names=names, num_channels=2))

    def write(self, blocks: Sequence[np.ndarray]) -> None:
        ordered = [blocks[index] for index in self._order]
        self._encoder.write([np.broadcast_to(block, (2, block.shape[-1])) for block in ordered])

    def finish(self) -> int:
        num_samples = self._encoder.finish()
        with self._path.open("rb+") as file:
            _mark_as_stem_file(file)
            _complete_header(file, _manifest(self._stems))
        return num_samples

    def abort(self) -> None:
        self._encoder.abort()


def _native_order(names: Sequence[str]) -> tuple[str, ...]:
    """Return the usual four stems in the order of DJ programs, others as they stand."""
    return NATIVE_ORDER if set(names) == set(NATIVE_ORDER) else tuple(names)


def _manifest(names: Sequence[str]) -> bytes:
    """Return the JSON of the ``stem`` atom for four stems in their order."""
    stems = [
        {"name": name.replace("_", " ").title(), "color": colour}
        for name, colour in zip(names, COLOURS, strict=True)
    ]
    return json.dumps({"mastering_dsp": MASTERING, "version": 1, "stems": stems}).encode()


def _mark_as_stem_file(file: BinaryIO) -> None:
    """Write the tag by which Traktor knows its stem files."""
    movie = MP4(file)
    if movie.tags is None:
        movie.add_tags()
    movie["TAUT"] = ["STEM"]
    file.seek(0)
    movie.save(file)


def _complete_header(file: BinaryIO, manifest: bytes) -> None:
    """Add the manifest to a movie's header, and disable all tracks but the first.

    The header is the last box of the file, so that nothing else moves when it grows.
    """
    offset, header = _read_last_box(file)
    assert header[4:8] == b"moov"
    children, num_tracks = b"", 0
    for kind, box in _boxes(header[BOX_BYTES:]):
        if kind == b"trak":
            box = _with_track_flags(box, TRACK_ENABLED if num_tracks == 0 else 0)
            num_tracks += 1
        elif kind == b"udta":
            box = _make_box(kind, box[BOX_BYTES:] + _make_box(b"stem", manifest))
        children += box
    file.seek(offset)
    file.write(_make_box(b"moov", children))


def _with_track_flags(track: bytes, flags: int) -> bytes:
    """Set the flags of a track (ISO 14496-12, 8.3.2), and make it no alternative to the others."""
    start = track.index(b"tkhd") - 4
    header = bytearray(track)
    version = header[start + BOX_BYTES]
    header[start + FLAGS_OFFSET : start + FLAGS_OFFSET + 3] = flags.to_bytes(3, "big")
    group = start + GROUP_OFFSETS[version]
    header[group : group + 2] = b"\0\0"
    return bytes(header)


def _read_last_box(file: BinaryIO) -> tuple[int, bytes]:
    """Return the place and the bytes of the last box of a file."""
    end, offset = file.seek(0, 2), 0
    while True:
        file.seek(offset)
        size = int.from_bytes(file.read(BOX_BYTES)[:4], "big")
        if size == LONG_SIZE:
            size = int.from_bytes(file.read(8), "big")
        if offset + size >= end:
            file.seek(offset)
            return offset, file.read()
        offset += size


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the kind and the bytes of successive boxes."""
    offset = 0
    while offset < len(content):
        size = int.from_bytes(content[offset : offset + 4], "big")
        yield content[offset + 4 : offset + 8], content[offset : offset + size]
        offset += size


def _make_box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", BOX_BYTES + len(content)) + kind + content
