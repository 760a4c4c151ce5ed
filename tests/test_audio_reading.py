import io
import shutil
import subprocess

import numpy as np
import pytest
import soundfile
from signals import tone, write

from zoo.audio import MissingAudioError, open_audio, read_audio
from zoo.audio.reader import AudioInfo
from zoo.errors import AudioError

RATE = 44100
SONG = tone(220, num_samples=30_000)
TWO_SAMPLES = tone(220, num_samples=2)
needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="the ffmpeg program is not installed"
)


def run_ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True)


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("a.wav", "PCM_16", 2**-15),
        ("a.wav", "PCM_24", 2**-23),
        ("a.wav", "FLOAT", 0),
        ("a.wav", "DOUBLE", 0),
        ("a.wav", "PCM_U8", 2**-7),
        ("a.aiff", "PCM_16", 2**-15),
        ("a.caf", "PCM_24", 2**-23),
        ("a.flac", "PCM_24", 2**-23),
        ("a.ogg", "VORBIS", 0.05),
        ("a.mp3", "MPEG_LAYER_III", 0.05),
    ],
)
def test_every_format_reads_at_its_length_and_level(tmp_path, name, subtype, tolerance):
    audio = SONG
    read, rate = read_audio(write(tmp_path / name, audio, subtype=subtype))
    assert rate == RATE
    assert read.dtype == np.float32
    assert read.shape == audio.shape
    inner = slice(None) if tolerance < 0.01 else slice(3000, -3000)  # lossy ones ring at the ends
    np.testing.assert_allclose(read[:, inner], audio[:, inner], rtol=0, atol=tolerance)


def test_opus_reads(tmp_path):
    audio = tone(220, num_samples=48_000, rate=48_000)
    path = write(tmp_path / "a.opus", audio, 48_000, format="OGG", subtype="OPUS")
    read, rate = read_audio(path)
    assert (rate, read.shape) == (48_000, (2, 48_000))
    np.testing.assert_allclose(read[:, 3000:-3000], audio[:, 3000:-3000], atol=0.08)


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (192_000, 2), (44100, 6)])
def test_rates_and_channels_come_as_they_are(tmp_path, rate, channels):
    audio = tone(220, num_samples=1000, rate=rate, gains=np.linspace(0.5, 0.1, channels))
    path = write(tmp_path / "a.wav", audio, rate)
    with open_audio(path) as reader:
        assert reader.info == AudioInfo(
            name="a.wav", sample_rate=rate, num_channels=channels, num_samples=1000
        )
        assert reader.info.seconds == 1000 / rate
        np.testing.assert_array_equal(np.concatenate(list(reader.blocks(64)), axis=1), audio)


def test_one_sample_reads(tmp_path):
    read, _ = read_audio(write(tmp_path / "a.wav", TWO_SAMPLES[:, 1:]))
    np.testing.assert_array_equal(read, TWO_SAMPLES[:, 1:])


def test_blocks_join_to_the_whole(tmp_path):
    path = write(tmp_path / "a.flac", SONG)
    with open_audio(path) as reader:
        blocks = list(reader.blocks(7001))
    assert [block.shape[1] for block in blocks] == [7001, 7001, 7001, 7001, 1996]
    np.testing.assert_array_equal(np.concatenate(blocks, axis=1), read_audio(path)[0])


def test_file_objects_read_like_files(tmp_path):
    path = write(tmp_path / "a.flac", SONG)
    read, rate = read_audio(io.BytesIO(path.read_bytes()))
    assert rate == RATE
    np.testing.assert_array_equal(read, read_audio(path)[0])


def test_arrays_read_as_float(tmp_path):
    audio = tone(220, num_samples=100)
    np.testing.assert_array_equal(read_audio((audio, RATE))[0], audio)
    np.testing.assert_array_equal(read_audio((audio[0].astype(np.float64), RATE))[0], audio[:1])
    integers = np.array([[-32768, 0, 16384]], np.int16)
    np.testing.assert_array_equal(read_audio((integers, 8000))[0], [[-1.0, 0.0, 0.5]])
    integers = np.array([[-(2**31), 2**30]], np.int32)
    np.testing.assert_array_equal(read_audio((integers, 8000))[0], [[-1.0, 0.5]])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ((tone(220, num_samples=10), 44100.0), "whole Hz"),
        ((tone(220, num_samples=10), 20), "sample rate of 20 Hz"),
        ((tone(220, num_samples=10), 10**7), "sample rate of 10000000 Hz"),
        ((tone(220, num_samples=10), 44100, 3), "tuple of 3"),
        ((tone(220, num_samples=100).T, RATE), "transpose"),
        ((np.zeros((1, 2, 3), np.float32), RATE), r"\(1, 2, 3\).*\(channels, samples\)"),
        ((np.zeros((2, 9), np.int64), RATE), "int64"),
        ((np.zeros((2, 9), complex), RATE), "complex128"),
        ((np.zeros((2, 0), np.float32), RATE), "no audio samples"),
        (12, "got int"),
    ],
)
def test_wrong_sources_are_refused(source, message):
    with pytest.raises(AudioError, match=message):
        read_audio(source)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_located(tmp_path, value):
    audio = tone(220, num_samples=30_000)
    audio[1, 22_050] = value
    path = write(tmp_path / "a.wav", audio)
    with open_audio(path) as reader, pytest.raises(AudioError, match=r"22050 \(0\.500 s\)"):
        list(reader.blocks(1000))


def test_paths_that_are_no_files_are_refused(tmp_path):
    with pytest.raises(AudioError, match="is a folder"):
        open_audio(tmp_path)
    with pytest.raises(MissingAudioError, match=r"missing\.wav: no such file"):
        open_audio(tmp_path / "missing.wav")
    with pytest.raises(FileNotFoundError):
        open_audio(str(tmp_path / "missing.wav"))
    with pytest.raises(AudioError, match="cannot be opened"):
        open_audio("x" * 5000)


def test_empty_files_are_refused(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"")
    with pytest.raises(AudioError, match=r"a\.wav: the file is empty"):
        open_audio(tmp_path / "a.wav")
    with pytest.raises(AudioError, match="empty"):
        open_audio(io.BytesIO())
    path = write(tmp_path / "b.wav", np.zeros((2, 0), np.float32))
    with pytest.raises(AudioError, match=r"b\.wav: the file holds no audio samples"):
        read_audio(path)


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.caf", "a.flac", "a.ogg", "a.mp3"])
def test_cut_off_files_are_refused(tmp_path, name):
    content = write(tmp_path / name, tone(220, num_samples=90_000)).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(AudioError, match=name) as caught:
        read_audio(tmp_path / name)
    if name != "a.caf":
        assert "again" in str(caught.value)


@pytest.mark.parametrize("num_missing", [1, 100, 5000])
def test_an_ogg_without_its_last_page_is_cut_off(tmp_path, num_missing):
    content = write(tmp_path / "a.ogg", tone(220, num_samples=90_000)).read_bytes()
    assert read_audio(io.BytesIO(content))[0].shape == (2, 90_000)
    with pytest.raises(AudioError, match=r"cut off.*last page"):
        read_audio(io.BytesIO(content[:-num_missing]))


def test_a_wav_of_unknown_length_is_no_cut_off_file(tmp_path):
    content = bytearray(write(tmp_path / "a.wav", SONG, subtype="PCM_16").read_bytes())
    place = content.index(b"data") + 4
    content[4:8] = content[place : place + 4] = b"\xff\xff\xff\xff"
    (tmp_path / "a.wav").write_bytes(content)
    assert read_audio(tmp_path / "a.wav")[0].shape == (2, 30_000)


@pytest.mark.parametrize("name", ["a.wav", "a.mp3", "a.raw", "a"])
def test_text_under_another_name_is_refused(tmp_path, name):
    (tmp_path / name).write_text("this is no music\n" * 1000)
    with pytest.raises(AudioError, match=f"{name}: not readable as audio"):
        read_audio(tmp_path / name)
    with pytest.raises(AudioError, match="not readable as audio"):
        read_audio(io.BytesIO(b"this is no music\n" * 1000))


def test_without_ffmpeg_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda program: None)
    (tmp_path / "a.m4a").write_bytes(b"\0\0\0\x20ftypM4A " * 10)
    with pytest.raises(AudioError, match=r"a\.m4a.*install ffmpeg"):
        open_audio(tmp_path / "a.m4a")


@needs_ffmpeg
@pytest.mark.parametrize("name", ["a.m4a", "a.mp4", "a.webm", "a.mka", "-i.m4a"])
def test_other_containers_read_through_ffmpeg(tmp_path, name):
    audio = tone(220, num_samples=48_000, rate=48_000)
    write(tmp_path / "a.wav", audio, 48_000)
    run_ffmpeg("-i", tmp_path / "a.wav", f"file:{tmp_path / name}")
    read, rate = read_audio(tmp_path / name)
    assert rate == 48_000
    assert read.shape[0] == 2
    assert abs(read.shape[1] - 48_000) <= 2048
    inner = slice(5000, 40_000)
    np.testing.assert_allclose(read[:, inner], audio[:, inner], atol=0.1)
    same, _ = read_audio(io.BytesIO((tmp_path / name).read_bytes()))
    np.testing.assert_array_equal(same, read)


@needs_ffmpeg
def test_an_mp3_without_length_tag_is_read_to_its_end(tmp_path):
    noise = np.random.default_rng(0).standard_normal((2, 120_000)).astype(np.float32)
    audio = np.concatenate([0.3 * noise, 0.001 * noise, 0.001 * noise], axis=1)
    write(tmp_path / "a.wav", audio)
    run_ffmpeg("-i", tmp_path / "a.wav", "-write_xing", "0", "-q:a", "5", tmp_path / "a.mp3")
    assert soundfile.info(tmp_path / "a.mp3").frames < 300_000
    read, _ = read_audio(tmp_path / "a.mp3")
    assert abs(read.shape[1] - 360_000) < 3000


@needs_ffmpeg
def test_playlists_cannot_reach_other_files(tmp_path):
    secret = write(tmp_path / "secret.wav", SONG)
    playlist = tmp_path / "a.mp4"
    playlist.write_text(f"#EXTM3U\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n")
    with pytest.raises(AudioError, match="not readable as audio"):
        read_audio(playlist)
    playlist.write_text(f"ffconcat version 1.0\nfile '{secret}'\n")
    with pytest.raises(AudioError, match="not readable as audio"):
        read_audio(playlist)


@needs_ffmpeg
def test_a_video_without_sound_is_refused(tmp_path):
    run_ffmpeg("-f", "lavfi", "-i", "color=size=64x64:duration=1", tmp_path / "a.mp4")
    with pytest.raises(AudioError, match=r"a\.mp4.*no audio stream"):
        read_audio(tmp_path / "a.mp4")


@needs_ffmpeg
def test_an_abandoned_ffmpeg_reader_ends_its_process(tmp_path):
    write(tmp_path / "a.wav", tone(220, num_samples=500_000))
    run_ffmpeg("-i", tmp_path / "a.wav", tmp_path / "a.m4a")
    with open_audio(tmp_path / "a.m4a") as reader:
        assert next(iter(reader.blocks(1000))).shape == (2, 1000)
