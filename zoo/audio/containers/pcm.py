"""Surveys of files with bare samples: WAV and its 64-bit relatives, AIFF, AU, CAF.

The size that a header gives is compared with what is there. Sizes of zero, of all ones and those
that wrapped at 4 GiB come from programs that could not go back to the header; the samples then go
on to the end of the file.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import BinaryIO, Literal

from zoo.audio.containers.chunks import (
    W64_TAIL,
    Chunk,
    aiff_chunks,
    caf_chunks,
    riff_chunks,
    w64_chunks,
)
from zoo.audio.containers.mpeg import survey_mp3
from zoo.audio.containers.pcm_encodings import (
    aiff_encoding,
    au_encoding,
    caf_encoding,
    is_mp3,
    wav_encoding,
)
from zoo.audio.parts import Part, PcmEncoding, Survey, open_ranges

__all__ = ["survey_aiff", "survey_au", "survey_caf", "survey_w64", "survey_wav"]

RIFF_WRAP = 1 << 32
# What programs write that stream: all ones, or a little less than 2 GiB.
STREAMED_SIZES = (range(0x7FFF_F000, 0x8000_0001), range(0xFFFF_F000, 0x1_0000_0000))
UNSET_64 = 1 << 62
SEARCH_BYTES = 1 << 16
FOREIGN_TAGS = (b"ID3", b"TAG", b"APE")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sound:
    """Where the samples of one link are.

    Attributes:
        start: Offset of the first.
        declared: Bytes that the header gives; None where it does not know.
        encoding: None for what is compressed.
        is_mp3: Whether the samples are frames of MP3.
    """

    start: int
    declared: int | None
    encoding: PcmEncoding | None
    is_mp3: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layout:
    """How a kind of container is laid out.

    Attributes:
        container: FFmpeg's name, for what is compressed.
        marks: What a file begins with.
        find: Finds the sound of the link that begins at an offset.
        chunks: Yields the chunks from an offset on.
        wraps: Whether sizes are counted in 32 bits.
    """

    container: str
    marks: tuple[bytes, ...]
    find: Callable[[BinaryIO, int, int], _Sound | None]
    chunks: Callable[[BinaryIO, int], Iterator[Chunk]] | None = None
    wraps: bool = False


def _find_wav(file: BinaryIO, start: int, size: int) -> _Sound | None:
    file.seek(start)
    order: Literal["little", "big"] = "big" if file.read(4) == b"RIFX" else "little"
    fields, long_size = b"", None
    for chunk in riff_chunks(file, start + 12, order=order):
        file.seek(chunk.body)
        if chunk.kind == b"fmt ":
            fields = file.read(min(chunk.length, 64))
        elif chunk.kind == b"ds64":
            long_size = int.from_bytes(file.read(16)[8:16], "little")
        elif chunk.kind == b"data":
            declared: int | None = chunk.length
            if long_size is not None and chunk.length in (0, 0xFFFF_FFFF):
                declared = long_size if 0 < long_size < UNSET_64 else None
            elif any(declared in streamed for streamed in STREAMED_SIZES):
                declared = None if chunk.length > size - chunk.body else chunk.length
            encoding = wav_encoding(fields, order=order)
            return _Sound(
                start=chunk.body, declared=declared, encoding=encoding, is_mp3=is_mp3(fields)
            )
    return None


def _find_w64(file: BinaryIO, start: int, size: int) -> _Sound | None:
    encoding = None
    for chunk in w64_chunks(file, start + 40):
        file.seek(chunk.body)
        if chunk.kind == b"fmt ":
            encoding = wav_encoding(file.read(min(chunk.length, 64)), order="little")
        elif chunk.kind == b"data":
            declared = chunk.length if 0 < chunk.length < UNSET_64 else None
            return _Sound(start=chunk.body, declared=declared, encoding=encoding)
    # A size of zero, which counts less than the header of its own chunk.
    file.seek(start)
    head = file.read(SEARCH_BYTES)
    place = head.find(b"data" + W64_TAIL)
    return None if place < 0 else _Sound(start=start + place + 24, declared=None, encoding=encoding)


def _find_aiff(file: BinaryIO, start: int, size: int) -> _Sound | None:
    file.seek(start + 8)
    is_compressed = file.read(4) == b"AIFC"
    encoding, sound = None, None
    for chunk in aiff_chunks(file, start + 12):
        file.seek(chunk.body)
        if chunk.kind == b"COMM":
            encoding = aiff_encoding(file.read(min(chunk.length, 64)), is_compressed=is_compressed)
        elif chunk.kind == b"SSND":
            offset = int.from_bytes(file.read(4), "big")
            is_known = chunk.length > 8 and chunk.length not in STREAMED_SIZES[1]
            declared = chunk.length - 8 - offset if is_known else None
            sound = _Sound(start=chunk.body + 8 + offset, declared=declared, encoding=None)
        if sound is not None and encoding is not None:
            break
    return None if sound is None else replace(sound, encoding=encoding)


def _find_au(file: BinaryIO, start: int, size: int) -> _Sound | None:
    file.seek(start)
    header = file.read(24)
    if len(header) < 24:
        return None
    order = ">" if header[:4] == b".snd" else "<"
    offset, declared, code, rate, num_channels = struct.unpack(f"{order}5I", header[4:])
    return _Sound(
        start=start + offset,
        declared=declared if 0 < declared < 0xFFFF_FFFF else None,
        encoding=au_encoding(code, rate, num_channels, is_big_endian=order == ">"),
    )


def _find_caf(file: BinaryIO, start: int, size: int) -> _Sound | None:
    encoding = None
    for chunk in caf_chunks(file, start + 8):
        file.seek(chunk.body)
        if chunk.kind == b"desc":
            encoding = caf_encoding(file.read(32))
        elif chunk.kind == b"data":
            # The first four bytes count edits.
            declared = chunk.length - 4 if chunk.length > 4 else None
            return _Sound(start=chunk.body + 4, declared=declared, encoding=encoding)
    return None


def _surveyor(layout: _Layout) -> Callable[[BinaryIO, int], Survey]:
    """Return the survey of a kind of container, which finds all links of joined files, too."""

    def survey(file: BinaryIO, size: int) -> Survey:
        parts: list[Part] = []
        surveys: list[Survey] = []
        notes: list[str] = []
        start: int | None = 0
        while start is not None:
            sound = layout.find(file, start, size)
            end, following, note = _end_of_sound(file, sound, size, layout)
            notes += [note] if note else []
            limit = size if following is None else following
            if sound is not None and sound.is_mp3:
                surveys.append(_survey_mp3_in(file, sound, min(end, size)))
                parts += surveys[-1].parts
                if end > size and parts:
                    parts[-1] = replace(parts[-1], is_cut=True)
            else:
                parts.append(_part(sound, end, size, span=(start, limit), layout=layout))
            start = following
        faults = tuple(fault for inner in surveys for fault in inner.faults)
        return Survey(parts=tuple(parts), faults=faults, notes=tuple(notes))

    return survey


def _end_of_sound(
    file: BinaryIO, sound: _Sound | None, size: int, layout: _Layout
) -> tuple[int, int | None, str]:
    """Return where samples end (perhaps after the file), where a joined file begins, and a note."""
    if sound is None or sound.declared is None:
        return size, None, ""
    end = sound.start + sound.declared
    if layout.wraps and end < size:
        end += (size - end + RIFF_WRAP // 2) // RIFF_WRAP * RIFF_WRAP
    if end >= size:
        return end, None, ""
    after = end
    for chunk in layout.chunks(file, end + end % 2) if layout.chunks else ():
        is_name = all(32 <= byte < 127 for byte in chunk.kind)
        if not is_name or chunk.kind in layout.marks or chunk.end > size + 1:
            break
        after = chunk.end
    if after >= size - 8:
        return end, None, ""
    file.seek(after + after % 2)
    rest = file.read(SEARCH_BYTES)
    if rest[:4] in layout.marks:
        return end, after + after % 2, ""
    if not rest.strip(b"\0") or rest[:3] in FOREIGN_TAGS:
        return end, None, ""
    if after > end:
        return end, None, f"{size - after} bytes at the end are neither samples nor tags"
    if sound.declared == 0:
        return size, None, "the length in the header was never filled in"
    return size, None, "more samples follow than the header knows of"


def _survey_mp3_in(file: BinaryIO, sound: _Sound, end: int) -> Survey:
    """Survey the frames of an MP3 that a WAV file wraps."""
    content = open_ranges(file, [(sound.start, end)])
    inner = survey_mp3(content, end - sound.start)
    shift = sound.start
    parts = tuple(
        replace(part, ranges=tuple((start + shift, stop + shift) for start, stop in part.ranges))
        for part in inner.parts
    )
    return replace(inner, parts=parts)


def _part(
    sound: _Sound | None, end: int, size: int, *, span: tuple[int, int], layout: _Layout
) -> Part:
    """Return the part of bare samples, or all of the link for FFmpeg where it is compressed."""
    if sound is None or sound.encoding is None:
        return Part(
            ranges=(span,),
            container=layout.container,
            is_cut=sound is not None and end > size,
            has_promise=sound is not None and sound.declared not in (None, 0),
        )
    encoding = sound.encoding
    return Part(
        ranges=((sound.start, min(end, size)),),
        pcm=encoding,
        sample_rate=encoding.sample_rate,
        num_samples=max(0, end - sound.start) // encoding.bytes_per_step,
        is_cut=end > size,
    )


_WAV_MARKS = (b"RIFF", b"RIFX", b"RF64", b"BW64")
survey_wav = _surveyor(
    _Layout(container="wav", marks=_WAV_MARKS, find=_find_wav, chunks=riff_chunks, wraps=True)
)
survey_w64 = _surveyor(
    _Layout(container="w64", marks=(b"riff",), find=_find_w64, chunks=w64_chunks)
)
survey_aiff = _surveyor(
    _Layout(container="aiff", marks=(b"FORM",), find=_find_aiff, chunks=aiff_chunks, wraps=True)
)
survey_au = _surveyor(_Layout(container="au", marks=(b".snd", b"dns."), find=_find_au))
survey_caf = _surveyor(
    _Layout(container="caf", marks=(b"caff",), find=_find_caf, chunks=caf_chunks)
)
