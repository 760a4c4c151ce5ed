"""Surveys of FLAC files: the links of joined ones, and the length in each header if it is known."""

from collections.abc import Iterator
from typing import BinaryIO

from zoo.audio.containers.frames import synchsafe
from zoo.audio.parts import Part, Survey

__all__ = ["survey_flac"]

MARKER = b"fLaC"
STREAMINFO_BYTES = 34
HEADER_BYTES = 4 + 4 + STREAMINFO_BYTES
BLOCK_BYTES = 1 << 20
ID3V1_BYTES = 128


def survey_flac(file: BinaryIO, size: int) -> Survey:
    """Find every FLAC stream in a file.

    A length of 0 in the header means "unknown": programs that write to a pipe cannot go back to
    fill it in.
    """
    places = [place for place in _find_all(file, size) if _is_header(file, place)]
    if not places:
        return Survey(parts=())
    ends = [*places[1:], _without_id3v1(file, size)]
    parts = []
    for place, end in zip(places, ends, strict=True):
        file.seek(place + 8)
        info = file.read(STREAMINFO_BYTES)
        # Sizes of blocks and frames; 20 bits of rate, 3 of channels, 5 of depth, 36 of length.
        fields = int.from_bytes(info[10:18], "big")
        num_samples = fields & (1 << 36) - 1
        parts.append(
            Part(
                ranges=((place, _without_id3v2(file, place, end)),),
                container="flac",
                sample_rate=fields >> 44,
                num_samples=num_samples or None,
                has_time=True,
            )
        )
    return Survey(parts=tuple(parts))


def _find_all(file: BinaryIO, size: int) -> Iterator[int]:
    """Yield every place of the marker."""
    for start in range(0, size, BLOCK_BYTES):
        file.seek(start)
        block = file.read(BLOCK_BYTES + len(MARKER) - 1)
        place = block.find(MARKER)
        while place >= 0:
            yield start + place
            place = block.find(MARKER, place + 1)


def _is_header(file: BinaryIO, place: int) -> bool:
    """Whether the marker at a place begins a stream; chance and cover art bring it about, too."""
    file.seek(place)
    header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or header[4] & 0x7F or header[5:8] != b"\0\0\x22":
        return False
    smallest, largest = (int.from_bytes(header[at : at + 2], "big") for at in (8, 10))
    return 16 <= smallest <= largest and int.from_bytes(header[18:21], "big") >> 4 > 0


def _without_id3v1(file: BinaryIO, size: int) -> int:
    file.seek(max(0, size - ID3V1_BYTES))
    return size - ID3V1_BYTES if file.read(3) == b"TAG" else size


def _without_id3v2(file: BinaryIO, start: int, end: int) -> int:
    """Return where the tag begins that ends at ``end``; of joined files every one may have one."""
    reach = min(end - start, BLOCK_BYTES)
    file.seek(end - reach)
    block = file.read(reach)
    place = block.rfind(b"ID3")
    is_tag = place >= 0 and 10 + synchsafe(block[place + 6 : place + 10]) == reach - place
    return end - reach + place if is_tag else end
