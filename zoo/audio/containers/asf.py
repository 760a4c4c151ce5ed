"""Surveys of WMA and ASF files: whether the data object is there to its end."""

from typing import BinaryIO

from zoo.audio.parts import Part, Survey

__all__ = ["survey_asf"]

DATA_OBJECT = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
HEADER_BYTES = 24


def survey_asf(file: BinaryIO, size: int) -> Survey:
    """Follow the objects of a file; one that promises to end after the file is cut off."""
    offset, is_cut = 0, False
    while offset + HEADER_BYTES <= size:
        file.seek(offset)
        header = file.read(HEADER_BYTES)
        length = int.from_bytes(header[16:24], "little")
        # A stream that was recorded as it came knows no size of its data.
        if header[:16] == DATA_OBJECT and length <= HEADER_BYTES:
            break
        is_cut = offset + length > size
        if length < HEADER_BYTES:
            break
        offset += length
    part = Part(
        ranges=((0, size),),
        container="asf",
        is_cut=is_cut,
        has_time=True,
        has_promise=True,
    )
    return Survey(parts=(part,))
