"""Folders as people have them, through separate, the app and train: no file goes without a word.

Twelve formats, odd names, links, damage and everything else that lies about in a folder.
"""

import re
import shutil

import numpy as np
import pytest
import soundfile
import yaml
from accelerate.state import AcceleratorState
from app_server import MODEL, tiny_config
from media import chirp, encode
from training_data import SPEC

from zoo.audio import open_audio
from zoo.cli import main
from zoo.separation.record import SeparationRecord
from zoo.ui.models import ModelShelf
from zoo.ui.services import Services
from zoo.ui.songs import SongError

RATE = 44100
SECONDS = 1.5
SONG = chirp(SECONDS, RATE)
ENCODERS = {
    "m4a": ("ipod", "aac"),
    "mka": ("matroska", "flac"),
    "wma": ("asf", "wmav2"),
    "wv": ("wv", "wavpack"),
    "tta": ("tta", "tta"),
    "mp3": ("mp3", "libmp3lame"),
    "ac3": ("ac3", "ac3"),
}
BIT_RATES = {"wmav2": 128_000}
NATIVE = {"wav": "WAV", "flac": "FLAC", "ogg": "OGG", "aiff": "AIFF", "au": "AU", "w64": "W64"}
GOOD_NAMES = {
    "wav": "01 plain.wav",
    "flac": "\u97f3\u697d.flac",
    "ogg": "dots...ogg",
    "aiff": "UPPER.AIFF",
    "au": "-dash.au",
    "w64": "nul.w64",
    "m4a": "emoji \U0001f3b5.m4a",
    "mka": "comma, semicolon;.mka",
    "wma": "quote ' and %s.wma",
    "wv": "trailing space .wv",
    "tta": "x" * 180 + ".tta",
    "mp3": "CD1/01.mp3",
    "ac3": "CD2/01.ac3",
}


def make(extension, signal=SONG, rate=RATE):
    """Return the bytes of a file of a kind."""
    if extension in ENCODERS:
        container, codec = ENCODERS[extension]
        return encode(
            signal, rate=rate, container=container, codec=codec, bit_rate=BIT_RATES.get(codec)
        )
    path = make.folder / f"made.{extension}"
    soundfile.write(path, signal.T, rate, format=NATIVE[extension])
    return path.read_bytes()


@pytest.fixture(scope="module")
def album(tmp_path_factory):
    """Thirty files: thirteen good songs, six bad ones and eleven that are no songs."""
    make.folder = tmp_path_factory.mktemp("made")
    root = tmp_path_factory.mktemp("home") / "album"
    content = {extension: make(extension) for extension in GOOD_NAMES}
    files = {name: content[extension] for extension, name in GOOD_NAMES.items()}
    files |= {
        "bad/cut.m4a": content["m4a"][: len(content["m4a"]) // 2],
        "bad/cut.flac": content["flac"][: len(content["flac"]) // 2],
        "bad/empty.wav": b"",
        "bad/page.mp3": b"<!DOCTYPE html><html><body>404</body></html>" * 50,
        "bad/pointer.wav": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
        "bad/playlist.ogg": b"#EXTM3U\n#EXTINF:1,\n../01 plain.wav\n",
        "cover.jpg": b"\xff\xd8\xff",
        "notes.txt": b"loud",
        ".hidden.wav": content["wav"],
        "._01 plain.wav": b"\0" * 100,
        "__MACOSX/01.wav": content["wav"],
        "album.cue": b"",
        "log.pdf": b"%PDF",
        "folder.ini": b"",
    }
    for name, body in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    (root / "again.wav").symlink_to(root / "01 plain.wav")
    (root / "circle").symlink_to(root)
    (root / "gone.wav").symlink_to(root / "nowhere.wav")
    return root


def good_songs(root):
    return sorted(root / name for name in GOOD_NAMES.values())


def bad_songs(root):
    return sorted((root / "bad").iterdir())


def test_the_album_is_made_of_thirty_files(album):
    everything = [path for path in album.rglob("*") if path.is_symlink() or path.is_file()]
    assert len(everything) == 30


def test_separate_accounts_for_every_file(album, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["separate", str(album), "-o", str(out), "-m", MODEL, "-w", "random", "-s", "bass"]
    assert main([*command, "--device", "cpu", "--backend", "torch"]) == 1
    captured = capsys.readouterr()
    done = {line.rsplit(": ", 1)[0] for line in captured.out.splitlines() if " in " in line}
    assert done == {path.name for path in good_songs(album)}
    for path in bad_songs(album):
        (line,) = [
            each for each in captured.err.splitlines() if each.startswith(f"error: {path.name}:")
        ]
        assert len(line) > len(f"error: {path.name}: ")
    assert "6 of 19 failed" in captured.err
    (counts,) = re.findall(r"^left out: (.*)$", captured.err, re.MULTILINE)
    assert set(counts.split(", ")) == {
        "5 not audio by name",
        "2 hidden",
        "2 found under another name",
        "1 in a trash folder",
        "1 unreadable",
    }
    # Thirteen songs, six that failed, and eleven left out; the trash folder stands for its file.
    assert sum(int(number) for number in re.findall(r"(\d+) ", counts)) == 30 - 19
    assert "Traceback" not in captured.err
    records = list(out.rglob("separation.json"))
    assert len(records) == len(GOOD_NAMES)
    by_input = {}
    for file in records:
        record = SeparationRecord.read(file.parent)
        by_input.setdefault(record.input, []).append(record)
        with open_audio(file.parent / "bass.wav") as reader:
            assert reader.info.num_samples == record.num_samples
    for path in good_songs(album):
        with open_audio(path) as reader:
            length = sum(block.shape[-1] for block in reader.blocks())
        assert length in {record.num_samples for record in by_input[path.name]}
        # AC-3 and WMA know no padding; everything else gives back what went in.
        tolerance = 0.1 if path.suffix in (".ac3", ".wma") else 1 / RATE
        assert length / RATE == pytest.approx(SECONDS, abs=tolerance)


def test_the_app_answers_for_every_file(album, tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "served"))
    services = Services(config=tiny_config(), shelf=ModelShelf(tiny_config()))
    for number, path in enumerate(good_songs(album)):
        upload = tmp_path / f"{number}{path.suffix}"
        shutil.copy(path, upload)
        *_, state = services.separate(str(upload), MODEL, ["bass"], "flac")
        assert [lane.name for lane in state.lanes if lane.audio] == ["original", "bass", "rest"]
        assert state.seconds == pytest.approx(SECONDS, abs=0.1)
    for path in bad_songs(album):
        with pytest.raises(SongError, match="could not be read as audio"):
            list(services.separate(str(path), MODEL, ["bass"], "flac"))


@pytest.fixture
def data_set(tmp_path):
    """Thirty files: a track of two sources in each of twelve formats, and six other files."""
    make.folder = tmp_path
    root, rate = tmp_path / "data", SPEC["sample_rate"]
    formats = [*NATIVE, "m4a", "mka", "wma", "wv", "tta", "mp3"]
    for number, extension in enumerate(formats):
        for source in ("vocals", "bass"):
            path = root / f"track {number}" / f"{source}.{extension}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(make(extension, chirp(1.0, rate, seed=number), rate))
    for name in (
        "track 0/mixture.wav",
        "track 1/guide.flac",
        ".trash/vocals.wav",
        "track 2/.bass.wav",
    ):
        path = root / name
        path.parent.mkdir(exist_ok=True)
        shutil.copy(root / "track 0" / "bass.wav", path)
    (root / "README.txt").write_text("licensed")
    (root / "again").symlink_to(root / "track 3")
    return root


def test_train_accounts_for_every_file(data_set, tmp_path, caplog, capsys):
    AcceleratorState._reset_state(reset_partial_state=True)  # that of another test's run

    files = [path for path in data_set.rglob("*") if path.is_symlink() or path.is_file()]
    assert len(files) == 30
    spec = tmp_path / "generated.yaml"
    spec.write_text(yaml.safe_dump(SPEC | {"sources": ["vocals", "bass"]}))
    command = ["train", "--model", str(spec), "--data", str(data_set), "--device", "cpu"]
    options = ["schedule.total_steps=1", "mixtures=2", "workers=0", "precision=float32"]
    settings = [word for option in options for word in ("--set", option)]
    output = ["--output", str(tmp_path / "run"), "--cache", str(tmp_path / "cache")]
    recipe = ["--recipe", "cunet_tfc_film"]
    assert main([*command, *recipe, *settings, *output]) == 0, capsys.readouterr().err
    (report,) = [message for message in caplog.messages if "left out" in message]
    assert report.startswith(f"{data_set}: tracks: 12; left out: ")
    assert "2 hidden" in report
    assert "1 not audio by name" in report
    assert "1 found under another name" in report
    assert "1 audio files named after no source" in report
    for path in (tmp_path / "cache").rglob("*.npy"):
        assert np.load(path).size > 0
    near = shutil.move(data_set / "track 4" / "bass.au", data_set / "track 4" / "Bass .au")
    assert main([*command, *recipe, *settings, "--output", str(tmp_path / "other")]) == 1
    error = capsys.readouterr().err
    assert f"{near}: is this bass?" in error
