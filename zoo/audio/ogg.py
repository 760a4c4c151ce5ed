"""What libsndfile does not tell about Ogg files: whether their end is there."""

from typing import BinaryIO

__all__ = ["ends_with_last_page"]

CAPTURE_PATTERN = b"OggS"
FLAGS_OFFSET, SEGMENTS_OFFSET, TABLE_OFFSET = 5, 26, 27
LAST_PAGE_FLAG = 4
MAX_PAGE_BYTES = 65_307


def ends_with_last_page(file: BinaryIO) -> bool:
    """Whether an open Ogg file ends with a whole page that is marked as the last of its stream.

    libsndfile takes the last page that it finds for the end and reads a cut-off file without a
    word (RFC 3533, section 6: the flag 0x04 in the header of the last page).
    """
    start = file.tell()
    size = file.seek(0, 2)
    file.seek(max(start, size - 2 * MAX_PAGE_BYTES))
    end = file.read()
    file.seek(start)
    page = end.rfind(CAPTURE_PATTERN)
    header = end[page:]
    if page < 0 or len(header) < TABLE_OFFSET:
        return False
    num_segments = header[SEGMENTS_OFFSET]
    table = header[TABLE_OFFSET : TABLE_OFFSET + num_segments]
    is_whole = len(header) >= TABLE_OFFSET + num_segments + sum(table)
    return is_whole and bool(header[FLAGS_OFFSET] & LAST_PAGE_FLAG)
