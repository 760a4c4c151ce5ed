"""What is kept of a song's tags, and what each format calls it."""

import re
from dataclasses import dataclass, fields, replace

__all__ = ["TEXT_FIELDS", "BroadcastInfo", "Tags", "TextField", "clean_text", "cover_type"]

MAX_TEXT_LENGTH = 1000
MAX_COVER_BYTES = 8 << 20
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
COVER_TYPES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


@dataclass(frozen=True, kw_only=True, slots=True)
class BroadcastInfo:
    """Where a recording belongs: the ``bext`` chunk of Broadcast Wave (EBU Tech 3285).

    What describes the very samples (loudness, unique identifier, coding history) is left out: it
    is not true of a stem.

    Attributes:
        description: At most 256 characters, as all limits in ASCII.
        originator: Who or what recorded it; at most 32 characters.
        originator_reference: At most 32 characters.
        origination_date: ``yyyy-mm-dd``.
        origination_time: ``hh:mm:ss``.
        time_reference: Samples from midnight to the first sample.
        sample_rate: Of ``time_reference``, in Hz.
    """

    description: str = ""
    originator: str = ""
    originator_reference: str = ""
    origination_date: str = ""
    origination_time: str = ""
    time_reference: int
    sample_rate: int

    def time_reference_at(self, sample_rate: int) -> int:
        """Return the time reference in samples of another rate.

        >>> BroadcastInfo(time_reference=44_100, sample_rate=44_100).time_reference_at(48_000)
        48000
        """
        return round(self.time_reference * sample_rate / self.sample_rate)


@dataclass(frozen=True, kw_only=True, slots=True)
class Tags:
    """What a song says of itself; whatever it does not say is empty.

    Texts are one line without control characters and at most 1000 characters long. They are
    somebody's words: shown and copied, and never used as a path or an address.

    Attributes:
        title: Of the song.
        artist: Several are joined by semicolons.
        album: Its title.
        album_artist: Whose album it is.
        track: Number in the album, ``3`` or ``3/12``.
        disc: Number of the disc, likewise.
        date: ``yyyy`` or ``yyyy-mm-dd``.
        genre: Several are joined by semicolons.
        composer: Who wrote it.
        comment: Free text.
        key: Initial musical key, such as ``Am`` or ``8A``.
        bpm: Beats per minute.
        isrc: International Standard Recording Code.
        cover: A JPEG or PNG file of at most 8 MiB.
        broadcast: What Broadcast Wave says, of WAV files.
    """

    title: str = ""
    artist: str = ""
    album: str = ""
    album_artist: str = ""
    track: str = ""
    disc: str = ""
    date: str = ""
    genre: str = ""
    composer: str = ""
    comment: str = ""
    key: str = ""
    bpm: str = ""
    isrc: str = ""
    cover: bytes = b""
    broadcast: BroadcastInfo | None = None

    def __bool__(self) -> bool:
        """Whether there is any."""
        return any(getattr(self, field.name) for field in fields(self))

    def texts(self) -> dict[str, str]:
        """Return the texts that are there by their field's name."""
        return {name: text for name in TEXT_FIELDS if (text := getattr(self, name))}

    def of_song(self, name: str) -> "Tags":
        """Return the tags with the song's name for a title, if there are tags but no title."""
        return replace(self, title=self.title or clean_text(name)) if self else self

    def of_stem(self, stem: str) -> "Tags":
        """Return the tags of a stem: the song's, with the stem's name in the title.

        Players show the title and not the file's name. A song without tags has stems without.

        >>> Tags(title="Falcon", artist="Eastons").of_stem("vocals").title
        'Falcon (vocals)'
        """
        return replace(self, title=f"{self.title} ({stem})".strip()) if self else self


@dataclass(frozen=True, kw_only=True, slots=True)
class TextField:
    """What formats call a text; the first name of several is written, all are read.

    Attributes:
        id3: Frame of ID3v2 (MP3, and a chunk of WAV and AIFF).
        vorbis: Keys of Vorbis comments (FLAC, Ogg, Opus).
        mp4: Atom of MPEG-4.
        asf: Attribute of WMA.
        ape: Keys of APEv2 (WavPack, Monkey's Audio, Musepack).
        matroska: Keys of Matroska, as FFmpeg has them.
        info: Chunks of a WAV file's INFO list.
    """

    id3: str
    vorbis: tuple[str, ...]
    mp4: str
    asf: str
    ape: tuple[str, ...]
    matroska: tuple[str, ...]
    info: tuple[str, ...] = ()


_FREEFORM = "----:com.apple.iTunes:"
TEXT_FIELDS = {
    "title": TextField(
        id3="TIT2",
        vorbis=("title",),
        mp4="\xa9nam",
        asf="Title",
        ape=("title",),
        matroska=("title",),
        info=("INAM",),
    ),
    "artist": TextField(
        id3="TPE1",
        vorbis=("artist",),
        mp4="\xa9ART",
        asf="Author",
        ape=("artist",),
        matroska=("artist",),
        info=("IART",),
    ),
    "album": TextField(
        id3="TALB",
        vorbis=("album",),
        mp4="\xa9alb",
        asf="WM/AlbumTitle",
        ape=("album",),
        matroska=("album",),
        info=("IPRD",),
    ),
    "album_artist": TextField(
        id3="TPE2",
        vorbis=("albumartist", "album artist", "album_artist"),
        mp4="aART",
        asf="WM/AlbumArtist",
        ape=("album artist", "albumartist"),
        matroska=("album_artist",),
    ),
    "track": TextField(
        id3="TRCK",
        vorbis=("tracknumber", "track"),
        mp4="trkn",
        asf="WM/TrackNumber",
        ape=("track",),
        matroska=("track", "part_number"),
        info=("ITRK", "IPRT"),
    ),
    "disc": TextField(
        id3="TPOS",
        vorbis=("discnumber", "disc"),
        mp4="disk",
        asf="WM/PartOfSet",
        ape=("disc",),
        matroska=("disc",),
    ),
    "date": TextField(
        id3="TDRC",
        vorbis=("date", "year"),
        mp4="\xa9day",
        asf="WM/Year",
        ape=("year",),
        matroska=("date", "date_released"),
        info=("ICRD",),
    ),
    "genre": TextField(
        id3="TCON",
        vorbis=("genre",),
        mp4="\xa9gen",
        asf="WM/Genre",
        ape=("genre",),
        matroska=("genre",),
        info=("IGNR",),
    ),
    "composer": TextField(
        id3="TCOM",
        vorbis=("composer",),
        mp4="\xa9wrt",
        asf="WM/Composer",
        ape=("composer",),
        matroska=("composer",),
        info=("IMUS",),
    ),
    "comment": TextField(
        id3="COMM",
        vorbis=("comment", "description"),
        mp4="\xa9cmt",
        asf="Description",
        ape=("comment",),
        matroska=("comment",),
        info=("ICMT",),
    ),
    "key": TextField(
        id3="TKEY",
        vorbis=("initialkey", "key"),
        mp4=f"{_FREEFORM}initialkey",
        asf="WM/InitialKey",
        ape=("initialkey", "key"),
        matroska=("initial_key", "initialkey"),
    ),
    "bpm": TextField(
        id3="TBPM",
        vorbis=("bpm", "tempo"),
        mp4="tmpo",
        asf="WM/BeatsPerMinute",
        ape=("bpm",),
        matroska=("bpm",),
    ),
    "isrc": TextField(
        id3="TSRC",
        vorbis=("isrc",),
        mp4=f"{_FREEFORM}ISRC",
        asf="WM/ISRC",
        ape=("isrc",),
        matroska=("isrc",),
    ),
}
"""Every text of :class:`Tags` by its name."""


def clean_text(text: str) -> str:
    r"""Return one line of at most 1000 characters that every format can hold.

    >>> clean_text("a\x00b\n  c ")
    'a b c'
    """
    whole = text.encode("utf-8", "replace").decode("utf-8")
    line = " ".join(CONTROL_CHARACTERS.sub(" ", whole).split())
    return line if len(line) <= MAX_TEXT_LENGTH else line[: MAX_TEXT_LENGTH - 3] + "..."


def cover_type(cover: bytes) -> str | None:
    """Return the media type that the first bytes of a picture show, None for no JPEG or PNG."""
    kinds = (kind for mark, kind in COVER_TYPES.items() if cover.startswith(mark))
    return next(kinds, None)
