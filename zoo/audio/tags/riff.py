"""Chunks of WAV and AIFF files that hold tags: reading and making them.

A chunk is a name of four bytes, a size of four, the content, and a zero after an odd size.
"""

import struct
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from zoo.audio.tags.fields import TEXT_FIELDS, BroadcastInfo, clean_text

__all__ = [
    "IFF_MARKS",
    "make_bext",
    "make_chunk",
    "make_info",
    "parse_bext",
    "parse_info",
    "read_chunks",
]

IFF_MARKS = (b"RIFF", b"RF64", b"BW64", b"FORM")
TAG_CHUNKS = (b"bext", b"LIST", b"id3 ", b"ID3 ", b"fmt ", b"NAME", b"AUTH")
MAX_CHUNKS = 1000
MAX_CHUNK_BYTES = 32 << 20
UNKNOWN_SIZE = 0xFFFF_FFFF
BEXT = struct.Struct("<256s32s32s10s8sQH64s10s180s")  # EBU Tech 3285, version 2
BEXT_VERSION = 1
MAX_TIME_REFERENCE = 2**64 - 1


def read_chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and content of every chunk of a WAV or AIFF file that may hold tags.

    A file that ends early, or is none, ends the chunks.
    """
    file.seek(0)
    mark = file.read(12)[:4]
    order = "big" if mark == b"FORM" else "little"
    data_bytes, offset = 0, 12
    for _ in range(MAX_CHUNKS):
        file.seek(offset)
        header = file.read(8)
        if len(header) < 8:
            return
        name, size = header[:4], int.from_bytes(header[4:], order)
        if name == b"ds64":  # the sizes that do not fit into 32 bits: of the file, of the data
            data_bytes = int.from_bytes(file.read(16)[8:], "little")
        if name == b"data" and size == UNKNOWN_SIZE:
            size = data_bytes
        if name in TAG_CHUNKS and size <= MAX_CHUNK_BYTES:
            yield name, file.read(size)
        offset += 8 + size + size % 2


def make_chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk with its header and padding."""
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def make_info(texts: Mapping[str, str]) -> bytes:
    """Return the INFO list of a WAV file, or nothing if it would be empty.

    Args:
        texts: By the names of :data:`TEXT_FIELDS`.
    """
    entries = b"".join(
        make_chunk(names[0].encode(), text.encode() + b"\0")
        for name, text in texts.items()
        if (names := TEXT_FIELDS[name].info)
    )
    return make_chunk(b"LIST", b"INFO" + entries) if entries else b""


def parse_info(content: bytes) -> dict[str, str]:
    """Return the texts of a LIST chunk by the names of :data:`TEXT_FIELDS`."""
    found: dict[bytes, bytes] = {}
    offset = 4 if content[:4] == b"INFO" else len(content)
    while offset + 8 <= len(content):
        size = int.from_bytes(content[offset + 4 : offset + 8], "little")
        found[content[offset : offset + 4]] = content[offset + 8 : offset + 8 + size]
        offset += 8 + size + size % 2
    return {
        name: _decode(found[key.encode()])
        for name, field in TEXT_FIELDS.items()
        for key in reversed(field.info)
        if key.encode() in found
    }


def make_bext(broadcast: BroadcastInfo, *, sample_rate: int) -> bytes:
    """Return the Broadcast Wave chunk of a file with this sample rate in Hz."""
    return make_chunk(
        b"bext",
        BEXT.pack(
            broadcast.description.encode("ascii", "replace"),
            broadcast.originator.encode("ascii", "replace"),
            broadcast.originator_reference.encode("ascii", "replace"),
            broadcast.origination_date.encode("ascii", "replace"),
            broadcast.origination_time.encode("ascii", "replace"),
            min(broadcast.time_reference_at(sample_rate), MAX_TIME_REFERENCE),
            BEXT_VERSION,
            b"",
            b"",
            b"",
        ),
    )


def parse_bext(content: bytes, *, sample_rate: int) -> BroadcastInfo | None:
    """Return what a Broadcast Wave chunk says, or None if it is cut off."""
    if len(content) < BEXT.size or sample_rate <= 0:
        return None
    description, originator, reference, date, time, samples, *_ = BEXT.unpack(content[: BEXT.size])
    return BroadcastInfo(
        description=_decode(description),
        originator=_decode(originator),
        originator_reference=_decode(reference),
        origination_date=_decode(date),
        origination_time=_decode(time),
        time_reference=samples,
        sample_rate=sample_rate,
    )


def _decode(content: bytes) -> str:
    """Return a text up to its first zero: UTF-8, or else what Windows wrote before it."""
    text = content.split(b"\0", 1)[0]
    try:
        return clean_text(text.decode())
    except UnicodeDecodeError:
        return clean_text(text.decode("cp1252", "replace"))
