"""What a file is, by its first bytes and never by its name, and who surveys it.

Only the kinds listed here reach FFmpeg, each with its demuxer named. Playlists and lists of files
(m3u8, ffconcat, dash, sdp) are not among them, so that no file can make it open another.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from zoo.audio.containers.asf import survey_asf
from zoo.audio.containers.avi import survey_avi
from zoo.audio.containers.flac import survey_flac
from zoo.audio.containers.frame_headers import parse_aac, parse_ac3, parse_mpeg
from zoo.audio.containers.frames import find_first_frame, synchsafe
from zoo.audio.containers.matroska import survey_matroska
from zoo.audio.containers.mov import survey_mov
from zoo.audio.containers.mpeg import survey_aac, survey_ac3, survey_mp3
from zoo.audio.containers.ogg import survey_ogg
from zoo.audio.containers.pcm import survey_aiff, survey_au, survey_caf, survey_w64, survey_wav
from zoo.audio.containers.tta import survey_tta
from zoo.audio.containers.wavpack import survey_wavpack
from zoo.audio.parts import Part, Survey, open_ranges

__all__ = ["survey_file"]

HEAD_BYTES = 1024
TS_PACKET_SIZES = {188: 0, 192: 4}  # bytes a packet, and of a time code before its first
Surveyor = Callable[[BinaryIO, int], Survey]


@dataclass(frozen=True, slots=True)
class _Magic:
    """Bytes at fixed offsets that a kind of file begins with."""

    survey: Surveyor
    marks: tuple[tuple[int, bytes], ...]

    def fits(self, head: bytes) -> bool:
        return all(head[at : at + len(mark)] == mark for at, mark in self.marks)


def _left_to_ffmpeg(container: str, *, has_time: bool = False, promises: bool = True) -> Surveyor:
    """Return the survey of a container whose promise FFmpeg reads."""

    def survey(file: BinaryIO, size: int) -> Survey:
        part = Part(
            ranges=((0, size),),
            container=container,
            has_time=has_time,
            has_promise=promises,
            allows_gaps=has_time,
        )
        return Survey(parts=(part,))

    return survey


W64_RIFF = bytes.fromhex("726966662e91cf11a5d628db04c10000")
ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
MAGICS = (
    _Magic(survey_flac, ((0, b"fLaC"),)),
    _Magic(survey_ogg, ((0, b"OggS"),)),
    *(
        _Magic(survey_wav, ((0, riff), (8, b"WAVE")))
        for riff in (b"RIFF", b"RIFX", b"RF64", b"BW64")
    ),
    _Magic(survey_avi, ((0, b"RIFF"), (8, b"AVI "))),
    _Magic(survey_w64, ((0, W64_RIFF),)),
    *(_Magic(survey_aiff, ((0, b"FORM"), (8, kind))) for kind in (b"AIFF", b"AIFC")),
    *(_Magic(survey_au, ((0, mark),)) for mark in (b".snd", b"dns.")),
    _Magic(survey_caf, ((0, b"caff"),)),
    *(
        _Magic(survey_mov, ((4, box),))
        for box in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
    ),
    _Magic(survey_matroska, ((0, b"\x1a\x45\xdf\xa3"),)),
    _Magic(survey_asf, ((0, ASF_HEADER),)),
    _Magic(survey_wavpack, ((0, b"wvpk"),)),
    _Magic(survey_tta, ((0, b"TTA1"),)),
    _Magic(_left_to_ffmpeg("ape"), ((0, b"MAC "),)),
    _Magic(_left_to_ffmpeg("mpc"), ((0, b"MP+"),)),
    _Magic(_left_to_ffmpeg("mpc8"), ((0, b"MPCK"),)),
    _Magic(_left_to_ffmpeg("tak"), ((0, b"tBaK"),)),
    _Magic(_left_to_ffmpeg("flv", has_time=True), ((0, b"FLV\x01"),)),
    _Magic(_left_to_ffmpeg("mpeg", has_time=True, promises=False), ((0, b"\0\0\x01\xba"),)),
    _Magic(_left_to_ffmpeg("amr", promises=False), ((0, b"#!AMR"),)),
    *(
        _Magic(_left_to_ffmpeg("dts", promises=False), ((0, bytes.fromhex(mark)),))
        for mark in ("7ffe8001", "fe7f0180", "1fffe800", "ff1f00e8")
    ),
    *(
        _Magic(
            _left_to_ffmpeg("mpegts", has_time=True, promises=False),
            tuple((first + packet * size, b"\x47") for packet in range(4)),
        )
        for size, first in TS_PACKET_SIZES.items()
    ),
)
FRAMES = ((parse_ac3, survey_ac3), (parse_aac, survey_aac), (parse_mpeg, survey_mp3))


def survey_file(file: BinaryIO, size: int) -> tuple[BinaryIO, Survey] | None:
    """Find out what a file holds.

    Args:
        file: A seekable file.
        size: Its length in bytes.

    Returns:
        The file without tags in front, to which the survey's byte ranges refer, and the survey;
        None for a file of none of the known kinds.
    """
    start = _tag_bytes(file, size)
    if start:
        file, size = open_ranges(file, [(start, size)]), size - start
    file.seek(0)
    head = file.read(HEAD_BYTES)
    for magic in MAGICS:
        if magic.fits(head):
            return file, magic.survey(file, size)
    for parse, survey in FRAMES:
        first = find_first_frame(file, size, parse)
        if first is not None:
            if first and survey is survey_ac3:
                continue
            return file, survey(file, size)
    return None


def _tag_bytes(file: BinaryIO, size: int) -> int:
    """Return how many bytes of ID3v2 tags stand before the content."""
    start = 0
    while start < size:
        file.seek(start)
        header = file.read(10)
        if header[:3] != b"ID3" or len(header) < 10:
            break
        start += 10 + (10 if header[5] & 0x10 else 0) + synchsafe(header[6:10])
    return min(start, size)
