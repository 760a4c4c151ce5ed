"""Walks over the chunks of files with bare samples: RIFF, AIFF, Wave64 and CAF."""

from collections.abc import Iterator
from typing import BinaryIO, Literal, NamedTuple

__all__ = ["W64_TAIL", "Chunk", "aiff_chunks", "caf_chunks", "riff_chunks", "w64_chunks"]

MAX_CHUNKS = 10_000
MAX_BYTES = 1 << 60  # more is no length of a chunk
W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")


class Chunk(NamedTuple):
    """One chunk: its kind, and where its body and the chunk itself end."""

    kind: bytes
    body: int
    length: int  # of the body, in bytes; -1 for one that goes on to the end
    end: int


def riff_chunks(
    file: BinaryIO, start: int, *, order: Literal["little", "big"] = "little"
) -> Iterator[Chunk]:
    """Yield the chunks of a RIFF file from an offset on."""
    for _ in range(MAX_CHUNKS):
        file.seek(start)
        header = file.read(8)
        if len(header) < 8:
            return
        length = int.from_bytes(header[4:], order)
        end = start + 8 + length + length % 2
        yield Chunk(header[:4], start + 8, length, end)
        start = end


def aiff_chunks(file: BinaryIO, start: int) -> Iterator[Chunk]:
    """Yield the chunks of an AIFF file from an offset on."""
    return riff_chunks(file, start, order="big")


def w64_chunks(file: BinaryIO, start: int) -> Iterator[Chunk]:
    """Yield the chunks of a Wave64 file from an offset on."""
    for _ in range(MAX_CHUNKS):
        file.seek(start)
        header = file.read(24)
        length = int.from_bytes(header[16:], "little")
        if header[4:16] != W64_TAIL or length < 24:
            return
        end = start + length + -length % 8
        yield Chunk(header[:4], start + 24, length - 24, end)
        if length >= MAX_BYTES:
            return
        start = end


def caf_chunks(file: BinaryIO, start: int) -> Iterator[Chunk]:
    """Yield the chunks of a CAF file from an offset on."""
    for _ in range(MAX_CHUNKS):
        file.seek(start)
        header = file.read(12)
        length = int.from_bytes(header[4:], "big", signed=True)
        if len(header) < 12:
            return
        yield Chunk(header[:4], start + 12, length, start + 12 + max(0, length))
        if not 0 <= length < MAX_BYTES:
            return
        start += 12 + length
