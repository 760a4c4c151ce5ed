"""Write tags into finished files, in the words of each format."""

import base64
from io import BytesIO
from pathlib import Path
from typing import Any

import mutagen
from mutagen import id3
from mutagen.flac import FLAC, Picture
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4, MP4Cover, MP4FreeForm
from mutagen.oggopus import OggOpus
from mutagen.oggvorbis import OggVorbis

from zoo.audio.tags.fields import TEXT_FIELDS, Tags, cover_type
from zoo.audio.tags.riff import make_chunk, make_info
from zoo.errors import AudioError

__all__ = ["make_riff_tags", "matroska_tags", "write_tags"]

KINDS = [FLAC, OggVorbis, OggOpus, MP3, MP4]
FRONT_COVER = 3
MAX_NUMBER = 0xFFFF
LATIN_1, UTF_16 = 0, 1  # the encodings of ID3v2.3
COVER_FORMATS = {"image/jpeg": MP4Cover.FORMAT_JPEG, "image/png": MP4Cover.FORMAT_PNG}


def write_tags(path: Path, tags: Tags) -> None:
    """Put tags into a FLAC, Ogg, Opus, MP3 or MPEG-4 file that has none; no tags change nothing.

    Raises:
        AudioError: The file is of another kind, or cannot be written to.
    """
    if not tags:
        return
    try:
        with path.open("rb+") as file:
            found: Any = mutagen.File(file, options=KINDS)
            if found is None:
                raise AudioError(f"{path.name}: a file of this kind has no tags")
            file.seek(0)
            if isinstance(found, MP3):
                _make_id3(tags).save(file, v2_version=3)
                return
            if found.tags is None:
                found.add_tags()
            if isinstance(found, MP4):
                found.update(_mp4_tags(tags))
            else:
                found.update(_vorbis_tags(tags))
            if isinstance(found, FLAC) and tags.cover:
                found.add_picture(_picture(tags.cover))
            elif isinstance(found, (OggVorbis, OggOpus)) and tags.cover:
                block = base64.b64encode(_picture(tags.cover).write()).decode()
                found["metadata_block_picture"] = [block]
            found.save(file)
    except (mutagen.MutagenError, OSError) as error:
        raise AudioError(f"{path.name}: cannot write the tags ({error})") from error


def make_riff_tags(tags: Tags) -> bytes:
    """Return the chunks that hold the texts and the cover at the end of a WAV file.

    The INFO list is what the system's file manager shows; the ID3 chunk is what players and audio
    workstations read, and holds everything.
    """
    frames = _make_id3(tags)
    if not frames:
        return b""
    content = BytesIO()
    frames.save(content, v2_version=3, padding=lambda info: 0)
    return make_info(tags.texts()) + make_chunk(b"id3 ", content.getvalue())


def matroska_tags(tags: Tags) -> dict[str, str]:
    """Return the texts as FFmpeg's Matroska muxer takes them."""
    return {TEXT_FIELDS[name].matroska[0]: text for name, text in tags.texts().items()}


def _make_id3(tags: Tags) -> id3.ID3:
    """Return ID3v2.3, which every player and every DJ program reads."""
    frames = id3.ID3()
    for name, text in tags.texts().items():
        frame = getattr(id3, TEXT_FIELDS[name].id3)
        options = {"lang": "eng", "desc": ""} if frame is id3.COMM else {}
        encoding = LATIN_1 if text.isascii() else UTF_16
        frames.add(frame(encoding=encoding, text=[text], **options))
    if kind := cover_type(tags.cover):
        frames.add(
            id3.APIC(encoding=LATIN_1, mime=kind, type=FRONT_COVER, desc="", data=tags.cover)
        )
    frames.update_to_v23()
    return frames


def _vorbis_tags(tags: Tags) -> dict[str, list[str]]:
    comments = {TEXT_FIELDS[name].vorbis[0]: [text] for name, text in tags.texts().items()}
    for name in ("track", "disc"):
        number, slash, total = getattr(tags, name).partition("/")
        if slash:
            comments |= {f"{name}number": [number], f"{name}total": [total]}
    return comments


def _mp4_tags(tags: Tags) -> dict[str, list[Any]]:
    atoms: dict[str, list[Any]] = {}
    for name, text in tags.texts().items():
        key = TEXT_FIELDS[name].mp4
        if name in ("track", "disc"):
            number, _, total = text.partition("/")
            value: Any = (_number(number), _number(total))
        elif name == "bpm":
            value = _number(text)
        else:
            value = MP4FreeForm(text.encode()) if key.startswith("----") else text
        if value not in (0, (0, 0)):
            atoms[key] = [value]
    if kind := cover_type(tags.cover):
        atoms["covr"] = [MP4Cover(tags.cover, COVER_FORMATS[kind])]
    return atoms


def _number(text: str) -> int:
    """Return the whole number of 16 bits that is nearest to what a text says, 0 if it says none."""
    try:
        number = round(float(text))
    except (ValueError, OverflowError):
        return 0
    return number if 0 <= number <= MAX_NUMBER else 0


def _picture(cover: bytes) -> Picture:
    picture = Picture()
    picture.type, picture.mime, picture.data = FRONT_COVER, cover_type(cover) or "", cover
    return picture
