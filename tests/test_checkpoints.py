"""Reading every kind of checkpoint; refusing what is hostile without running any of it."""

import argparse
import collections
import json
import pickle
import struct
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from reference import Reference
from refusals import assert_refused
from safetensors.torch import save_file

import zoo
from zoo.errors import WeightsError
from zoo.weights.adapters import adapt_state_dict
from zoo.weights.checkpoints import read_checkpoint, write_safetensors
from zoo.weights.entries import Metric, WeightsEntry
from zoo.weights.resolving import resolve_model


@pytest.fixture
def lost_classes(monkeypatch):
    """Classes of packages that exist while a checkpoint is written and are gone when it is read."""
    names = {
        "pytorch_lightning.callbacks.model_checkpoint": "ModelCheckpoint",
        "pytorch_lightning.utilities.parsing": "AttributeDict",
        "omegaconf.dictconfig": "DictConfig",
    }
    made = {}
    for module_name, class_name in names.items():
        parts = module_name.split(".")
        for depth in range(1, len(parts) + 1):
            name = ".".join(parts[:depth])
            if name not in sys.modules:
                monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
        base = dict if class_name == "AttributeDict" else object
        made[class_name] = type(class_name, (base,), {"__module__": module_name})
        setattr(sys.modules[module_name], class_name, made[class_name])
    return types.SimpleNamespace(**made)


def lightning_checkpoint(state_dict, classes) -> dict:
    """What pytorch-lightning of 2021 saves, with optimizer states over the same parameters."""
    config = classes.DictConfig()
    config.__dict__.update(_content={"n_fft": 2048}, _parent=None, _flags_cache=None)
    hyper_parameters = classes.AttributeDict(n_fft=2048, config=config)
    hyper_parameters["arguments"] = argparse.Namespace(lr=0.001, path=Path("checkpoints"))
    moments = {
        index: {"step": 3, "exp_avg": torch.zeros_like(t), "exp_avg_sq": torch.ones_like(t)}
        for index, t in enumerate(t for t in state_dict.values() if t.is_floating_point())
    }
    return {
        "epoch": 199,
        "global_step": 123456,
        "pytorch-lightning_version": "1.4.2",
        "state_dict": collections.OrderedDict(state_dict),
        "callbacks": {
            classes.ModelCheckpoint: {
                "monitor": "val_loss",
                "best_model_score": torch.tensor(0.25),
                "best_score": np.float64(0.25),
                "best_model_path": "checkpoints/epoch=199.ckpt",
            }
        },
        "optimizer_states": [{"state": moments, "param_groups": [{"lr": 0.001, "params": [0, 1]}]}],
        "lr_schedulers": [],
        "hparams_name": "kwargs",
        "hyper_parameters": hyper_parameters,
    }


def save(saved, path: Path, *, legacy: bool = False) -> Path:
    torch.save(saved, path, _use_new_zipfile_serialization=not legacy)
    return path


def small_state() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    return {
        "a.weight": torch.randn(3, 4, generator=generator),
        "a.bias": torch.randn(3, generator=generator),
        "norm.num_batches_tracked": torch.tensor(5),
    }


def assert_same(ours, theirs):
    assert ours.keys() == theirs.keys()
    for key in theirs:
        assert torch.equal(ours[key], theirs[key]), key
        assert ours[key].dtype == theirs[key].dtype, key


@pytest.mark.parametrize("legacy", [False, True])
def test_a_lightning_checkpoint_reads_without_its_classes(
    tmp_path, lost_classes, monkeypatch, legacy
):
    path = save(
        lightning_checkpoint(small_state(), lost_classes), tmp_path / "e.ckpt", legacy=legacy
    )
    monkeypatch.undo()
    assert "pytorch_lightning" not in sys.modules
    assert_same(read_checkpoint(path).state_dict, small_state())


@pytest.mark.parametrize("legacy", [False, True])
def test_views_and_shared_storages_come_back(tmp_path, legacy):
    base = torch.arange(24.0)
    state = {"whole": base, "part": base[4:16].view(3, 4).t(), "empty": torch.zeros(0, 3)}
    path = save(state, tmp_path / "views.pt", legacy=legacy)
    assert_same(read_checkpoint(path).state_dict, state)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32(tmp_path, dtype):
    path = save({"w": torch.tensor([[0.5, -1.25]], dtype=dtype)}, tmp_path / "w.pt")
    assert_same(read_checkpoint(path).state_dict, {"w": torch.tensor([[0.5, -1.25]])})


def test_parameters_and_dataparallel_prefixes(tmp_path):
    state = {
        f"module.{k}": torch.nn.Parameter(v) if v.ndim else v for k, v in small_state().items()
    }
    path = save({"state_dict": state}, tmp_path / "p.ckpt")
    assert_same(read_checkpoint(path).state_dict, small_state())


@pytest.mark.parametrize(
    ("name", "legacy"),
    [
        ("lightsaft", False),
        ("lightsaft_tfctdf", False),
        ("lightsaft_tfctdf", True),
        ("lasaft_v2_light", False),
        pytest.param("lasaft_v2_large", False, marks=pytest.mark.slow),
        pytest.param("lasaft_large", False, marks=pytest.mark.slow),
    ],
)
def test_published_kinds_reproduce_the_reference(tmp_path, lost_classes, monkeypatch, name, legacy):
    """A made-up but format-true checkpoint of each published network separates as it did."""
    reference = Reference.load(name)
    saved = lightning_checkpoint(reference.state_dict(), lost_classes)
    path = save(saved, tmp_path / "epoch=199.ckpt", legacy=legacy)
    monkeypatch.undo()
    network = zoo.build(name, weights=path)
    assert not network.training
    with torch.no_grad():
        estimate = network(reference.mixture(), sources=["vocals"])[0, 0].T[:: reference.thinning]
    expected = torch.from_numpy(reference.arrays["separate_0"])
    assert (estimate - expected).square().mean().sqrt() < 1e-4 * expected.square().mean().sqrt()


@pytest.mark.parametrize("name", ["lasaft_v2_large", "lasaft_large"])
def test_large_published_kinds_read_exactly(tmp_path, lost_classes, monkeypatch, name):
    """The parity test runs the network on these tensors; here they come back from a file."""
    reference = Reference.load(name)
    spec = zoo.load_spec(name)
    saved = lightning_checkpoint(reference.state_dict(), lost_classes) | {"optimizer_states": []}
    path = save(saved, tmp_path / "epoch=709.ckpt")
    monkeypatch.undo()
    expected = adapt_state_dict(reference.state_dict(), spec)
    assert_same(resolve_model(name, weights=path).network.state_dict(), expected)


@pytest.mark.parametrize("legacy", [False, True])
def test_cut_and_flipped_files_are_refused(tmp_path, legacy):
    whole = save({"state_dict": small_state()}, tmp_path / "whole.ckpt", legacy=legacy).read_bytes()
    path = tmp_path / "cut.ckpt"
    for length in range(0, len(whole), max(1, len(whole) // 60)):
        path.write_bytes(whole[:length])
        with pytest.raises(WeightsError):
            read_checkpoint(path)


def test_random_damage_never_escapes_as_another_error(tmp_path):
    generator = np.random.default_rng(0)
    path = tmp_path / "damaged.ckpt"
    for legacy in (True, False):
        whole = save({"state_dict": small_state()}, path, legacy=legacy).read_bytes()
        for _ in range(300):
            damaged = bytearray(whole)
            for place in generator.integers(0, len(whole), 3):
                damaged[place] = generator.integers(0, 256)
            path.write_bytes(damaged)
            try:
                state = read_checkpoint(path).state_dict
            except WeightsError:
                continue
            assert all(isinstance(key, str) for key in state)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "neither safetensors.*it is empty"),
        (b"<html>404</html>", "neither safetensors.*it is a web page"),
        (b"\n<!DOCTYPE html><p>", "neither safetensors.*it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "neither.*a pointer of Git LFS"),
        (struct.pack("<Q", 1 << 62) + b"{}", "neither safetensors"),
        (pickle.dumps({"state_dict": {}}, protocol=2), "not one of torch.save"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "file.ckpt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        read_checkpoint(path)


def test_missing_files_and_missing_weights(tmp_path):
    with pytest.raises(WeightsError, match="no file of weights"):
        read_checkpoint(tmp_path / "missing.ckpt")
    for saved in ([1, 2], {"state_dict": {}}, {"epoch": 3}, {"state_dict": {"a": 1}}):
        with pytest.raises(WeightsError, match=r"expected a checkpoint|holds no state_dict"):
            read_checkpoint(save(saved, tmp_path / "none.ckpt"))


def test_nan_is_refused(tmp_path):
    path = save({"w": torch.tensor([1.0, float("nan")])}, tmp_path / "nan.pt")
    with pytest.raises(WeightsError, match="'w' holds NaN"):
        read_checkpoint(path)


def entry() -> WeightsEntry:
    return WeightsEntry(
        spec="lightsaft_tfctdf_tiny",
        tag="mine",
        licence="CC-BY-SA-3.0",
        training_data="A song of my own",
        credits=("Somebody, \u201cSong\u201d",),
        metrics=(
            Metric(
                protocol="mdx",
                dataset="valid",
                sdr={"vocals": 1.5, "mean": 1.5},
                measured_by="measured",
                reference="python -m zoo evaluate",
            ),
        ),
        notes="Small.",
    )


def test_one_file_of_ours_rebuilds_the_network(tmp_path):
    torch.manual_seed(0)
    network = zoo.build("lightsaft_tfctdf_tiny").eval()
    path = write_safetensors(
        tmp_path / "mine.safetensors", network.state_dict(), spec=network.spec, entry=entry()
    )
    assert [file.name for file in tmp_path.iterdir()] == ["mine.safetensors"]
    checkpoint = read_checkpoint(path)
    assert checkpoint.spec == network.spec or checkpoint.spec.to_dict() == network.spec.to_dict()
    assert checkpoint.entry == entry()
    rebuilt = zoo.build(str(path))
    mixture = torch.randn(1, 2, 5000)
    with torch.no_grad():
        assert torch.equal(rebuilt(mixture), network(mixture))


def test_a_header_length_that_begins_like_a_pickle_misleads_nobody(tmp_path):
    tensors = {"w": torch.ones(3)}
    for padding in range(256):
        content = safetensors.torch.save(tensors, metadata={"padding": "x" * padding})
        if content[0] == 0x80:
            break
    assert content[0] == 0x80
    path = tmp_path / "misleading.safetensors"
    path.write_bytes(content)
    assert torch.equal(read_checkpoint(path).state_dict["w"], tensors["w"])


def test_half_precision_storage_rounds_matrices_and_keeps_vectors(tmp_path):
    torch.manual_seed(0)
    network = zoo.build("lightsaft_tfctdf_tiny")
    files = {
        dtype: write_safetensors(
            tmp_path / f"{dtype}.safetensors", network.state_dict(), spec=network.spec, dtype=dtype
        )
        for dtype in (torch.float32, torch.float16)
    }
    assert files[torch.float16].stat().st_size < 0.8 * files[torch.float32].stat().st_size
    stored = read_checkpoint(files[torch.float16]).state_dict
    for key, tensor in network.state_dict().items():
        expected = tensor.half().float() if tensor.ndim > 1 else tensor
        assert torch.equal(stored[key], expected), key


def test_a_value_too_large_for_half_precision_is_refused_and_leaves_no_file(tmp_path):
    spec = zoo.load_spec("lightsaft_tfctdf_tiny")
    state = {"w": torch.full((2, 2), 1e5)}
    with pytest.raises(WeightsError, match="'w' does not fit"):
        write_safetensors(tmp_path / "w.safetensors", state, spec=spec, dtype=torch.float16)
    with pytest.raises(ValueError, match="float32 or float16"):
        write_safetensors(tmp_path / "w.safetensors", state, spec=spec, dtype=torch.int8)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"spec": "[1]"}, "expected a mapping"),
        ({"spec": "{"}, "damaged metadata"),
        ({"spec": "[" * 100_000}, "damaged metadata"),
        ({"spec": json.dumps({"name": "x", "import": "os"})}, "the spec in its metadata"),
        ({"spec": "x" * 300_000}, "300000 characters"),
    ],
)
def test_metadata_of_strangers_is_bounded(tmp_path, metadata, message):
    path = tmp_path / "theirs.safetensors"
    save_file({"w": torch.zeros(1)}, path, metadata=metadata)
    with pytest.raises(WeightsError, match=message):
        read_checkpoint(path)


def test_weights_of_a_network_with_other_sources_are_refused(tmp_path):
    network = zoo.build(
        "lightsaft_tfctdf_tiny", overrides={"sources": ["drums", "vocals", "bass", "other"]}
    )
    path = write_safetensors(tmp_path / "w.safetensors", network.state_dict(), spec=network.spec)
    with pytest.raises(WeightsError, match="differs from 'lightsaft_tfctdf_tiny' in sources"):
        zoo.build("lightsaft_tfctdf_tiny", weights=path)


def build_from(path: Path):
    return zoo.build(str(path))


def test_a_small_file_with_the_spec_of_a_large_network_allocates_nothing(tmp_path):
    spec = zoo.load_spec("lightsaft_tfctdf_tiny", overrides={"unet.width": 1024})
    path = write_safetensors(tmp_path / "wide.safetensors", {"w": torch.zeros(1)}, spec=spec)
    message = "do not fit lightsaft_tfctdf_tiny: .* missing .* 1 unknown"
    assert_refused(path, message, action=build_from)
