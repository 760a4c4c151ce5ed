"""Records know a separation by its content: each ingredient that decides samples counts."""

import json
import os
import shutil

import numpy as np
import pytest
import soundfile
import torch

import zoo
from zoo.cli import main
from zoo.separation import identity as identity_module
from zoo.separation.separator import Separator
from zoo.weights.checkpoints import write_safetensors

RATE = 44100


@pytest.fixture
def weights(tmp_path):
    """A file of weights that tests may replace."""
    return save_weights(tmp_path / "weights.safetensors", seed=0)


@pytest.fixture
def song(tmp_path):
    audio = np.random.default_rng(0).uniform(-0.5, 0.5, (RATE // 2, 2))
    soundfile.write(tmp_path / "song.wav", audio, RATE)
    return tmp_path / "song.wav"


def save_weights(path, *, seed, **changes):
    torch.manual_seed(seed)
    network = zoo.build("lightsaft_tfctdf_tiny", overrides=changes or None)
    return write_safetensors(path, network.state_dict(), spec=network.spec)


def separate(song, out, weights, *options):
    command = ["separate", str(song), "-o", str(out), "-m", str(weights), "--device", "cpu"]
    settings = {"--precision": "float32", "--backend": "torch"}
    settings |= dict(zip(options[::2], options[1::2], strict=True))
    return main([*command, *(word for pair in settings.items() for word in pair)])


def is_skipped(capsys, song, out, weights, *options):
    capsys.readouterr()
    assert separate(song, out, weights, *options) == 0
    return "complete already" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [
        ("--precision", "bfloat16"),
        ("--backend", "openvino"),
        ("--chunk-seconds", "1.5"),
        ("--pitches", "3"),
    ],
    ids=lambda options: options[0].strip("-"),
)
def test_an_option_that_changes_samples_separates_again(capsys, tmp_path, song, weights, options):
    if "openvino" in options:
        pytest.importorskip("openvino", reason="the optional backend is not installed")
    out = tmp_path / "out"
    assert not is_skipped(capsys, song, out, weights)
    assert is_skipped(capsys, song, out, weights)
    assert not is_skipped(capsys, song, out, weights, *options)
    assert is_skipped(capsys, song, out, weights, *options)


def test_mixture_consistency_is_an_ingredient(weights):
    shared, raw = (Separator(weights, mixture_consistency=value) for value in (True, False))
    assert shared.identity.digest != raw.identity.digest


def test_other_weights_behind_the_same_path_separate_again(capsys, tmp_path, song, weights):
    out = tmp_path / "out"
    assert not is_skipped(capsys, song, out, weights)
    status = weights.stat()
    save_weights(weights, seed=1)
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not is_skipped(capsys, song, out, weights)


def test_the_same_weights_behind_another_path_are_known_again(capsys, tmp_path, song, weights):
    out = tmp_path / "out"
    assert not is_skipped(capsys, song, out, weights)
    copy = shutil.copy(weights, tmp_path / "copy.safetensors")
    assert is_skipped(capsys, song, out, copy)


def test_another_network_with_tensors_of_the_same_shapes_is_another_identity(tmp_path, weights):
    other = save_weights(tmp_path / "mask.safetensors", seed=0, estimate="masking")
    mine, theirs = Separator(weights).identity, Separator(other).identity
    assert mine.weights_sha256 == theirs.weights_sha256
    assert mine.spec_sha256 != theirs.spec_sha256


def test_the_name_and_the_place_of_a_spec_are_no_ingredients(tmp_path, weights):
    named = save_weights(tmp_path / "named.safetensors", seed=0, title="Another title")
    assert Separator(named).identity.digest == Separator(weights).identity.digest
    spec = zoo.load_spec("lightsaft_tfctdf_tiny")
    moved = tmp_path / "elsewhere" / f"{spec.name}.yaml"
    moved.parent.mkdir()
    moved.write_text(spec.file.read_text(encoding="utf-8"), encoding="utf-8")
    there = Separator(moved, weights="random")
    assert there.identity == Separator(spec.name, weights="random").identity
    assert str(tmp_path) not in json.dumps(there.identity.to_dict())


def test_a_package_with_other_arithmetic_separates_again(
    capsys, tmp_path, song, weights, monkeypatch
):
    out = tmp_path / "out"
    assert not is_skipped(capsys, song, out, weights)
    new = identity_module.SeparationIdentity

    def of_tomorrow(**fields):
        return new(**fields, numbers_since="99.0")

    monkeypatch.setattr("zoo.separation.separator.SeparationIdentity", of_tomorrow)
    assert not is_skipped(capsys, song, out, weights)


def test_another_version_of_the_backend_separates_again(
    capsys, tmp_path, song, weights, monkeypatch
):
    out = tmp_path / "out"
    assert not is_skipped(capsys, song, out, weights)
    monkeypatch.setattr("zoo.separation.backends.torch.TorchBackend.version", lambda self: "99")
    assert not is_skipped(capsys, song, out, weights)


def test_a_song_is_known_by_its_content_and_not_by_its_times(capsys, tmp_path, song, weights):
    out = tmp_path / "out"
    assert not is_skipped(capsys, song, out, weights)
    status = song.stat()
    os.utime(song, (1, 1))
    assert is_skipped(capsys, song, out, weights)
    audio, _ = soundfile.read(song)
    soundfile.write(song, audio[::-1], RATE)
    os.utime(song, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not is_skipped(capsys, song, out, weights)


def test_the_record_names_every_ingredient(tmp_path, song, weights):
    separate(song, tmp_path / "out", weights)
    record = json.loads((tmp_path / "out" / "song" / "separation.json").read_text())
    identity = Separator(weights, device="cpu", precision="float32", backend="torch").identity
    assert record["input"] == "song.wav"
    assert {key: record["request"][key] for key in identity.to_dict()} == identity.to_dict()
    assert (identity.backend, identity.precision, identity.device) == ("torch", "float32", "cpu")
    assert identity.backend_version == torch.__version__
