import io
import os
import threading
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from media import encode
from signals import tone, write

from zoo.audio import MissingAudioError, open_audio, read_audio
from zoo.audio.reader import AudioInfo
from zoo.errors import AudioError

RATE = 44100
SONG = tone(220, num_samples=30_000)
TWO_SAMPLES = tone(220, num_samples=2)


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


M4A = {"container": "mp4", "codec": "aac", "bit_rate": 192_000}
WEBM = {"container": "webm", "codec": "libopus", "bit_rate": 192_000}
MKA = {"container": "matroska", "codec": "flac"}


@pytest.mark.parametrize(
    ("name", "how"),
    [("a.m4a", M4A), ("a.mp4", M4A), ("a.webm", WEBM), ("a.mka", MKA), ("-i.m4a", M4A)],
)
def test_other_containers_read_through_pyav(tmp_path, name, how):
    audio = tone(220, num_samples=48_000, rate=48_000)
    (tmp_path / name).write_bytes(encode(audio, rate=48_000, **how))
    read, rate = read_audio(tmp_path / name)
    assert rate == 48_000
    assert read.shape == (2, 48_000)
    inner = slice(5000, 40_000)
    np.testing.assert_allclose(read[:, inner], audio[:, inner], atol=0.1)
    same, _ = read_audio(io.BytesIO((tmp_path / name).read_bytes()))
    np.testing.assert_array_equal(same, read)


def test_an_mp3_without_length_tag_is_read_to_its_end(tmp_path):
    noise = np.random.default_rng(0).standard_normal((2, 120_000)).astype(np.float32)
    audio = np.concatenate([0.3 * noise, 0.001 * noise, 0.001 * noise], axis=1)
    options = {"write_xing": "0"}
    content = encode(audio, rate=RATE, container="mp3", codec="libmp3lame", options=options)
    read, _ = read_audio(io.BytesIO(content))
    assert abs(read.shape[1] - 360_000) < 3000


def test_a_video_without_sound_is_refused(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as video:
        stream = video.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        for _ in range(5):
            video.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        video.mux(stream.encode(None))
    with pytest.raises(AudioError, match=r"a\.mp4.*no audio stream"):
        read_audio(tmp_path / "a.mp4")


def test_an_abandoned_reader_closes_its_file(tmp_path):
    (tmp_path / "a.m4a").write_bytes(encode(SONG, rate=RATE, **M4A))
    with open_audio(tmp_path / "a.m4a") as reader:
        assert next(iter(reader.blocks(1000))).shape == (2, 1000)
    open_files = {os.path.realpath(path) for path in Path("/proc/self/fd").iterdir()}
    assert str(tmp_path / "a.m4a") not in open_files


def test_streams_of_one_file_are_chosen_by_number():
    signals = [tone(220 * (number + 1), num_samples=20_000) for number in range(5)]
    content = encode(*signals, rate=RATE, container="mp4", codec="alac")
    for number, signal in enumerate(signals):
        with open_audio(io.BytesIO(content), stream=number) as reader:
            read = np.concatenate(list(reader.blocks()), axis=1)
        np.testing.assert_allclose(read, signal, rtol=0, atol=2**-15)
    with pytest.raises(AudioError, match=r"5 audio streams"):
        open_audio(io.BytesIO(content), stream=5)


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "PCM_S8", "PCM_16", "PCM_24", "PCM_32"])
@pytest.mark.parametrize("container", ["AU", "CAF", "AIFF"])
def test_bare_samples_are_those_of_libsndfile(tmp_path, container, subtype):
    path = tmp_path / "a"
    soundfile.write(path, SONG.T, RATE, format=container, subtype=subtype)
    expected, _ = soundfile.read(path, dtype="float32", always_2d=True)
    np.testing.assert_array_equal(read_audio(path)[0], expected.T)


@pytest.mark.parametrize("num_samples", [1, 100, 1000, 10_000, 30_000])
@pytest.mark.parametrize(
    ("container", "subtype", "rate"),
    [
        ("OGG", "VORBIS", 44_100),
        ("OGG", "OPUS", 48_000),
        ("FLAC", "PCM_16", 44_100),
        ("MP3", "MPEG_LAYER_III", 44_100),
        ("MP3", "MPEG_LAYER_III", 22_050),
        ("MP3", "MPEG_LAYER_III", 8_000),
    ],
)
def test_what_an_encoder_added_is_taken_off_again(container, subtype, rate, num_samples):
    file = io.BytesIO()
    soundfile.write(file, SONG[:, :num_samples].T, rate, format=container, subtype=subtype)
    file.seek(0)
    with open_audio(file) as reader:
        read = np.concatenate(list(reader.blocks()), axis=1)
    assert read.shape == (2, num_samples)
    if reader.info.has_exact_length:
        assert reader.info.num_samples == num_samples


class Pipe(io.RawIOBase):
    """A stream that cannot be sought in."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._file = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return self._file.readinto(buffer)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3"])
def test_pipes_are_read(tmp_path, name):
    path = write(tmp_path / name, SONG, RATE)
    np.testing.assert_array_equal(read_audio(Pipe(path.read_bytes()))[0], read_audio(path)[0])


def test_an_empty_pipe_is_refused():
    with pytest.raises(AudioError, match="empty"):
        open_audio(Pipe(b""))


def test_a_pipe_without_end_is_refused(monkeypatch):
    monkeypatch.setattr("zoo.audio.opening.MAX_PIPE_BYTES", 1 << 20)
    with pytest.raises(AudioError, match="came through the pipe"):
        open_audio(Pipe(bytes(3 << 20)))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_named_pipe_is_no_empty_file(tmp_path):
    content = write(tmp_path / "a.wav", SONG, RATE).read_bytes()
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(content,))
    writer.start()
    read, _ = read_audio(tmp_path / "pipe")
    writer.join()
    assert read.shape == SONG.shape


def test_more_than_the_limit_is_refused(tmp_path):
    path = write(tmp_path / "a.flac", SONG, RATE)
    with open_audio(path, max_values=2 * 30_000) as reader:
        assert sum(block.shape[1] for block in reader.blocks()) == 30_000
    with (
        open_audio(path, max_values=2 * 30_000 - 1) as reader,
        pytest.raises(AudioError, match=r"a\.flac: more than 59999 samples"),
    ):
        list(reader.blocks())
