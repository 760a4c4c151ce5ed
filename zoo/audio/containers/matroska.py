"""Surveys of Matroska and WebM files (RFC 9559): elements that end early, damage, joined files."""

from typing import BinaryIO, NamedTuple

from zoo.audio.parts import Fault, Part, Survey

__all__ = ["survey_matroska"]

EBML, SEGMENT, CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
IN_SEGMENT = {
    *(CLUSTER, 0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1941A469, 0x1043A770),
    *(0x1254C367, 0xEC, 0xBF),
}
"""Seek head, info, tracks, cues, attachments, chapters, tags; and void and checksum anywhere."""
IN_CLUSTER = {0xE7, 0x5854, 0xA7, 0xAB, 0xA3, 0xA0, 0xAF, 0xEC, 0xBF}
"""Time stamp, silent tracks, position, previous size, simple, group, encrypted block."""
AFTER_CLUSTER = {EBML, *IN_SEGMENT} - IN_CLUSTER
HEADER_BYTES = 12


class _Element(NamedTuple):
    identity: int
    start: int
    body: int
    end: int | None  # None: unknown, as of a live stream


def survey_matroska(file: BinaryIO, size: int) -> Survey:
    """Follow the elements of a file down to its blocks."""
    segments: list[tuple[int, int]] = []
    faults: list[Fault] = []
    start, is_cut = 0, False
    while start < size and not faults and not is_cut:
        head = _element(file, start)
        if head is None or head.identity != EBML or head.end is None:
            if not segments or _is_text_or_blank(file, start):
                break
            faults.append(Fault(text=f"no element begins at byte {start}"))
            break
        segment = _element(file, head.end)
        if segment is None or segment.identity != SEGMENT:
            break
        end, is_cut = _walk_segment(file, segment, size, faults)
        segments.append((start, min(end, size)))
        start = end
    parts = [
        Part(
            ranges=(span,),
            container="matroska",
            is_cut=is_cut and number == len(segments) - 1,
            has_time=True,
            has_promise=True,
            allows_gaps=not faults,
        )
        for number, span in enumerate(segments or [(0, size)])
    ]
    return Survey(parts=tuple(parts), faults=tuple(faults))


def _walk_segment(
    file: BinaryIO, segment: _Element, size: int, faults: list[Fault]
) -> tuple[int, bool]:
    """Return where a segment ends and whether the file ends before it."""
    limit = size if segment.end is None else segment.end
    offset = segment.body
    while offset < min(limit, size):
        element = _element(file, offset)
        if element is not None and element.identity == EBML and segment.end is None:
            return offset, False
        if element is None or element.identity not in IN_SEGMENT:
            if offset > size - HEADER_BYTES:
                return size, True
            faults.append(Fault(text=f"no element of the file begins at byte {offset}"))
            return limit, limit > size
        if element.identity == CLUSTER:
            end = _walk_cluster(file, element, min(size, limit), faults)
            if faults:
                return limit, limit > size
        else:
            end = element.end
        if end is None or end > size:
            return size, True
        offset = end
    return limit, limit > size


def _walk_cluster(file: BinaryIO, cluster: _Element, limit: int, faults: list[Fault]) -> int | None:
    """Return where a cluster ends, which may be after ``limit``."""
    end = limit if cluster.end is None else min(cluster.end, limit)
    offset = cluster.body
    while offset < end:
        element = _element(file, offset)
        if element is not None and cluster.end is None and element.identity in AFTER_CLUSTER:
            return offset
        if element is None or element.end is None or element.identity not in IN_CLUSTER:
            if offset <= end - HEADER_BYTES:
                faults.append(Fault(text=f"no block begins at byte {offset}"))
            return cluster.end or limit + 1
        offset = element.end
    if cluster.end is not None and end == cluster.end and offset != cluster.end:
        faults.append(Fault(text=f"the block that ends at byte {offset} is too long"))
    return offset if cluster.end is None else cluster.end


def _element(file: BinaryIO, offset: int) -> _Element | None:
    """Read the identity and size at an offset; None if there cannot be an element."""
    file.seek(offset)
    header = file.read(HEADER_BYTES)
    if not header or not header[0]:
        return None
    identity_bytes = 9 - header[0].bit_length()
    if identity_bytes > 4 or len(header) <= identity_bytes or not header[identity_bytes]:
        return None
    size_bytes = 9 - header[identity_bytes].bit_length()
    field = header[identity_bytes : identity_bytes + size_bytes]
    if len(field) < size_bytes:
        return None
    num_bits = 7 * size_bytes
    length = int.from_bytes(field, "big") & (1 << num_bits) - 1
    body = offset + identity_bytes + size_bytes
    is_unknown = length == (1 << num_bits) - 1
    identity = int.from_bytes(header[:identity_bytes], "big")
    return _Element(identity, offset, body, None if is_unknown else body + length)


def _is_text_or_blank(file: BinaryIO, offset: int) -> bool:
    """Whether what follows a file is a foreign tag or padding, which says nothing of its sound."""
    file.seek(offset)
    rest = file.read(1 << 16)
    return not rest.strip(b"\0") or rest[:3] in (b"ID3", b"TAG") or rest[:8] == b"APETAGEX"
