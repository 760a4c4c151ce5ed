import io
import logging
import os
import struct
import zlib
from dataclasses import replace

import av
import mutagen
import numpy as np
import pytest
import soundfile
from mutagen import id3
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2
from mutagen.asf import ASF, ASFByteArrayAttribute
from mutagen.mp3 import MP3

from zoo.audio import AUDIO_FORMATS, AudioWriter, BroadcastInfo, Tags, read_tags, write_audio
from zoo.audio.tags import write_tags
from zoo.errors import AudioError

RATE = 44100
NOISE = np.random.default_rng(0)
PNG = b"\x89PNG\r\n\x1a\n" + NOISE.bytes(3000)
JPEG = b"\xff\xd8\xff\xe0" + NOISE.bytes(2000)
BROADCAST = BroadcastInfo(
    description="Take 4",
    originator="Recorder",
    originator_reference="REF0001",
    origination_date="2024-02-29",
    origination_time="23:59:58",
    time_reference=2**33 + 5,
    sample_rate=RATE,
)
TAGS = Tags(
    title="Größe 大",
    artist="One; Two",
    album="The Album",
    album_artist="Various",
    track="3/12",
    disc="1/2",
    date="2021-05-01",
    genre="House",
    composer="Somebody",
    comment="Not: a/path, ../../x",
    key="8A",
    bpm="128",
    isrc="DEA123456789",
    cover=PNG,
    broadcast=BROADCAST,
)
SIGNAL = NOISE.uniform(-0.1, 0.1, (2, 12_000)).astype(np.float32)


def write(path, name, tags=TAGS, *, rate=RATE, signal=SIGNAL):
    audio_format = AUDIO_FORMATS[name]
    tracks = ("mixture", "a", "b", "c", "d") if audio_format.is_multitrack else ("",)
    with AudioWriter(
        path,
        audio_format=audio_format,
        sample_rate=audio_format.nearest_rate(rate),
        num_channels=2,
        track_names=tracks,
        tags=tags,
    ) as writer:
        writer.write(*[signal] * len(tracks))
    return path


def encode(path, container, codec):
    """Write a file of a kind that no format of ours is."""
    with av.open(path, "w", format=container) as output:
        stream = output.add_stream(codec, rate=RATE)
        stream.codec_context.layout = "stereo"
        stream.codec_context.format = "fltp"
        stream.codec_context.bit_rate = 128_000
        frame = av.AudioFrame.from_ndarray(SIGNAL, "fltp", "stereo")
        frame.sample_rate = RATE
        for packets in (stream.encode(frame), stream.encode(None)):
            output.mux(packets)
    return path


@pytest.mark.parametrize("name", AUDIO_FORMATS)
def test_every_format_gives_back_every_tag(tmp_path, name):
    path = write(tmp_path / "song", name)
    is_wav = name.startswith("wav")
    assert read_tags(path) == (TAGS if is_wav else replace(TAGS, broadcast=None))
    assert read_tags(write(path, name, Tags(title="One", cover=JPEG))) == Tags(
        title="One", cover=JPEG
    )


@pytest.mark.parametrize("name", AUDIO_FORMATS)
def test_no_tags_in_and_none_out(tmp_path, name):
    assert read_tags(write(tmp_path / "song", name, Tags())) == Tags()


@pytest.mark.parametrize("name", ["wav", "wav24", "wav16", "flac", "ogg", "mp3"])
def test_tags_change_no_sample(tmp_path, name):
    plain, _ = soundfile.read(write(tmp_path / "plain", name, Tags()))
    tagged, _ = soundfile.read(write(tmp_path / "tagged", name))
    np.testing.assert_array_equal(plain, tagged)


def test_a_wav_is_one_list_of_chunks_and_its_sizes_are_right(tmp_path):
    content = write(tmp_path / "song.wav", "wav24").read_bytes()
    assert struct.unpack("<4sI4s", content[:12]) == (b"RIFF", len(content) - 8, b"WAVE")
    chunks, offset = {}, 12
    while offset < len(content):
        name, size = struct.unpack("<4sI", content[offset : offset + 8])
        chunks[name] = content[offset + 8 : offset + 8 + size]
        offset += 8 + size + size % 2
    assert list(chunks) == [b"JUNK", b"fmt ", b"bext", b"data", b"LIST", b"id3 "]
    assert len(chunks[b"data"]) == SIGNAL.size * 3
    bext = chunks[b"bext"]
    assert len(bext) == 602
    assert bext[:7] == b"Take 4\0"
    assert bext[320:338] == b"2024-02-2923:59:58"
    assert struct.unpack("<QH", bext[338:348]) == (2**33 + 5, 1)
    assert b"INAM\x0c\0\0\0Gr\xc3\xb6\xc3\x9fe \xe5\xa4\xa7\0" in chunks[b"LIST"]


def test_long_wavs_keep_their_tags(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.audio.encoders.wav.RIFF_LIMIT", 10_000)
    path = write(tmp_path / "song.wav", "wav")
    assert soundfile.info(path).format == "RF64"
    np.testing.assert_array_equal(soundfile.read(path, dtype="float32")[0].T, SIGNAL)
    assert read_tags(path) == TAGS


def test_a_time_reference_is_a_time(tmp_path):
    tags = Tags(broadcast=BroadcastInfo(time_reference=44_100 * 3600, sample_rate=44_100))
    broadcast = read_tags(write(tmp_path / "song.wav", "wav", tags, rate=96_000)).broadcast
    assert (broadcast.time_reference, broadcast.sample_rate) == (96_000 * 3600, 96_000)
    last = replace(tags.broadcast, time_reference=2**64 - 1)
    late = read_tags(write(tmp_path / "late.wav", "wav", Tags(broadcast=last), rate=96_000))
    assert late.broadcast.time_reference == 2**64 - 1


def test_titles_name_the_stem():
    assert TAGS.of_song("x").of_stem("vocals").title == "Größe 大 (vocals)"
    assert Tags(artist="A").of_song("tape\n1").of_stem("no_vocals").title == "tape 1 (no_vocals)"
    assert Tags().of_song("tape").of_stem("vocals") == Tags()


def test_id3_of_every_version_is_read(tmp_path):
    path = tmp_path / "song.mp3"
    for version in (3, 4):
        write_audio(path, SIGNAL, RATE, name="mp3")
        tags = id3.ID3()
        tags.add(id3.TPE1(encoding=1, text=["One", "Two"]))
        tags.add(id3.TCON(encoding=0, text=["(17)"]))
        tags.add(id3.COMM(encoding=0, lang="eng", desc="iTunNORM", text=["0000"]))
        tags.add(id3.COMM(encoding=0, lang="deu", desc="", text=["Hallo"]))
        tags.add(id3.APIC(encoding=0, mime="x", type=4, desc="back", data=JPEG))
        tags.add(id3.APIC(encoding=0, mime="x", type=3, desc="front", data=PNG))
        tags.save(path, v2_version=version, v23_sep="; ")
        assert read_tags(path) == Tags(artist="One; Two", genre="Rock", comment="Hallo", cover=PNG)
    body = b"TT2\0\0\x06\0Title" + b"TP1\0\0\x04\0Who"
    music = write(path, "mp3", Tags()).read_bytes()
    path.write_bytes(b"ID3\x02\0\0\0\0\0" + bytes([len(body)]) + body + music)
    assert read_tags(path) == Tags(title="Title", artist="Who")
    path.write_bytes(music + b"TAG" + b"Old title".ljust(30, b"\0") + bytes(95))
    assert read_tags(path).title == "Old title"


def test_tags_of_other_containers_are_read(tmp_path):
    aiff = tmp_path / "a.aiff"
    soundfile.write(aiff, SIGNAL.T, RATE)
    found = AIFF(aiff)
    found.add_tags()
    found.tags.add(id3.TIT2(encoding=3, text=["From AIFF"]))
    found.save()
    assert read_tags(aiff).title == "From AIFF"

    wma = ASF(encode(tmp_path / "a.wma", "asf", "wmav2"))
    name = "cover.png".encode("utf-16-le") + b"\0\0"
    picture = b"\x03" + struct.pack("<I", len(PNG)) + "image/png\0".encode("utf-16-le") + name
    wma.update({"Title": "From WMA", "WM/BeatsPerMinute": "99", "WM/PartOfSet": "2"})
    wma["WM/Picture"] = [ASFByteArrayAttribute(picture + PNG)]
    wma.save()
    assert read_tags(tmp_path / "a.wma") == Tags(title="From WMA", bpm="99", disc="2", cover=PNG)

    wavpack = encode(tmp_path / "a.wv", "wv", "wavpack")
    tags = APEv2()
    tags["Title"] = "From WavPack"
    tags["Cover Art (Front)"] = mutagen.apev2.APEValue(b"cover.jpg\0" + JPEG, 1)
    tags.save(wavpack)
    assert read_tags(wavpack) == Tags(title="From WavPack", cover=JPEG)


def test_wavs_of_recorders_and_editors_are_read(tmp_path):
    path = tmp_path / "song.wav"
    soundfile.write(path, SIGNAL.T, RATE, subtype="PCM_16")
    content = path.read_bytes()
    bext = b"A tape".ljust(338, b"\0") + struct.pack("<Q", 12345) + bytes(256)
    info = b"INFOINAM\x05\0\0\0Caf\xe9\0\0IART\x04\0\0\0Band"
    path.write_bytes(
        content
        + b"bext"
        + struct.pack("<I", len(bext))
        + bext
        + b"LIST"
        + struct.pack("<I", len(info))
        + info
    )
    assert read_tags(path) == Tags(
        title="Café",
        artist="Band",
        broadcast=BroadcastInfo(description="A tape", time_reference=12345, sample_rate=RATE),
    )


def test_file_objects_stay_where_they_were(tmp_path):
    path = write(tmp_path / "song.flac", "flac")
    with path.open("rb") as file:
        assert read_tags(file).title == TAGS.title
        assert file.tell() == 0
    behind = io.BytesIO(b"12345" + path.read_bytes())
    behind.seek(5)
    assert read_tags(behind).title == TAGS.title
    assert behind.tell() == 5


def test_what_is_no_file_has_no_tags(tmp_path):
    assert read_tags((SIGNAL, RATE)) == Tags()
    assert read_tags(tmp_path / "missing.wav") == Tags()
    assert read_tags(tmp_path) == Tags()
    os.mkfifo(tmp_path / "pipe")
    assert read_tags(tmp_path / "pipe") == Tags()
    (tmp_path / "text.mp3").write_text("no music\n" * 500)
    assert read_tags(tmp_path / "text.mp3") == Tags()
    (tmp_path / "text.wav").write_text("RIFF, but no music\n")
    with pytest.raises(AudioError, match=r"text\.wav: a file of this kind has no tags"):
        write_tags(tmp_path / "text.wav", TAGS)


def test_texts_are_one_clean_line_of_bounded_length(tmp_path):
    comments = {"title": ["a\tb\n\nc\x1b[31m"], "artist": ["x" * 5000]}
    path = write(tmp_path / "song.flac", "flac", Tags())
    found = mutagen.File(path)
    found.update(comments)
    found.save()
    tags = read_tags(path)
    assert tags.title == "a b c [31m"
    assert tags.artist == "x" * 997 + "..."


@pytest.mark.parametrize("cover", [b"GIF89a" + bytes(50), JPEG + bytes(9 << 20), b"http://x/y"])
def test_covers_of_other_kinds_or_too_large_are_left_out(tmp_path, caplog, cover):
    path = write(tmp_path / "song.mp3", "mp3", Tags())
    found = MP3(path)
    found.add_tags()
    found.tags.add(id3.TIT2(encoding=3, text=["Kept"]))
    found.tags.add(id3.APIC(encoding=0, mime="-->", type=3, desc="", data=cover))
    found.save()
    assert read_tags(path) == Tags(title="Kept")
    assert "song.mp3: the cover is no JPEG or PNG of at most 8 MiB" in caplog.text


@pytest.mark.parametrize("version", [3, 4])
def test_compressed_frames_are_not_inflated(tmp_path, version):
    bomb = zlib.compress(b"\0image/png\0\x03\0" + PNG + bytes(10 << 20))
    flags = {3: b"\0\x80", 4: b"\0\x09"}[version]
    length = struct.pack(">I", 10 << 20)
    picture = _size(len(bomb) + 4, version) + flags + length + bomb
    title = b"TIT2" + _size(5, version) + b"\0\0\0Kept"
    body = b"APIC" + picture + title
    path = tmp_path / "song.mp3"
    music = write(path, "mp3", Tags()).read_bytes()
    path.write_bytes(b"ID3" + bytes([version, 0, 0]) + _size(len(body), 4) + body + music)
    assert read_tags(path) == Tags(title="Kept")


def _size(size, version):
    if version == 3:
        return struct.pack(">I", size)
    return bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))


def test_endless_tags_are_left_out_with_a_warning(tmp_path, caplog):
    path = tmp_path / "song.mp3"
    with path.open("wb") as file:
        file.write(b"ID3\x04\0\0" + _size(200 << 20, 4))
        file.truncate(220 << 20)
    assert read_tags(path) == Tags()
    assert "song.mp3: the tags are damaged and left out (more than 64 MiB)" in caplog.text


@pytest.mark.parametrize("name", AUDIO_FORMATS)
def test_damaged_tags_never_raise(tmp_path, name, caplog):
    caplog.set_level(logging.ERROR)
    content = write(tmp_path / "song", name, signal=SIGNAL[:, :3000]).read_bytes()
    random = np.random.default_rng(1)
    for round_number in range(60):
        damaged = bytearray(content)
        places = random.integers(0, len(content), 1 + 4 * (round_number % 8))
        places[0] = random.integers(0, min(300, len(content)))
        for place in places:
            damaged[place] = random.integers(256)
        if round_number % 3 == 0:
            del damaged[random.integers(len(damaged)) :]
        assert isinstance(read_tags(io.BytesIO(bytes(damaged))), Tags)
