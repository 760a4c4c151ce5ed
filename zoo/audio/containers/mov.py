"""Surveys of MP4, M4A and QuickTime files (ISO 14496-12): boxes that end early, other files."""

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from zoo.audio.parts import Fault, Part, Survey

__all__ = ["survey_mov"]

HEADER_BYTES = 16
PARENTS = {b"moov", b"trak", b"mdia", b"minf", b"dinf"}
IS_IN_THIS_FILE = 1
TOP_LEVEL = {
    *(b"ftyp", b"moov", b"mdat", b"moof", b"free", b"skip", b"wide", b"udta", b"uuid", b"meta"),
    *(b"sidx", b"ssix", b"styp", b"mfra", b"pdin", b"prft", b"emsg", b"pnot", b"PICT", b"junk"),
}


class _Box(NamedTuple):
    kind: bytes
    start: int
    body: int
    end: int


def survey_mov(file: BinaryIO, size: int) -> Survey:
    """Find the movies of a file, several if files were joined, and whether the last is whole."""
    starts = [0]
    faults: list[Fault] = []
    is_cut = has_movie = False
    for box in _boxes(file, 0, size):
        if box.kind == b"ftyp" and has_movie and box.start:
            starts.append(box.start)
            has_movie = False
        if box.kind == b"moov":
            has_movie = True
            faults += _references(file, box, size)
        if box.kind not in TOP_LEVEL:
            if box.start < size - HEADER_BYTES:
                faults.append(Fault(text=f"no box begins at byte {box.start}"))
            break
        is_cut = box.end > size
    parts = [
        Part(
            ranges=((start, end),),
            container="mov",
            is_cut=is_cut and end == size,
            has_time=True,
            has_promise=True,
            allows_gaps=True,
        )
        for start, end in zip(starts, [*starts[1:], size], strict=True)
    ]
    return Survey(parts=tuple(parts), faults=tuple(faults))


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[_Box]:
    """Yield the boxes in a byte range; the last one may promise to end after it."""
    while start + 8 <= end:
        file.seek(start)
        header = file.read(HEADER_BYTES)
        length, kind, body = int.from_bytes(header[:4], "big"), header[4:8], start + 8
        if length == 1:
            length, body = int.from_bytes(header[8:16], "big"), start + 16
        elif length == 0:
            length = end - start
        yield _Box(kind, start, body, start + length)
        if length < body - start:
            return
        start += length


def _references(file: BinaryIO, box: _Box, size: int) -> Iterator[Fault]:
    """Yield a fault for each track whose samples are in another file."""
    for child in _boxes(file, box.body, min(box.end, size)):
        if child.kind in PARENTS:
            yield from _references(file, child, size)
        elif child.kind == b"dref":
            for entry in _boxes(file, child.body + 8, min(child.end, size)):
                file.seek(entry.body)
                if not int.from_bytes(file.read(4), "big") & IS_IN_THIS_FILE:
                    text = "a track refers to another file for its samples"
                    yield Fault(text=text, can_be_kept=False)
