"""ID3 tags by mutagen, without the one feature by which a few bytes become gigabytes."""

from typing import Any, BinaryIO

from mutagen.id3 import ID3, Frames

from zoo.audio.tags.fields import TEXT_FIELDS

__all__ = ["HEADER_BYTES", "read_id3", "tag_bytes"]

HEADER_BYTES = 10
COMPRESSED = {3: 0x0080, 4: 0x0008}  # of a frame's flags, by version (ID3v2.4.0 structure, 4.1.2)


class _Uncompressed:
    """Frames that are not inflated: nobody writes compressed ones, and a bomb is one."""

    @classmethod
    def _fromData(cls, header: Any, flags: int, data: bytes) -> Any:  # noqa: N802 - mutagen's
        if flags & COMPRESSED[header.version[1]]:
            raise NotImplementedError("a compressed frame")  # mutagen then leaves it out
        return super()._fromData(header, flags, data)  # pyright: ignore[reportAttributeAccessIssue]


FRAMES = {
    name: type(name, (_Uncompressed, Frames[name]), {})
    for name in ("APIC", "TYER", "TDAT", "TIME", *(field.id3 for field in TEXT_FIELDS.values()))
}


def read_id3(file: BinaryIO) -> ID3:
    """Parse the ID3v2 tag at the start of a file."""
    version = file.read(HEADER_BYTES)[3]
    file.seek(0)
    return ID3(file, known_frames=FRAMES if version in COMPRESSED else None)


def tag_bytes(header: bytes) -> int:
    """Return the length of an ID3v2 tag with its header, whose size has seven bits a byte."""
    size = 0
    for byte in header[6:HEADER_BYTES]:
        size = size << 7 | byte & 0x7F
    return HEADER_BYTES + size
