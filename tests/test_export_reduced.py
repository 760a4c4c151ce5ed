"""Exports in fewer bits: what is in them, what they cost, and what is refused."""

import json
import shutil
from collections import Counter

import numpy as np
import pytest
import torch

import zoo
from tests.signals import chirp, noise, write
from zoo.cli import main
from zoo.evaluation.tracks import find_evaluation_tracks
from zoo.exporting import export_network, reducing
from zoo.exporting.calibration import read_pieces, record_inputs
from zoo.exporting.cost import PrecisionCost, measure_cost
from zoo.exporting.reducing import reduce_export
from zoo.graphs.exported import read_export
from zoo.weights.resolving import resolve_model

onnx = pytest.importorskip("onnx", reason="the exporter is not installed")
pytest.importorskip("onnxscript", reason="the exporter is not installed")
pytest.importorskip("onnxruntime", reason="the optional backend is not installed")

TINY = "lightsaft_tfctdf_tiny"


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("float32")
    export_network(resolve_model(TINY, weights="test"), folder)
    return read_export(folder)


@pytest.fixture(scope="module")
def tracks(tmp_path_factory):
    """A data folder of one track; its sources are loud enough to count."""
    folder = tmp_path_factory.mktemp("data")
    write(folder / "song" / "vocals.wav", chirp(seconds=1.0))
    for seed, name in enumerate(("drums", "bass", "other")):
        write(folder / "song" / f"{name}.wav", noise(44100, seed=seed))
    return folder


@pytest.fixture(scope="module")
def pieces(exact, tracks):
    return read_pieces([tracks], exact.spec)


def separate(network, **options):
    engine = zoo.Separator(network.folder, device="cpu", **options)._engine.network
    mixture = torch.from_numpy(chirp(seconds=0.5) + noise(22050))[None]
    with torch.inference_mode():
        return engine(mixture)


def relative_error(ours, theirs):
    return float((ours - theirs).square().mean().sqrt() / theirs.square().mean().sqrt())


def test_float16_is_half_as_large_and_nearly_the_same(exact, tmp_path):
    reduced = reduce_export(exact, tmp_path, "float16")
    assert reduced.record.precision == "float16"
    model = onnx.load(tmp_path / "full_band.encoder.onnx")
    kinds = {tensor.data_type for tensor in model.graph.initializer if len(tensor.dims) > 1}
    assert kinds == {onnx.TensorProto.FLOAT16}
    ends = [*model.graph.input, *model.graph.output]
    assert {value.type.tensor_type.elem_type for value in ends} == {onnx.TensorProto.FLOAT}
    expected = separate(exact, backend="onnxruntime")
    assert relative_error(separate(reduced, backend="onnxruntime"), expected) < 2e-3


def test_int8_holds_the_inner_convolutions_and_nothing_else(exact, pieces, tmp_path):
    reduced = reduce_export(exact, tmp_path, "int8", pieces=pieces)
    model = onnx.load(tmp_path / "full_band.encoder.onnx")
    made_by = {node.output[0]: node for node in model.graph.node}
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    kinds = Counter(
        made_by[node.input[1]].op_type for node in convolutions if node.input[1] in made_by
    )
    # The entry stays; two layers of each of three TFCs and two down-samplings are in int8.
    assert (len(convolutions), kinds) == (9, {"DequantizeLinear": 8})
    assert "unet.entry.0.weight" in {tensor.name for tensor in model.graph.initializer}
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert metadata["licence"] == exact.record.licence
    expected = separate(exact, backend="onnxruntime")
    for backend in ("onnxruntime", "openvino"):
        ours = separate(reduced, backend=backend, precision="float32")
        assert 1e-4 < relative_error(ours, expected) < 0.2


def test_precision_int8_takes_what_was_quantized(exact, pieces, tmp_path):
    reduced = reduce_export(exact, tmp_path, "int8", pieces=pieces)
    separator = zoo.Separator(reduced.folder, device="cpu", precision="int8")
    assert separator.backend == "openvino"
    for model in (exact.folder, TINY):
        with pytest.raises(ValueError, match="export MODEL --quantize int8 --calibrate SONG"):
            zoo.Separator(model, device="cpu", precision="int8")


def test_what_cannot_be_reduced_is_refused(exact, tmp_path):
    with pytest.raises(ValueError, match="expected float16 or int8"):
        reduce_export(exact, tmp_path, "int4")
    with pytest.raises(ValueError, match="int8 needs pieces of songs"):
        reduce_export(exact, tmp_path, "int8")
    halved = reduce_export(exact, tmp_path, "float16")
    with pytest.raises(ValueError, match="only onnx in float32 can be reduced"):
        reduce_export(halved, tmp_path, "float16")


def test_the_cost_is_that_of_the_graphs(exact, tracks, tmp_path):
    found = find_evaluation_tracks(tracks, sources=exact.spec.sources)
    cost = measure_cost(exact, exact, found)
    assert cost.sdr_cost == 0
    assert (
        cost.bytes_exact
        == cost.bytes_reduced
        == sum(path.stat().st_size for path in exact.folder.glob("*.onnx"))
    )
    for name in exact.spec.sources:
        write(tmp_path / "silence" / f"{name}.wav", np.zeros((2, 44100), np.float32))
    silent = find_evaluation_tracks(tmp_path, sources=exact.spec.sources)
    with pytest.raises(ValueError, match="none of 1 track"):
        measure_cost(exact, exact, silent)


def test_calibration_takes_songs_folders_and_tracks(exact, tmp_path):
    spec = exact.spec
    song = write(tmp_path / "songs" / "a.wav", chirp(seconds=3.0, channels=1), 22050)
    write(tmp_path / "songs" / "b.wav", noise(1000))
    for paths, number in (([song], 12), ([tmp_path / "songs"], 12)):
        pieces = read_pieces(paths, spec)
        assert len(pieces) == number
        assert {tuple(piece.shape) for piece in pieces} == {(1, 2, spec.chunk_samples)}
    for name in ("vocals", "drums"):
        write(tmp_path / "tracks" / "one" / f"{name}.wav", np.full((2, 44100), 0.25, np.float32))
    torch.testing.assert_close(
        read_pieces([tmp_path / "tracks"], spec)[0], torch.full((1, 2, spec.chunk_samples), 0.5)
    )
    seen = record_inputs(exact, pieces[:2])
    assert {file: len(calls) for file, calls in seen.items()} == {
        "full_band.encoder.onnx": 2,
        "full_band.decoder.onnx": 2 * len(spec.sources),
    }
    write(tmp_path / "silent.wav", np.zeros((2, 44100), np.float32))
    with pytest.raises(zoo.AudioError, match="no sound to calibrate with"):
        read_pieces([tmp_path / "silent.wav"], spec)
    with pytest.raises(zoo.AudioError, match="no such file"):
        read_pieces([tmp_path / "none.wav"], spec)


@pytest.fixture
def exported_before(exact, monkeypatch):
    """Spare a test the export in float32."""

    def copy(resolved, folder):
        assert resolved.digest == exact.record.weights_sha256
        shutil.copytree(exact.folder, folder)

    monkeypatch.setattr(reducing, "export_network", copy)


def export(tracks, folder, *options):
    arguments = ["export", TINY, "-w", "test", "-o", str(folder), "--data", str(tracks)]
    return main([*arguments, *map(str, options)])


@pytest.mark.usefixtures("exported_before")
def test_the_command_measures_and_writes_what_is_cheap(tracks, tmp_path, capsys):
    options = ("--quantize", "int8", "--calibrate", tracks, "--accept-cost", "50")
    assert export(tracks, tmp_path, *options) == 0
    out = capsys.readouterr().out
    assert "int8: 0." in out
    assert "times as fast through ONNX Runtime" in out
    record = json.loads((tmp_path / "model.json").read_text())
    assert record["precision"] == "int8"
    assert f"costs {record['sdr_cost_db']:.3f} dB" in out
    assert zoo.Separator(tmp_path).weights == str(tmp_path)


@pytest.mark.usefixtures("exported_before")
def test_the_command_refuses_what_costs_too_much(tracks, tmp_path, capsys, monkeypatch):
    cost = PrecisionCost(
        precision="float16",
        sdr_exact=5.0,
        sdr_reduced=4.765,
        bytes_exact=2_000_000,
        bytes_reduced=1_000_000,
        times_as_fast=1.5,
        num_tracks=1,
    )
    monkeypatch.setattr(reducing, "measure_cost", lambda *args, **options: cost)
    assert export(tracks, tmp_path / "out", "--dtype", "float16") == 1
    err = capsys.readouterr().err
    assert "costs more than 0.1 dB of SDR: float16: 1.00 MB instead of 2.00" in err
    assert "--accept-cost 0.24 takes it" in err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--quantize", "int8"], "--quantize needs --calibrate SONG"),
        (["--calibrate", "x.wav"], "--calibrate is for --quantize"),
        (["--dtype", "float16", "-f", "pt2"], "float16 is for --format onnx, got pt2"),
        (["--dtype", "float16", "--data", "nowhere"], "nowhere is no folder"),
        (["--quantize", "int8", "--calibrate", "nowhere.wav"], "nowhere.wav: no such file"),
    ],
)
def test_choices_that_contradict_each_other_are_said(options, message, tracks, tmp_path, capsys):
    assert export(tracks, tmp_path / "out", *options) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
