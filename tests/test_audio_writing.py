import subprocess
import sys

import numpy as np
import pytest
import soundfile
from signals import tone

from zoo.audio import AUDIO_FORMATS, AudioWriter, find_format, write_audio
from zoo.errors import AudioError, UnknownNameError

RATE = 44100
SONG = tone(220, num_samples=100_000)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("wav", "FLOAT", 0),
        ("wav24", "PCM_24", 2**-23),
        ("wav16", "PCM_16", 2**-15),
        ("flac", "PCM_24", 2**-23),
        ("ogg", "VORBIS", 0.03),
        ("mp3", "MPEG_LAYER_III", 0.01),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_writes_its_encoding(tmp_path, name, subtype, tolerance, channels):
    path = tmp_path / f"a{AUDIO_FORMATS[name].extension}"
    audio = tone(220, num_samples=100_000, gains=[0.5] * channels)
    write_audio(path, audio, RATE, name=name)
    found = soundfile.info(path)
    assert (found.subtype, found.samplerate, found.channels) == (subtype, RATE, channels)
    read, _ = soundfile.read(path, dtype="float32", always_2d=True)
    if name != "mp3":  # libsndfile hands out the encoder's padding, too
        assert read.shape[0] == audio.shape[1]
    np.testing.assert_allclose(read[: audio.shape[1]].T, audio, rtol=0, atol=tolerance)
    assert names(tmp_path) == [path.name]


def test_float_wav_keeps_samples_beyond_full_scale(tmp_path):
    write_audio(tmp_path / "a.wav", 4 * SONG, RATE)
    assert soundfile.read(tmp_path / "a.wav")[0].max() == pytest.approx(2.0, abs=1e-4)


def test_nothing_stands_under_the_final_name_before_the_end(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(b"the old file")
    options = {"sample_rate": RATE, "num_channels": 2}
    with AudioWriter(path, audio_format=find_format("wav"), **options) as writer:
        writer.write(SONG)
        assert path.read_bytes() == b"the old file"
    assert soundfile.info(path).frames == 100_000


def test_an_error_leaves_nothing_behind(tmp_path):
    def stopped():
        options = {"sample_rate": RATE, "num_channels": 2}
        with AudioWriter(
            tmp_path / "a.flac", audio_format=find_format("flac"), **options
        ) as writer:
            writer.write(SONG)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert names(tmp_path) == []


def test_formats_say_what_they_cannot_hold(tmp_path):
    with pytest.raises(AudioError, match="mp3 cannot hold a sample rate of 96000 Hz"):
        write_audio(tmp_path / "a.mp3", SONG, 96_000, name="mp3")
    with pytest.raises(AudioError, match="at most 192000 Hz"):
        write_audio(tmp_path / "a.ogg", SONG, 384_000, name="ogg")
    with pytest.raises(AudioError, match="6 channels"):
        write_audio(tmp_path / "a.wav", tone(220, gains=[0.5] * 6), RATE)
    with pytest.raises(UnknownNameError, match="flac"):
        write_audio(tmp_path / "a.flac", SONG, RATE, name="flak")
    assert names(tmp_path) == []


def test_folders_that_cannot_be_written_to_are_named(tmp_path):
    with pytest.raises(AudioError, match=r"cannot write .*missing"):
        write_audio(tmp_path / "missing" / "a.wav", SONG, RATE)
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(AudioError, match=r"cannot write .*a\.wav"):
        write_audio(tmp_path / "a.wav", SONG, RATE)
    assert names(tmp_path) == ["a.wav"]


def test_long_wavs_are_written_in_their_64_bit_form(tmp_path):
    options = {"audio_format": find_format("wav"), "sample_rate": RATE, "num_channels": 2}
    with AudioWriter(tmp_path / "a.wav", num_samples=6 * 10**8, **options) as writer:
        writer.write(SONG)
    found = soundfile.info(tmp_path / "a.wav")
    assert (found.format, found.frames) == ("RF64", 100_000)


def test_a_wav_of_unforeseen_length_goes_on_in_64_bits(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.audio.encoders.wav.RIFF_LIMIT", 100_000)
    options = {"audio_format": find_format("wav"), "sample_rate": RATE, "num_channels": 2}
    with AudioWriter(tmp_path / "a.wav", **options) as writer:
        writer.write(SONG)
    found = soundfile.info(tmp_path / "a.wav")
    assert (found.format, found.frames) == ("RF64", 100_000)
    np.testing.assert_array_equal(soundfile.read(tmp_path / "a.wav")[0].T, SONG)


def test_a_wav_that_was_to_be_short_stops_at_4_gib(tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.audio.encoders.wav.RIFF_LIMIT", 100_000)
    options = {"audio_format": find_format("wav"), "sample_rate": RATE, "num_channels": 2}
    writer = AudioWriter(tmp_path / "a.wav", num_samples=1000, **options)
    with pytest.raises(AudioError, match=r"4 GiB.*write flac"), writer:
        writer.write(SONG)
    assert names(tmp_path) == []


@pytest.mark.parametrize(("name", "bits"), [("wav16", 16), ("wav24", 24)])
def test_wavs_keep_the_samples_of_equal_depth_and_clip_at_full_scale(tmp_path, name, bits):
    steps = np.array([[-(2 ** (bits - 1)), -1, 0, 1, 12345, 2 ** (bits - 1) - 1]])
    audio = np.append(steps / 2 ** (bits - 1), [[1.5, -1.5]], axis=1).astype(np.float32)
    write_audio(tmp_path / "a.wav", audio, RATE, name=name)
    read, _ = soundfile.read(tmp_path / "a.wav", dtype="int32")
    ends = [2 ** (bits - 1) - 1, -(2 ** (bits - 1))]
    assert (read >> (32 - bits)).tolist() == [*steps[0].tolist(), *ends]


# Ogg streams have a random serial number, by their standard.
@pytest.mark.parametrize("name", [name for name in AUDIO_FORMATS if name != "ogg"])
def test_equal_samples_give_equal_bytes(tmp_path, name):
    audio_format = find_format(name)
    tracks = ("mixture", "a", "b", "c", "d") if audio_format.is_multitrack else ("",)
    contents = []
    for path in (tmp_path / "first", tmp_path / "second"):
        rate = audio_format.nearest_rate(RATE)
        options = {"audio_format": audio_format, "sample_rate": rate, "num_channels": 2}
        with AudioWriter(path, track_names=tracks, **options) as writer:
            writer.write(*[SONG] * len(tracks))
        contents.append(path.read_bytes())
    assert contents[0] == contents[1]


FULL_DISK = """
import resource, sys
import numpy as np
from zoo.audio import find_format, write_audio
from zoo.errors import AudioError

resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
noise = np.random.default_rng(0).uniform(-0.9, 0.9, (2, 400_000)).astype(np.float32)
for name in ["wav", "wav16", "flac", "ogg", "mp3", "alac", "opus", "m4a", "mka"]:
    try:
        rate = find_format(name).nearest_rate(44100)
        write_audio(sys.argv[1] + "/a." + name, noise, rate, name=name)
    except AudioError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path):
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.count("Is the disk full?") == 9
    assert names(tmp_path) == []
