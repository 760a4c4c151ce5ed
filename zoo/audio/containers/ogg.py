"""Surveys of Ogg files (RFC 3533): links, pages that are missing or damaged, the last page."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from zoo.audio.parts import Fault, Part, Survey

__all__ = ["page_checksum", "survey_ogg"]

CAPTURE_PATTERN = b"OggS"
HEADER_BYTES = 27
SEARCH_BYTES = 1 << 16
IS_FIRST, IS_LAST = 2, 4
VORBIS_MARK = b"\x01vorbis"
CHECKSUM = slice(22, 26)
OPUS_RATE = 48_000  # granule positions of Opus count at this rate, whatever was encoded (RFC 7845)
REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Page:
    start: int
    end: int
    flags: int
    granule: int
    serial: int
    sequence: int
    body: bytes
    is_sound: bool


@dataclass(kw_only=True, slots=True)
class _Link:
    """The pages of one chained stream; ``serial`` is of its first audio stream."""

    start: int
    end: int
    serials: set[int] = field(default_factory=set)
    serial: int | None = None
    sample_rate: int | None = None
    granule: int = 0
    sequence: int | None = None
    has_last_page: bool = False
    is_vorbis: bool = False
    in_head: bool = True

    @property
    def is_vorbis_alone(self) -> bool:
        return self.is_vorbis and len(self.serials) == 1


def page_checksum(page: bytes) -> int:
    """Return the CRC of a page whose checksum field is zero.

    The polynomial is that of zlib, but bits are taken from the other end and nothing is inverted.
    """
    crc = zlib.crc32(page.translate(REVERSED_BITS), 0xFFFF_FFFF) ^ 0xFFFF_FFFF
    return int(f"{crc:032b}"[::-1], 2)


def survey_ogg(file: BinaryIO, size: int) -> Survey:
    """Find the links of a chained file and what is damaged in each."""
    links: list[_Link] = []
    faults: list[Fault] = []
    is_torn = False
    for page in _pages(file, size):
        if page is None:
            is_torn = True
            continue
        link = links[-1] if links else None
        if is_torn:
            seconds = link.granule / (link.sample_rate or 1) if link is not None else 0.0
            faults.append(Fault(text=f"a page at {seconds:.2f} s is not whole"))
            is_torn = False
        is_first = bool(page.flags & IS_FIRST) and page.is_sound
        if link is None or (is_first and not link.in_head):
            link = _Link(start=page.start if links else 0, end=page.end)
            links.append(link)
        link.end = page.end
        if is_first:
            link.serials.add(page.serial)
            rate = _audio_rate(page.body)
            if rate is not None and link.serial is None:
                link.serial, link.sample_rate = page.serial, rate
                link.is_vorbis = page.body[:7] == VORBIS_MARK
        else:
            link.in_head = False
        if page.serial == link.serial:
            _follow(link, page, faults)
    parts = [
        Part(
            ranges=((link.start, link.end),),
            # FFmpeg miscounts Vorbis of few pages, but places what follows damage by its time.
            container="" if link.is_vorbis_alone and not faults else "ogg",
            sample_rate=link.sample_rate,
            is_cut=number == len(links) - 1 and (is_torn or not link.has_last_page),
            without="the last page of its stream",
            has_time=bool(faults),
            has_promise=True,
        )
        for number, link in enumerate(links)
    ]
    return Survey(parts=tuple(parts), faults=tuple(faults))


def _follow(link: _Link, page: _Page, faults: list[Fault]) -> None:
    """Take the next page of a link's audio, and note what is lost before it."""
    place = f"at {max(0, link.granule) / (link.sample_rate or 1):.2f} s"
    if not page.is_sound:
        faults.append(Fault(text=f"a page {place} has a wrong checksum"))
    elif link.sequence is not None and page.sequence != link.sequence + 1:
        faults.append(Fault(text=f"pages are missing {place}"))
    link.sequence = page.sequence if page.is_sound else (link.sequence or 0) + 1
    if page.is_sound and page.granule >= 0:
        link.granule = page.granule
    link.has_last_page = bool(page.flags & IS_LAST)


def _pages(file: BinaryIO, size: int) -> Iterator[_Page | None]:
    """Yield every page; None in place of one that is not whole."""
    offset = 0
    while offset < size:
        file.seek(offset)
        header = file.read(HEADER_BYTES)
        if header[:4] != CAPTURE_PATTERN:
            offset = _next_page(file, offset + 1)
            if offset < 0:
                return
            continue
        table = file.read(header[26]) if len(header) == HEADER_BYTES else b""
        body = file.read(sum(table))
        end = offset + HEADER_BYTES + len(table) + sum(table)
        if len(header) < HEADER_BYTES or len(table) < header[26] or end > size:
            yield None
            offset = _next_page(file, offset + 1)
            if offset < 0:
                return
            continue
        page = bytearray(header + table + body)
        page[CHECKSUM] = bytes(4)
        yield _Page(
            start=offset,
            end=end,
            flags=header[5],
            granule=int.from_bytes(header[6:14], "little", signed=True),
            serial=int.from_bytes(header[14:18], "little"),
            sequence=int.from_bytes(header[18:22], "little"),
            body=body[:64],
            is_sound=page_checksum(bytes(page)) == int.from_bytes(header[CHECKSUM], "little"),
        )
        offset = end


def _next_page(file: BinaryIO, offset: int) -> int:
    """Return where the next page begins, or -1."""
    file.seek(offset)
    while block := file.read(SEARCH_BYTES):
        place = block.find(CAPTURE_PATTERN)
        if place >= 0:
            return offset + place
        if len(block) < len(CAPTURE_PATTERN):
            return -1
        offset += len(block) - len(CAPTURE_PATTERN) + 1
        file.seek(offset)
    return -1


def _audio_rate(body: bytes) -> int | None:
    """Return the sample rate of an audio stream's first packet; None for other streams."""
    if body[:7] == VORBIS_MARK:
        return int.from_bytes(body[12:16], "little")
    if body[:8] == b"OpusHead":
        return OPUS_RATE
    if body[:5] == b"\x7fFLAC":
        return int.from_bytes(body[27:30], "big") >> 4
    if body[:8] == b"Speex   ":
        return int.from_bytes(body[36:40], "little")
    return None
