"""Exported folders: every network, every format, equal to torch; and bad folders are refused."""

import json
import shutil

import numpy as np
import pytest
import torch

import zoo
from tests.fake_networks import randomise
from tests.signals import chirp, gaussian, write_song
from zoo.cli import main
from zoo.exporting import export_network, writing
from zoo.graphs.cutting import cut_network
from zoo.networks.extending import add_source
from zoo.separation.backends import onnxruntime as backend
from zoo.separation.backends import openvino as openvino_backend
from zoo.weights.resolving import resolve_model

onnx = pytest.importorskip("onnx", reason="the exporter is not installed")
pytest.importorskip("onnxscript", reason="the exporter is not installed")
pytest.importorskip("onnxruntime", reason="the optional backend is not installed")

TINY = "lightsaft_tfctdf_tiny"
# The same blocks in the same order, fewer and smaller, so that all networks export in a minute.
ELSEWHERE = ("lightsaft_tfctdf_tiny", "lightsaft_tfctdf_small")  # whole, with their weights, below
SMALL = {
    "stft.n_fft": 512,
    "stft.hop_length": 256,
    "unet.width": 4,
    "unet.depth": 1,
    "unet.num_layers": 1,
}
TOLERANCE = 1e-4  # of the RMS of what torch computes


def small(name):
    torch.manual_seed(0)
    return randomise(zoo.build(name, overrides=SMALL))


def relative_error(ours, theirs):
    return float((ours - theirs).square().mean().sqrt() / theirs.square().mean().sqrt())


def exported_engine(folder):
    """What the backend makes of a folder: the bare network, without chunks."""
    return zoo.Separator(folder, device="cpu", backend="onnxruntime")._engine.network


@pytest.mark.parametrize("name", sorted({*zoo.list_models()} - {*ELSEWHERE}))
@torch.inference_mode()
def test_every_network_exports_and_computes_the_same(name, tmp_path):
    network = small(name)
    export_network(resolve_model(network), tmp_path)
    ours = exported_engine(tmp_path)
    for batch, num_samples in ((2, 20_000), (1, 9_001)):
        mixture = gaussian(batch, network.spec.channels, num_samples)
        expected = network(mixture)
        assert relative_error(ours(mixture, sources=network.sources), expected) < TOLERANCE


@pytest.fixture(scope="module")
def tiny():
    """A network with packaged weights, their record and their exported folder."""
    return resolve_model(TINY, weights="test")


@pytest.fixture(scope="module")
def folder(tiny, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "made"
    assert main(["export", TINY, "-w", "test", "-o", str(folder)]) == 0
    return folder


@pytest.fixture
def copied(folder, tmp_path):
    """A copy of the folder that a test may damage."""
    return shutil.copytree(folder, tmp_path / "copy")


def edit(folder, **changes):
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def song(num_samples=70_001):
    return gaussian(2, num_samples).numpy(), 44100


def test_an_exported_folder_separates_like_its_network(folder, tiny):
    exported = zoo.Separator(folder, device="cpu", backend="onnxruntime")
    network = zoo.Separator(TINY, weights="test", device="cpu", precision="float32")
    assert (exported.model_name, exported.sources) == (TINY, network.sources)
    ours, theirs = exported(song()), network(song())
    for name in network.sources:
        np.testing.assert_allclose(ours.stems[name], theirs.stems[name], rtol=0, atol=2e-6)
    some = exported(song(), sources=["bass"]).stems
    assert list(some) == ["bass"]
    by_record = zoo.Separator(folder / "model.json", backend="onnxruntime")
    assert by_record.identity == exported.identity
    assert exported.identity.backend == "onnxruntime"


def test_a_source_that_is_a_part_is_exported_as_one(tiny, tmp_path):
    extended = add_source(tiny.network, "guitar", part_of="other")
    record = export_network(resolve_model(extended), tmp_path)
    assert record.sources == (*tiny.spec.sources, "guitar")
    assert record.spec.part_of == {"guitar": "other"}
    song = (chirp(seconds=3), 44100)
    options = {"device": "cpu", "backend": "onnxruntime"}
    result = zoo.Separator(tmp_path, **options)(song)
    assert result.parts == ("guitar",)
    np.testing.assert_allclose(result.mixture, song[0], atol=1e-6)
    # A fresh part begins as what holds it, before the residual is shared out.
    raw = zoo.Separator(tmp_path, mixture_consistency=False, **options)(song)
    np.testing.assert_allclose(raw.stems["guitar"], raw.stems["other"], atol=1e-6)


def test_openvino_runs_the_same_folder(folder):
    pytest.importorskip("openvino", reason="the optional backend is not installed")
    through = {
        name: zoo.Separator(folder, device="cpu", backend=name, precision="float32")(song())
        for name in ("onnxruntime", "openvino")
    }
    for name, stem in through["onnxruntime"].stems.items():
        np.testing.assert_allclose(through["openvino"].stems[name], stem, rtol=0, atol=2e-6)
    assert zoo.Separator(folder, device="cpu").backend == "openvino"


def test_soft_conditions_are_those_of_the_network(folder, tiny):
    mixture, condition = gaussian(2, 2, 20_000), torch.rand(2, 3, 4)
    with torch.inference_mode():
        ours = exported_engine(folder)(mixture, condition=condition)
        expected = tiny.network(mixture, condition=condition)
    assert ours.shape == (2, 3, 2, 20_000)
    assert relative_error(ours, expected) < TOLERANCE


def test_files_say_what_they_are_without_their_folder(folder, tiny):
    record = json.loads((folder / "model.json").read_text())
    assert record["licence"] == tiny.entry.licence
    assert record["weights_sha256"] == tiny.digest
    assert record["sources"] == list(tiny.spec.sources)
    graphs = record["parts"][0]["graphs"]
    assert {name: graph["file"] for name, graph in graphs.items()} == {
        "encoder": "full_band.encoder.onnx",
        "decoder": "full_band.decoder.onnx",
    }
    model = onnx.load(folder / "full_band.decoder.onnx")
    onnx.checker.check_model(model)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    assert (metadata["part"], metadata["graph"]) == ("full_band", "decoder")
    assert metadata["licence"] == tiny.entry.licence
    assert metadata["credits"] == "\n".join(tiny.entry.credits)
    facts = json.loads(metadata["lightsaft_zoo"])
    assert facts["chunking"] == record["chunking"]
    assert facts["spec"] == record["spec"]
    sizes = {
        value.name: [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
        for value in (*model.graph.input, *model.graph.output)
    }
    described = [*graphs["decoder"]["inputs"], *graphs["decoder"]["outputs"]]
    assert sizes == {value["name"]: value["shape"] for value in described}
    assert sizes["middle"] == ["batch", 4, "frames/4", 32]


LOADERS = {
    "torchscript": lambda path: torch.jit.load(path),
    "pt2": lambda path: torch.export.load(path).module(),
}


@pytest.mark.parametrize("graph_format", LOADERS)
@pytest.mark.filterwarnings("ignore:The given buffer is not writable")
@torch.inference_mode()
def test_formats_of_torch_compute_the_same_at_other_sizes(graph_format, tiny, tmp_path):
    record = export_network(tiny, tmp_path, graph_format=graph_format)
    assert record.opset is None
    (part,) = record.parts
    load = LOADERS[graph_format]
    encode, decode = (load(tmp_path / part.graphs[name].file) for name in ("encoder", "decoder"))
    spectrogram, condition = gaussian(3, 4, 20, 256), torch.eye(4)[:3]
    (theirs,) = cut_network(tiny.network)
    expected = theirs.graphs[1].module(*theirs.graphs[0].module(spectrogram), condition)
    ours = decode(*encode(spectrogram), condition)
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-6)
    with pytest.raises(ValueError, match=f"onnxruntime: it reads the format onnx.*{graph_format}"):
        zoo.Separator(tmp_path, device="cpu")


def test_house_weights_are_exported_with_their_credits(tmp_path):
    resolved = resolve_model("lightsaft_tfctdf_small", weights="house")
    record = export_network(resolved, tmp_path)
    assert [part.name for part in record.parts] == ["full_band", "low_band"]
    assert (record.pitches, record.credits) == (3, resolved.entry.credits)
    mixture = torch.from_numpy(chirp(seconds=2.0))[None]
    with torch.inference_mode():
        expected = resolved.network(mixture)
        ours = exported_engine(tmp_path)(mixture)
        engine = zoo.Separator(tmp_path, device="cpu", backend="openvino", precision="float32")
        assert relative_error(engine._engine.network(mixture), expected) < TOLERANCE
    assert relative_error(ours, expected) < TOLERANCE


def test_the_command_separates_with_an_exported_folder(folder, tmp_path):
    song_path = write_song(tmp_path / "song.wav")
    arguments = ["separate", str(song_path), "-m", str(folder), "-s", "drums"]
    assert main([*arguments, "-o", str(tmp_path / "stems")]) == 0
    assert (tmp_path / "stems" / "song" / "drums.wav").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-f", "onx"], "did you mean 'onnx'"),
        (["-w", "nothing"], "unknown weights tag"),
        (["-o", "{folder}/model.json"], "exists"),
    ],
)
def test_what_cannot_be_exported_is_said(arguments, message, tmp_path, folder, capsys):
    filled = [argument.format(folder=folder) for argument in arguments]
    assert main(["export", TINY, "-o", str(tmp_path / "out"), *filled]) == 1
    assert message in capsys.readouterr().err


def test_missing_packages_are_named(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(writing, "missing_packages", lambda graph_format: ["onnxscript"])
    with pytest.raises(zoo.WeightsError, match="pip install onnxscript"):
        export_network(tiny, tmp_path)


def test_a_folder_of_weights_stays_one(tiny, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(zoo.WeightsError, match="choose another folder"):
        export_network(tiny, tmp_path)


def test_exported_graphs_only_separate(folder):
    with pytest.raises(zoo.WeightsError, match=r"which only separate: use zoo\.Separator"):
        zoo.build(str(folder))
    with pytest.raises(ValueError, match="have their weights in them"):
        zoo.Separator(folder, weights="house")
    with pytest.raises(ValueError, match="onnxruntime and openvino run those"):
        zoo.Separator(folder, device="cpu", backend="torch")
    with pytest.raises(ValueError, match="precision auto or float32"):
        zoo.Separator(folder, device="cpu", backend="onnxruntime", precision="bfloat16")


def test_without_the_package_the_reason_is_said(folder, monkeypatch):
    for module in (backend, openvino_backend):
        monkeypatch.setattr(module, "is_installed", lambda package="": False)
    with pytest.raises(ValueError, match="not installed: pip install onnxruntime"):
        zoo.Separator(folder, device="cpu")


DAMAGES = {
    "changed graph": (
        lambda path: (path / "full_band.encoder.onnx").write_bytes(b"x" * 10),
        zoo.ChecksumError,
        "is not the file that model.json promises",
    ),
    "missing graph": (
        lambda path: (path / "full_band.encoder.onnx").unlink(),
        zoo.WeightsError,
        "No such file or directory; export again",
    ),
    "no json": (
        lambda path: (path / "model.json").write_text("<html>"),
        zoo.WeightsError,
        "not the record of an export",
    ),
    "no text": (
        lambda path: (path / "model.json").write_bytes(b"\xff\xfe\x00"),
        zoo.WeightsError,
        "not the record of an export",
    ),
    "huge": (
        lambda path: (path / "model.json").write_text(" " * (1 << 21)),
        zoo.WeightsError,
        "refused: more than",
    ),
    "newer": (lambda path: edit(path, format=2), zoo.WeightsError, "format 2 is not known here"),
    "other sources": (
        lambda path: edit(path, sources=["vocals"]),
        zoo.WeightsError,
        "sources: must be that of the spec",
    ),
    "unknown key": (
        lambda path: edit(path, colour="red"),
        zoo.WeightsError,
        "unknown key 'colour'",
    ),
    "no parts": (lambda path: edit(path, parts=[]), zoo.WeightsError, "parts"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_folders_are_refused(damage, copied):
    apply, error, message = DAMAGES[damage]
    apply(copied)
    with pytest.raises(error, match=message):
        zoo.Separator(copied, device="cpu")


@pytest.mark.parametrize("file", ["../x.onnx", "/etc/passwd", "a/b.onnx", ".hidden"])
def test_a_record_names_no_file_outside_its_folder(file, copied):
    record = json.loads((copied / "model.json").read_text())
    record["parts"][0]["graphs"]["encoder"]["file"] = file
    edit(copied, **record)
    with pytest.raises(zoo.WeightsError, match="a plain file name, no path"):
        zoo.Separator(copied, device="cpu")


def test_what_is_no_onnx_model_is_refused(copied):
    path = copied / "full_band.encoder.onnx"
    path.write_bytes(b"no model")
    record = json.loads((copied / "model.json").read_text())
    record["parts"][0]["graphs"]["encoder"] |= writing.file_facts(path)
    edit(copied, **record)
    with pytest.raises(zoo.WeightsError, match="ONNX Runtime cannot run this graph"):
        zoo.Separator(copied, device="cpu", backend="onnxruntime")
    with pytest.raises(zoo.WeightsError, match="OpenVINO cannot read this graph"):
        zoo.Separator(copied, device="cpu", backend="openvino")
