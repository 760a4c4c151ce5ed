"""Records of evaluation know system, track and metric by their content: each ingredient counts."""

import dataclasses
import os
import shutil

import numpy as np
import pytest
import soundfile
import torch

import zoo
from tests.evaluation_tracks import SOURCES, make_stems, write_track
from zoo.evaluation.runner import evaluate
from zoo.evaluation.systems import ZooSystem
from zoo.evaluation.tracks import find_evaluation_tracks
from zoo.metrics import MDX
from zoo.separation.separator import Separator
from zoo.specs.registry import SPECS
from zoo.weights.checkpoints import write_safetensors

MODEL = "lightsaft_tfctdf_tiny"


class Bench:
    """One track that is scored again and again into one folder."""

    def __init__(self, folder):
        self.data, self.out = folder / "data", folder / "out"
        self.track = write_track(
            self.data / "song", make_stems(seconds=0.5, rate=44100), rate=44100
        )

    def is_separated(self, *, model=MODEL, weights="test", protocol=MDX, **options):
        """Evaluate, and return whether the track had to be separated for it."""
        settings = {"device": "cpu", "precision": "float32", "backend": "torch"} | options
        separator = Separator(model, weights=weights, **settings)
        system = Counting(separator, name="system")
        tracks = find_evaluation_tracks(self.data, sources=SOURCES)
        (record,) = [
            record
            for record in evaluate(tracks, [system], protocols=[protocol], out=self.out)
            if record.system == "system"
        ]
        assert record.protocols == {protocol.name: protocol.version}
        return system.num_separations == 1


class Counting(ZooSystem):
    num_separations = 0

    def separate(self, mixture, *, sample_rate):
        self.num_separations += 1
        return super().separate(mixture, sample_rate=sample_rate)


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    assert bench.is_separated()
    assert not bench.is_separated()
    return bench


def save_weights(path, *, seed):
    torch.manual_seed(seed)
    network = zoo.build(MODEL)
    torch.nn.init.normal_(next(network.parameters()))
    return write_safetensors(path, network.state_dict(), spec=network.spec)


@pytest.mark.parametrize(
    "options",
    [
        {"precision": "bfloat16"},
        {"backend": "openvino"},
        {"chunk_seconds": 1.5},
        {"pitches": 3},
        {"mixture_consistency": False},
    ],
    ids=lambda options: next(iter(options)),
)
def test_a_setting_that_changes_samples_voids_a_record(bench, options):
    if "backend" in options:
        pytest.importorskip("openvino", reason="the optional backend is not installed")
    assert bench.is_separated(**options)
    assert not bench.is_separated(**options)


def test_other_tensors_behind_the_same_path_void_a_record(bench, tmp_path):
    path = save_weights(tmp_path / "weights.safetensors", seed=0)
    assert bench.is_separated(weights=path)
    save_weights(path, seed=1)
    assert bench.is_separated(weights=path)
    elsewhere = shutil.copy(path, tmp_path / "other name.safetensors")
    assert not bench.is_separated(weights=elsewhere)


def test_another_version_of_a_metric_voids_a_record(bench):
    assert bench.is_separated(protocol=dataclasses.replace(MDX, version="2"))


def test_another_sample_in_one_file_voids_a_record(bench):
    path = bench.track / "bass.wav"
    samples, rate = soundfile.read(path, dtype="float32")
    samples[100] = np.nextafter(samples[100], 1, dtype=np.float32)
    soundfile.write(path, samples, rate, subtype="FLOAT")
    assert bench.is_separated()


def test_the_place_and_age_of_the_data_change_nothing(bench, tmp_path):
    os.utime(bench.track / "bass.wav", ns=(1, 1))
    bench.data = shutil.move(bench.data, tmp_path / "elsewhere")
    assert not bench.is_separated()


def test_the_place_of_the_package_changes_nothing(bench, tmp_path):
    """A spec knows its file, and installing the package elsewhere moves it."""
    weights = tmp_path / "weights.safetensors"
    network = zoo.build(MODEL, weights="test")
    write_safetensors(weights, network.state_dict(), spec=network.spec)
    moved = shutil.copy(SPECS.path(MODEL), tmp_path / f"{MODEL}.yaml")
    assert not bench.is_separated(model=moved, weights=weights)
