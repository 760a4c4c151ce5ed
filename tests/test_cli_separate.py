import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile
from signals import write_song
from waiting import wait_until

from zoo.cli import main
from zoo.errors import AudioError
from zoo.separation.planning import plan_separations

RATE = 44100
MODEL = ["--model", "lightsaft_tfctdf_tiny", "--weights", "random"]
TINY = [*MODEL, "--device", "cpu", "--backend", "torch"]
STEMS = ["bass", "drums", "other", "vocals"]


def separate(*arguments):
    return main(["separate", *TINY, *map(str, arguments)])


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_song_becomes_a_folder_of_stems(tmp_path, capsys):
    song = write_song(tmp_path / "song.flac", rate=48000, channels=1)
    assert separate(song, "-o", tmp_path / "out") == 0
    assert files_below(tmp_path / "out") == [
        "RANDOM_WEIGHTS.txt",
        "song/RANDOM_WEIGHTS.txt",
        *(f"song/{name}.wav" for name in ["bass", "drums", "other"]),
        "song/separation.json",
        "song/vocals.wav",
    ]
    stems = []
    for name in STEMS:
        found = soundfile.info(tmp_path / "out" / "song" / f"{name}.wav")
        assert (found.samplerate, found.channels, found.frames) == (48000, 1, 24000)
        assert found.subtype == "FLOAT"
        stems.append(soundfile.read(tmp_path / "out" / "song" / f"{name}.wav")[0])
    np.testing.assert_allclose(np.sum(stems, axis=0), soundfile.read(song)[0], atol=1e-6)
    captured = capsys.readouterr()
    assert "random weights" in captured.err
    assert captured.out.splitlines()[0] == (
        "lightsaft_tfctdf_tiny on cpu: vocals, drums, bass, other"
    )
    assert captured.out.splitlines()[1].startswith("song.flac: 0.5 s in ")


def test_several_pitches_are_said_and_how_to_have_one(tmp_path, capsys):
    song = write_song(tmp_path / "song.wav")
    assert separate(song, "-o", tmp_path / "asked", "--pitches", "3") == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("lightsaft_tfctdf_tiny on cpu at 3 pitches: vocals, drums")
    assert "--pitches 1" not in captured.err
    house = ["separate", "--model", "lightsaft_tfctdf_small", "--weights", "house"]
    assert main([*house, str(song), "-o", str(tmp_path / "unasked")]) == 0
    captured = capsys.readouterr()
    assert "at 3 pitches" in captured.out
    assert "note: --pitches 1 is faster" in captured.err


def test_options_choose_stems_and_format(tmp_path, capsys):
    song = write_song(tmp_path / "song.wav")
    assert separate(song, "-o", tmp_path / "a", "--sources", "drums,bass", "-f", "ogg") == 0
    assert [name for name in files_below(tmp_path / "a") if name.endswith(".ogg")] == [
        "song/bass.ogg",
        "song/drums.ogg",
    ]
    assert separate(song, "-o", tmp_path / "b", "--two-stems", "vocals", "-f", "wav16") == 0
    parts = [
        soundfile.read(tmp_path / "b" / "song" / f"{name}.wav")[0]
        for name in ("vocals", "no_vocals")
    ]
    np.testing.assert_allclose(sum(parts), soundfile.read(song)[0], atol=1e-4)
    record = json.loads((tmp_path / "b" / "song" / "separation.json").read_text())
    assert record["num_samples"] == 22050
    assert record["gain"] == 1.0
    assert set(record["stems"]) == {"vocals", "no_vocals"}
    assert record["request"]["weights"] == "random"


def test_one_bad_file_does_not_stop_the_others(tmp_path, capsys):
    folder = tmp_path / "songs"
    write_song(folder / "album" / "good.wav")
    write_song(folder / "six.wav", channels=6)
    (folder / "empty.wav").write_bytes(b"")
    (folder / "text.mp3").write_text("no music at all\n" * 500)
    soundfile.write(folder / "nan.wav", np.full((100, 2), np.nan), RATE, subtype="FLOAT")
    soundfile.write(folder / "nothing.wav", np.zeros((0, 2)), RATE)
    cut = write_song(folder / "cut.wav")
    cut.write_bytes(cut.read_bytes()[:1000])
    (folder / "notes.txt").write_text("not audio by name")
    (folder / ".hidden.wav").write_bytes(b"")
    assert separate(folder, tmp_path / "missing.wav", "-o", tmp_path / "out") == 1
    captured = capsys.readouterr()
    for name, reason in {
        "six.wav": "6 channels",
        "empty.wav": "empty",
        "text.mp3": "not readable as audio",
        "nan.wav": "NaN",
        "nothing.wav": "no audio samples",
        "cut.wav": "cut off",
        "missing.wav": "no such file",
    }.items():
        lines = [line for line in captured.err.splitlines() if line.startswith(f"error: {name}: ")]
        assert len(lines) == 1
        assert reason in lines[0]
    assert "7 of 8 failed" in captured.err
    assert "good.wav: 0.5 s" in captured.out
    wavs = [name for name in files_below(tmp_path / "out") if name.endswith(".wav")]
    assert wavs == [f"album/good/{name}.wav" for name in STEMS]
    assert not [name for name in files_below(tmp_path / "out") if "partial" in name]


def test_a_second_run_skips_what_is_complete(tmp_path, capsys):
    song = write_song(tmp_path / "song.wav")
    out = tmp_path / "out"
    separate(song, "-o", out)
    stem = out / "song" / "vocals.wav"
    first = stem.stat().st_mtime_ns
    capsys.readouterr()
    assert separate(song, "-o", out) == 0
    assert "song.wav: complete already" in capsys.readouterr().out
    assert stem.stat().st_mtime_ns == first
    assert separate(song, "-o", out, "--overwrite") == 0
    assert "complete already" not in capsys.readouterr().out


@pytest.mark.parametrize("change", ["format", "stem", "song", "record"])
def test_what_is_incomplete_or_different_is_done_again(tmp_path, capsys, change):
    song = write_song(tmp_path / "song.wav")
    out = tmp_path / "out"
    separate(song, "-o", out)
    capsys.readouterr()
    options = []
    if change == "format":
        options = ["-f", "wav16"]
    elif change == "stem":
        stem = out / "song" / "bass.wav"
        stem.write_bytes(stem.read_bytes()[:-8])
    elif change == "song":
        write_song(song, seconds=0.7)
    else:
        (out / "song" / "separation.json").write_text("{")
    assert separate(song, "-o", out, *options) == 0
    assert "complete already" not in capsys.readouterr().out
    assert soundfile.info(out / "song" / "bass.wav").frames == soundfile.info(song).frames


def test_songs_of_one_name_get_folders_of_their_own(tmp_path):
    paths = [write_song(tmp_path / "in" / name) for name in ("a.wav", "a.flac", "b.wav", "c/a.wav")]
    planned = plan_separations([tmp_path / "in", paths[0]], tmp_path / "out").songs
    assert {str(song.folder.relative_to(tmp_path / "out")) for song in planned} == {
        "a.wav",
        "a.flac",
        "b",
        "c/a",
    }
    assert len(planned) == 4


def test_the_output_folder_is_not_taken_for_input(tmp_path):
    write_song(tmp_path / "a.wav")
    write_song(tmp_path / "separated" / "a" / "vocals.wav")
    planned = plan_separations([tmp_path], tmp_path / "separated").songs
    assert [(song.path, song.folder) for song in planned] == [
        (tmp_path / "a.wav", tmp_path / "separated" / "a")
    ]


def test_wrong_usage_is_refused_before_any_work(tmp_path, capsys):
    song = write_song(tmp_path / "song.wav")
    (tmp_path / "empty").mkdir()
    with pytest.raises(AudioError, match="no audio files"):
        plan_separations([tmp_path / "empty"], tmp_path / "out")
    for options, message in (
        (["-f", "wma"], "unknown audio format"),
        (["--sources", "vocals,piano"], "piano"),
        (["--two-stems", "vocals", "--sources", "bass"], "both"),
        (["--device", "tpu"], "unknown device"),
        (["--precision", "int4"], "unknown precision"),
        (["--chunk-seconds", "0.001"], "chunk_seconds"),
        (["--batch-size", "0"], "batch_size"),
    ):
        assert separate(song, "-o", tmp_path / "out", *options) == 1
        assert message in capsys.readouterr().err
    (tmp_path / "file").write_text("x")
    assert separate(song, "-o", tmp_path / "file") == 1
    assert "cannot create the folder" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.wav.*"))


def test_without_weights_it_refuses(tmp_path, capsys):
    song = write_song(tmp_path / "song.wav")
    command = ["separate", str(song), "-o", str(tmp_path / "out"), "--model", "cunet_tfc_film"]
    assert main(command) == 1
    assert "cunet_tfc_film" in capsys.readouterr().err
    assert not (tmp_path / "out" / "song").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_leaves_no_file_under_a_final_name(tmp_path, number):
    song = write_song(tmp_path / "song.wav", seconds=400)
    command = [sys.executable, "-m", "zoo", "separate", str(song), "-o", str(tmp_path / "out")]
    process = subprocess.Popen([*command, *TINY], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    folder = tmp_path / "out" / "song"

    def is_writing():
        assert process.poll() is None
        return any(path.stat().st_size > 100_000 for path in folder.glob(".*.partial"))

    wait_until(is_writing)
    os.kill(process.pid, number)
    process.communicate()
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    left = files_below(folder)
    assert [name for name in left if not name.startswith(".")] == ["RANDOM_WEIGHTS.txt"]
    if number == signal.SIGTERM:
        assert left == ["RANDOM_WEIGHTS.txt"]
