"""Read the tags of a song, whatever its container; damaged ones cost nothing but themselves."""

import base64
import logging
import os
import struct
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

import av
import mutagen
from av.error import FFmpegError
from av.stream import Disposition
from mutagen.apev2 import APEv2
from mutagen.asf import ASF, ASFTags
from mutagen.flac import FLAC, Picture
from mutagen.id3 import ID3
from mutagen.monkeysaudio import MonkeysAudio
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4, MP4Tags
from mutagen.musepack import Musepack
from mutagen.oggflac import OggFLAC
from mutagen.oggopus import OggOpus
from mutagen.oggspeex import OggSpeex
from mutagen.oggvorbis import OggVorbis
from mutagen.wavpack import WavPack

from zoo.audio.tags.fields import MAX_COVER_BYTES, TEXT_FIELDS, Tags, clean_text, cover_type
from zoo.audio.tags.id3 import HEADER_BYTES, read_id3, tag_bytes
from zoo.audio.tags.riff import IFF_MARKS, parse_bext, parse_info, read_chunks

__all__ = ["read_tags"]

logger = logging.getLogger(__name__)

MAX_BYTES_READ = 64 << 20
FLAC_MARK = b"fLaC"
MATROSKA_MARK = b"\x1a\x45\xdf\xa3"
MUTAGEN_KINDS = [
    *(MP3, MP4, OggVorbis, OggOpus, OggFLAC, OggSpeex, ASF, WavPack, MonkeysAudio, Musepack)
]
FRONT_COVER = 3
DAMAGE = (
    mutagen.MutagenError,
    FFmpegError,
    *(OSError, EOFError, MemoryError, RecursionError, struct.error, zlib.error),
    *(ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError),
)
"""What parsers raise on bytes that nobody meant them to see."""

Texts = dict[str, str]


class _TooLongError(OSError):
    """The tags of a file are longer than anybody's tags are."""


class _Window:
    """A file from where it stands, for parsers: no more than a limit is read from it."""

    def __init__(self, file: BinaryIO, *, name: str) -> None:
        self.name = name
        self._file, self._start, self._num_left = file, file.tell(), MAX_BYTES_READ

    def read(self, size: int = -1) -> bytes:
        content = self._file.read(size if 0 <= size <= self._num_left else self._num_left + 1)
        self._num_left -= len(content)
        if self._num_left < 0:
            raise _TooLongError(f"more than {MAX_BYTES_READ >> 20} MiB")
        return content

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = self._start if whence == os.SEEK_SET else 0
        return self._file.seek(start + offset, whence) - self._start

    def tell(self) -> int:
        return self._file.tell() - self._start


def read_tags(source: object) -> Tags:
    """Return what a song says of itself.

    Nothing in a file makes this fail: tags that cannot be read are left out with a warning.

    Args:
        source: What :func:`zoo.audio.open_audio` takes. Only files have tags; a file object is
            left where it was. A pipe is not read.
    """
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if not path.is_file():
            return Tags()
        try:
            with path.open("rb") as file:
                return _read_safely(file, name=path.name)
        except OSError:
            return Tags()
    if isinstance(source, tuple) or not _can_seek(source):
        return Tags()
    file: Any = source
    start = file.tell()
    try:
        return _read_safely(file, name=Path(str(getattr(file, "name", "audio"))).name)
    finally:
        file.seek(start)


def _can_seek(source: object) -> bool:
    seekable = getattr(source, "seekable", None)
    return hasattr(source, "read") and (seekable() if seekable else hasattr(source, "seek"))


def _read_safely(file: BinaryIO, *, name: str) -> Tags:
    try:
        return _read(_Window(file, name=name), name=name)
    except DAMAGE as error:
        logger.warning("%s: the tags are damaged and left out (%s)", name, error)
        return Tags()


def _read(file: Any, *, name: str) -> Tags:
    head = file.read(HEADER_BYTES)
    file.seek(tag_bytes(head) if head[:3] == b"ID3" else 0)
    is_flac = file.read(4) == FLAC_MARK
    file.seek(0)
    if head[:4] in IFF_MARKS:
        return _read_iff(file, name=name)
    if head[:4] == MATROSKA_MARK:
        return _read_matroska(file, name=name)
    if head[:3] == b"ID3" and not is_flac:
        tags = read_id3(file)
        return _make(_id3_texts(tags), _id3_cover(tags), name=name)
    found: Any = FLAC(file) if is_flac else mutagen.File(file, options=MUTAGEN_KINDS)
    if found is None or found.tags is None:
        return Tags()
    tags = found.tags
    if isinstance(tags, ID3):
        return _make(_id3_texts(tags), _id3_cover(tags), name=name)
    if isinstance(tags, MP4Tags):
        return _make(_mp4_texts(tags), bytes(_first(tags.get("covr", []))), name=name)
    if isinstance(tags, ASFTags):
        texts = {name: _join(tags.get(field.asf, [])) for name, field in TEXT_FIELDS.items()}
        return _make(texts, _asf_cover(tags), name=name)
    if isinstance(tags, APEv2):
        texts = _by_keys(tags, lambda field: field.ape)
        cover = tags.get("Cover Art (Front)")
        return _make(texts, cover.value.partition(b"\0")[2] if cover else b"", name=name)
    pictures = found.pictures if isinstance(found, FLAC) else _vorbis_pictures(tags)
    texts = _with_totals(_by_keys(tags, lambda field: field.vorbis), tags)
    return _make(texts, _front(pictures), name=name)


def _make(texts: Mapping[str, str], cover: bytes, *, name: str) -> Tags:
    """Return tags of checked content."""
    if cover and (cover_type(cover) is None or len(cover) > MAX_COVER_BYTES):
        logger.warning("%s: the cover is no JPEG or PNG of at most 8 MiB and left out", name)
        cover = b""
    cleaned: dict[str, Any] = {key: clean_text(text) for key, text in texts.items()}
    return Tags(**cleaned, cover=cover)


def _read_iff(file: Any, *, name: str) -> Tags:
    """Read the chunks of WAV and AIFF files; an ID3 chunk says more than a list, and wins."""
    texts: Texts = {}
    id3_texts: Texts = {}
    cover, broadcast, sample_rate = b"", b"", 0
    for kind, content in read_chunks(file):
        if kind == b"fmt ":
            sample_rate = int.from_bytes(content[4:8], "little")
        elif kind == b"bext":
            broadcast = content
        elif kind == b"LIST":
            texts |= parse_info(content)
        elif kind in (b"NAME", b"AUTH"):
            texts["title" if kind == b"NAME" else "artist"] = content.decode("utf-8", "replace")
        elif content[:3] == b"ID3":
            tags = read_id3(BytesIO(content))
            id3_texts, cover = _id3_texts(tags), _id3_cover(tags)
    texts |= {key: text for key, text in id3_texts.items() if text}
    made = _make(texts, cover, name=name)
    return replace(made, broadcast=parse_bext(broadcast, sample_rate=sample_rate))


def _read_matroska(file: Any, *, name: str) -> Tags:
    opened: Any = av.open(file, format="matroska")  # its type covers writing, too
    with opened as container:
        found = {key.lower(): value for key, value in container.metadata.items()}
        cover = b""
        for stream in container.streams.video:
            if Disposition.attached_pic in stream.disposition:
                cover = bytes(next(iter(container.demux(stream))))
                break
    texts = _with_totals(_by_keys(found, lambda field: field.matroska), found)
    return _make(texts, cover, name=name)


def _by_keys(tags: Any, keys: Callable[[Any], tuple[str, ...]]) -> Texts:
    """Return the texts of tags whose keys are words, by the first key that is there."""
    return {
        name: _join(next((tags[key] for key in keys(field) if key in tags), ""))
        for name, field in TEXT_FIELDS.items()
    }


def _with_totals(texts: Texts, tags: Any) -> Texts:
    """Join the number of a track or disc with how many there are."""
    for name in ("track", "disc"):
        totals = (f"{name}total", f"total{name}s", "total_parts" if name == "track" else "")
        total = next((_join(tags[key]) for key in totals if key and key in tags), "")
        if texts[name] and total and "/" not in texts[name]:
            texts[name] += f"/{total}"
    return texts


def _join(values: Any) -> str:
    return "; ".join(map(str, values)) if isinstance(values, list) else str(values)


def _first(values: Any) -> Any:
    return values[0] if values else b""


def _id3_texts(tags: ID3) -> Texts:
    texts: Texts = {}
    for name, field in TEXT_FIELDS.items():
        frames: list[Any] = tags.getall(field.id3)
        # Programs keep data of theirs in comments with a description.
        frame = next((f for f in frames if not getattr(f, "desc", "")), None)
        if frame is not None:
            values = frame.genres if field.id3 == "TCON" else frame.text
            texts[name] = "; ".join(map(str, values))
    return texts


def _id3_cover(tags: ID3) -> bytes:
    return _front(tags.getall("APIC"))


def _front(pictures: list[Any]) -> bytes:
    """Return the front cover, or else the first picture."""
    best = min(pictures, key=lambda picture: picture.type != FRONT_COVER, default=None)
    return best.data if best is not None else b""


def _mp4_texts(tags: MP4Tags) -> Texts:
    texts: Texts = {}
    for name, field in TEXT_FIELDS.items():
        values: Any = tags.get(field.mp4, [])
        if name in ("track", "disc"):
            number, total = _first(values) or (0, 0)
            texts[name] = (f"{number}/{total}" if total else str(number)) if number else ""
        else:
            texts[name] = "; ".join(
                v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values
            )
    return texts


def _asf_cover(tags: ASFTags) -> bytes:
    """Return the first picture: its kind, size, and two texts in UTF-16, and then its bytes."""
    content = _first([attribute.value for attribute in tags.get("WM/Picture") or []])
    texts_end = 5
    for _ in range(2):
        while content[texts_end : texts_end + 2] not in (b"\0\0", b""):
            texts_end += 2
        texts_end += 2
    return content[texts_end:]


def _vorbis_pictures(tags: Any) -> list[Picture]:
    return [Picture(base64.b64decode(text)) for text in tags.get("metadata_block_picture", [])]
