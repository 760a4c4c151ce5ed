import subprocess
import sys

import numpy as np
import pytest
import soundfile
from signals import tone

import zoo
from zoo.separation.result import SeparationResult

RATE = 44100


def make(peak=0.5, *, weights="given", channels=2, seconds=1.5):
    song = tone(441, num_samples=round(RATE * seconds), gains=[1.0] * channels)
    return SeparationResult(
        stems={"vocals": peak * song, "bass": 0.25 * peak * song},
        residual=0.1 * song,
        sample_rate=RATE,
        name="song.wav",
        model="net",
        weights=weights,
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_float_wav_keeps_every_sample(tmp_path):
    result = make(peak=3.0)
    saved = result.save(tmp_path / "new" / "folder")
    assert saved.gain == 1.0
    assert saved.peak == pytest.approx(3.0, abs=1e-5)
    assert names(tmp_path / "new" / "folder") == ["bass.wav", "vocals.wav"]
    for name, path in saved.paths.items():
        read, rate = soundfile.read(path, dtype="float32")
        assert rate == RATE
        np.testing.assert_array_equal(read.T, result.stems[name])


@pytest.mark.parametrize(
    ("format", "tolerance"),
    [("wav16", 2**-15), ("wav24", 2**-22), ("flac", 2**-22), ("ogg", 0.05), ("mp3", 0.02)],
)
def test_one_gain_for_all_stems_where_a_format_would_clip(tmp_path, format, tolerance):
    result = make(peak=2.0)
    saved = result.save(tmp_path, format=format, residual=True)
    assert saved.gain == pytest.approx(0.5, abs=1e-5)
    assert set(saved.paths) == {"vocals", "bass", "residual"}
    stems = result.stems | {"residual": result.residual}
    for name, path in saved.paths.items():
        read, _ = soundfile.read(path, dtype="float32")
        expected = saved.gain * stems[name]
        np.testing.assert_allclose(read.T[:, : expected.shape[1]], expected, atol=tolerance)


@pytest.mark.parametrize("format", ["wav16", "flac"])
def test_no_gain_where_nothing_clips(tmp_path, format):
    saved = make(peak=0.9).save(tmp_path, format=format)
    assert saved.gain == 1.0
    read, _ = soundfile.read(saved.paths["bass"], dtype="float32")
    np.testing.assert_allclose(read.T, make(peak=0.9).stems["bass"], atol=2**-15)


def test_random_weights_leave_a_note(tmp_path):
    make(weights="random").save(tmp_path)
    assert names(tmp_path) == ["RANDOM_WEIGHTS.txt", "bass.wav", "vocals.wav"]
    assert "net with RANDOM weights" in (tmp_path / "RANDOM_WEIGHTS.txt").read_text()


def test_what_cannot_be_saved_says_why_and_leaves_nothing(tmp_path):
    with pytest.raises(zoo.UnknownNameError, match="did you mean"):
        make().save(tmp_path / "new", format="wav32")
    (tmp_path / "file").write_text("x")
    with pytest.raises(zoo.AudioError, match="cannot create the folder"):
        make().save(tmp_path / "file")
    (tmp_path / "out" / "vocals.wav").mkdir(parents=True)
    with pytest.raises(zoo.AudioError, match=r"cannot write .*vocals\.wav"):
        make().save(tmp_path / "out")
    assert names(tmp_path / "out") == ["vocals.wav"]


FULL_DISK = """
import resource, sys
import numpy as np
from zoo.errors import AudioError
from zoo.separation.result import SeparationResult

resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
noise = np.random.default_rng(0).uniform(-2, 2, (2, 100_000)).astype(np.float32)
result = SeparationResult(
    stems={"a": noise, "b": noise}, residual=noise, sample_rate=44100, name="", model="", weights=""
)
for format in ("wav", "flac", "mp3"):
    try:
        result.save(sys.argv[1], format=format)
    except AudioError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_a_full_disk_leaves_no_stem(tmp_path):
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert output.count("Is the disk full?") == 3
    assert names(tmp_path) == []
