"""Surveys of AVI files: chunks that end early, and damage among them."""

import re
from typing import BinaryIO

from zoo.audio.parts import Fault, Part, Survey

__all__ = ["survey_avi"]

CHUNK_NAME = re.compile(rb"[A-Za-z0-9 _]{4}")
LISTS = (b"RIFF", b"LIST")
PARENTS = (b"AVI ", b"AVIX", b"movi", b"rec ")


def survey_avi(file: BinaryIO, size: int) -> Survey:
    """Follow the chunks of a file.

    Sound in AVI has no time stamps: what a damaged chunk loses cannot be told, so that damage is
    not made up for by silence.
    """
    faults: list[Fault] = []
    is_cut, offset = False, 0
    while offset + 8 <= size:
        file.seek(offset)
        header = file.read(12)
        length = int.from_bytes(header[4:8], "little")
        if not CHUNK_NAME.fullmatch(header[:4]):
            rest = file.read(1 << 16)
            if (header + rest).strip(b"\0"):
                text = f"no chunk begins at byte {offset}"
                faults.append(Fault(text=text, can_be_kept=False))
            break
        if header[:4] in LISTS and header[8:12] in PARENTS:
            # A recorder that crashed left zeros; its chunks are all that counts.
            is_cut = is_cut or (length != 0 and offset + 8 + length > size)
            offset += 12
        else:
            is_cut = is_cut or offset + 8 + length > size
            offset += 8 + length + length % 2
    part = Part(ranges=((0, size),), container="avi", is_cut=is_cut, has_promise=True)
    return Survey(parts=(part,), faults=tuple(faults))
