"""Surveys of TTA files: the table of frame sizes in the header tells where the file must end."""

import struct
from typing import BinaryIO

from zoo.audio.parts import Part, Survey

__all__ = ["survey_tta"]

MARKER = b"TTA1"
HEADER_BYTES = 22
CHECKSUM_BYTES = 4
SEARCH_BYTES = 1 << 20


def survey_tta(file: BinaryIO, size: int) -> Survey:
    """Find every TTA stream in a file."""
    parts: list[Part] = []
    start = 0
    while True:
        file.seek(start)
        header = file.read(HEADER_BYTES)
        if len(header) < HEADER_BYTES or header[:4] != MARKER:
            return Survey(parts=tuple(parts))
        _, _, _, rate, num_samples = struct.unpack("<HHHII", header[4:18])
        samples_per_frame = max(1, 256 * rate // 245)
        num_frames = -(-num_samples // samples_per_frame)
        table = file.read(min(4 * num_frames, size))
        frame_bytes = sum(struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4]))
        end = start + HEADER_BYTES + 4 * num_frames + CHECKSUM_BYTES + frame_bytes
        parts.append(
            Part(
                ranges=((start, min(end, size)),),
                container="tta",
                sample_rate=rate,
                num_samples=num_samples,
                is_cut=end > size,
            )
        )
        start = _next_stream(file, end)


def _next_stream(file: BinaryIO, offset: int) -> int:
    """Return where a joined stream begins, which may be after a tag."""
    file.seek(offset)
    place = file.read(SEARCH_BYTES).find(MARKER)
    return offset + max(0, place)
