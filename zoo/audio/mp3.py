"""What libsndfile cannot tell about MP3 files: whether their length is known or guessed."""

from typing import BinaryIO

__all__ = ["has_length_tag"]

LENGTH_TAGS = (b"Xing", b"Info", b"VBRI")
FIRST_FRAME_BYTES = 4096
ID3_HEADER_BYTES = 10


def has_length_tag(file: BinaryIO) -> bool:
    """Whether the first frame of an open MP3 file carries an encoder's length tag.

    Without one libsndfile guesses the length from the first frame's bit rate, and of a file with a
    variable bit rate it then reads too little without a word.
    """
    start = file.tell()
    header = file.read(ID3_HEADER_BYTES)
    while header[:3] == b"ID3" and len(header) == ID3_HEADER_BYTES:
        file.seek(_synchsafe(header[6:10]), 1)
        header = file.read(ID3_HEADER_BYTES)
    first_frame = header + file.read(FIRST_FRAME_BYTES)
    file.seek(start)
    return any(tag in first_frame for tag in LENGTH_TAGS)


def _synchsafe(size: bytes) -> int:
    """Return the integer of an ID3v2 size field: seven bits a byte, high byte first."""
    number = 0
    for byte in size:
        number = number << 7 | byte & 0x7F
    return number
