"""Songs that come by a pipe and a stem that leaves by one; whatever befalls one song."""

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from waiting import PATIENCE

import zoo
from tests.fake_networks import Gains
from zoo.cli import main
from zoo.errors import AudioError
from zoo.separation.files import FileSeparation
from zoo.separation.pipes import as_file, write_wav_stream

RATE = 44100
TINY = ["-m", "lightsaft_tfctdf_tiny", "-w", "random", "--device", "cpu", "--backend", "torch"]
ZOO = [sys.executable, "-m", "zoo", "separate", *TINY]
# Each process takes seconds to start, so that one song serves all of them.
AUDIO = np.random.default_rng(0).uniform(-0.5, 0.5, (RATE // 3, 2)).astype(np.float32)


@pytest.fixture
def song(tmp_path):
    soundfile.write(tmp_path / "song.wav", AUDIO, RATE, subtype="FLOAT")
    return tmp_path / "song.wav"


def run(*arguments, **options):
    return subprocess.run(
        [*ZOO, *map(str, arguments)], capture_output=True, timeout=PATIENCE, check=False, **options
    )


def test_standard_input_to_standard_output(song):
    done = run("-", "-o", "-", "--two-stems", "vocals", input=song.read_bytes())
    assert done.returncode == 0, done.stderr
    estimate, rate = soundfile.read(io.BytesIO(done.stdout), dtype="float32")
    expected = zoo.Separator(
        "lightsaft_tfctdf_tiny", weights="random", device="cpu", backend="torch"
    )(song, sources="vocals")
    assert rate == RATE
    np.testing.assert_array_equal(estimate.T, expected.stems["vocals"])
    assert b"random weights" in done.stderr


@pytest.mark.parametrize("source", ["-", "/dev/stdin"])
def test_a_song_from_standard_input_gets_a_folder(tmp_path, song, source):
    if source != "-" and not Path(source).exists():
        pytest.skip("this system has no /dev/stdin")
    with song.open("rb") as file:
        pipe = subprocess.Popen(["cat"], stdin=file, stdout=subprocess.PIPE)
        done = run(source, "-o", tmp_path / "out", "-s", "bass", stdin=pipe.stdout)
        pipe.wait()
    assert done.returncode == 0, done.stderr
    (stem,) = (tmp_path / "out").rglob("bass.wav")
    assert soundfile.info(stem).frames == len(AUDIO)


def test_a_pipe_with_a_name_is_read_once_and_kept_as_long_as_needed(tmp_path, song):
    fifo = tmp_path / "fifo.wav"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(song.read_bytes()))
    writer.start()
    with as_file(fifo) as path:
        assert path.read_bytes() == song.read_bytes()
        assert path.name == "fifo.wav"
    writer.join()
    assert not path.exists()
    with as_file(song) as path:
        assert path == song


def test_a_pipe_that_brings_nothing_is_said(tmp_path):
    done = run("-", "-o", tmp_path / "out", stdin=subprocess.DEVNULL)
    assert done.returncode == 1
    assert b"nothing came through the pipe" in done.stderr


def test_standard_output_wants_one_song_and_one_stem(song, tmp_path, capsys):
    for arguments, message in (
        ([song, song, "-s", "bass"], "takes one song"),
        ([tmp_path, "-s", "bass"], "takes one song"),
        ([song], "writes one stem"),
        ([song, "-s", "bass,drums"], "writes one stem"),
    ):
        assert main(["separate", *TINY, *map(str, arguments), "-o", "-"]) == 1
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("num_samples", [len(AUDIO), None])
def test_a_wav_stream_reads_back_sample_by_sample(num_samples):
    stream = io.BytesIO()
    blocks = [AUDIO.T[:, :1000], AUDIO.T[:, 1000:]]
    written = write_wav_stream(stream, blocks, sample_rate=RATE, num_samples=num_samples)
    assert written == len(AUDIO)
    content = stream.getvalue()
    size = int.from_bytes(content[4:8], "little")
    assert size == (len(content) - 8 if num_samples else 0xFFFFFFFF)
    if num_samples:
        read, rate = soundfile.read(io.BytesIO(content), dtype="float32")
        assert rate == RATE
        np.testing.assert_array_equal(read, AUDIO)


class NotFinite(Gains):
    """Makes one sample of one source that is no number."""

    def forward(self, mixture, *, sources):
        estimates = super().forward(mixture, sources=sources).clone()
        estimates[:, 1, :, 10_000] = float("inf")
        return estimates


def test_only_finite_samples_are_handed_out():
    separator = zoo.Separator(NotFinite(), device="cpu", mixture_consistency=False)
    context = separator._chunking.context
    with pytest.raises(AudioError, match=r"estimate of drums is not finite from sample (\d+)") as e:
        separator((np.full((2, 60_000), 0.1, np.float32), RATE))
    assert f"from sample {10_000 - context} (" in str(e.value)


def test_whatever_befalls_one_song_the_others_are_done(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.wav", "b.wav", "c.wav", "d.wav"):
        soundfile.write(folder / name, AUDIO[: RATE // 10], RATE)
    prepare = FileSeparation.prepare
    faults = {"a.wav": MemoryError(), "b.wav": ZeroDivisionError("division by zero")}

    def fail(separation):
        if separation._path.name in faults:
            raise faults[separation._path.name]
        return prepare(separation)

    monkeypatch.setattr(FileSeparation, "prepare", fail)
    assert main(["separate", *TINY, str(folder), "-o", str(tmp_path / "out")]) == 1
    captured = capsys.readouterr()
    assert "error: a.wav: MemoryError" in captured.err
    assert "error: b.wav: division by zero" in captured.err
    assert "2 of 4 failed" in captured.err
    assert "Traceback" not in captured.err
    assert [line.split(":")[0] for line in captured.out.splitlines()[1:]] == ["c.wav", "d.wav"]


def test_damage_inside_a_song_is_refused_or_becomes_silence_on_request(tmp_path, capsys, caplog):
    soundfile.write(tmp_path / "song.flac", AUDIO, RATE, subtype="PCM_16")
    content = bytearray((tmp_path / "song.flac").read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = bytes(2000)
    (tmp_path / "song.flac").write_bytes(content)
    command = ["separate", *TINY, str(tmp_path / "song.flac"), "-o", str(tmp_path / "out")]
    assert main(command) == 1
    assert "error: song.flac: " in capsys.readouterr().err
    assert not list((tmp_path / "out").rglob("*.wav"))
    assert main([*command, "--keep-going"]) == 0
    assert "song.flac" in caplog.text
    for stem in (tmp_path / "out" / "song").glob("*.wav"):
        assert soundfile.info(stem).frames == len(AUDIO)
