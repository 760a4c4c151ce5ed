"""Surveys of FLAC files: the links of joined ones, and the length in each header if it is known."""

import itertools
import re
from collections.abc import Iterator
from typing import BinaryIO

from zoo.audio.containers.frames import synchsafe
from zoo.audio.parts import TAIL_BYTES, Part, Survey

__all__ = ["survey_flac"]

MARKER = b"fLaC"
STREAMINFO_BYTES = 34
HEADER_BYTES = 4 + 4 + STREAMINFO_BYTES
BLOCK_BYTES = 1 << 20
ID3V1_BYTES = 128
FRAME_MARK = re.compile(rb"\xff[\xf8\xf9]")
MAX_FRAME_HEADER_BYTES = 16
SHORT_SIZES = {1: 192, **{code: 144 << code for code in (2, 3, 4, 5)}}


def survey_flac(file: BinaryIO, size: int) -> Survey:
    """Find every FLAC stream in a file.

    A length of 0 in the header means "unknown": programs that write to a pipe cannot go back to
    fill it in.
    """
    end = _without_id3v1(file, size)
    first = _part(file, 0, end)
    if first is not None and first.is_sure:
        return Survey(parts=(first,))
    places = [place for place in _find_all(file, size) if _is_header(file, place)]
    parts = (
        _part(file, place, following) for place, following in itertools.pairwise([*places, end])
    )
    return Survey(parts=tuple(part for part in parts if part is not None))


def _part(file: BinaryIO, place: int, end: int) -> Part | None:
    """Return the part of a stream; None if its header is not there."""
    if not _is_header(file, place):
        return None
    file.seek(place + 8)
    info = file.read(STREAMINFO_BYTES)
    # Sizes of blocks and frames; 20 bits of rate, 3 of channels, 5 of depth, 36 of length.
    fields = int.from_bytes(info[10:18], "big")
    num_samples = fields & (1 << 36) - 1
    end = _without_id3v2(file, place, end)
    last = _last_sample(file, place, end, block_size=int.from_bytes(info[2:4], "big"))
    return Part(
        ranges=((place, end),),
        container="flac",
        is_sure=num_samples > 0 and last == num_samples,
        sample_rate=fields >> 44,
        num_samples=num_samples or None,
        has_time=True,
    )


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


def _last_sample(file: BinaryIO, start: int, end: int, *, block_size: int) -> int | None:
    """Return the sample after the last frame, by that frame's header (RFC 9639, section 9.1).

    None if there is no such header, or another stream begins near the end.
    """
    file.seek(max(start + HEADER_BYTES, end - TAIL_BYTES))
    tail = file.read(end - file.tell())
    if MARKER in tail:
        return None
    for mark in reversed(list(FRAME_MARK.finditer(tail))):
        place = mark.start()
        header = tail[place : place + MAX_FRAME_HEADER_BYTES]
        last = _end_of_frame(header, block_size=block_size)
        if last is not None:
            return last
    return None


def _end_of_frame(header: bytes, *, block_size: int) -> int | None:
    """Return the sample after a frame; None if these bytes are no frame's header."""
    if len(header) < MAX_FRAME_HEADER_BYTES:
        return None
    counts_samples, code, rate_code = header[1] & 1, header[2] >> 4, header[2] & 15
    # The number is coded as a character is in UTF-8.
    lead = header[4]
    num_more = 0 if lead < 0x80 else 6 - ((lead ^ 0xFF).bit_length() - 1)
    if (num_more and not 1 <= num_more <= 6) or code == 0:
        return None
    number = lead & (0x7F if not num_more else 0x3F >> num_more)
    at = 5
    for byte in header[at : at + num_more]:
        number = number << 6 | byte & 0x3F
    at += num_more
    if code in (6, 7):
        size = int.from_bytes(header[at : at + code - 5], "big") + 1
        at += code - 5
    else:
        size = SHORT_SIZES.get(code, 1 << code)
    at += {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    if _crc8(header[:at]) != header[at]:
        return None
    return (number if counts_samples else number * block_size) + size


def _crc8(content: bytes) -> int:
    crc = 0
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x07 if crc & 0x80 else 0)) & 0xFF
    return crc


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
