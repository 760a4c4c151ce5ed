"""Tensors tell which network they are of."""

import pytest
import torch
from reference import NAMES, Reference

from zoo.errors import WeightsError
from zoo.networks.bounds import meta_network
from zoo.specs.registry import PACKAGED, SPECS, SpecRegistry
from zoo.weights import recognition
from zoo.weights.recognition import recognise_spec

TINY = "lightsaft_tfctdf_tiny"


def published(name: str) -> dict[str, torch.Tensor]:
    """The keys and shapes of a published network's state dict."""
    return {key: torch.empty(shape) for key, shape, _ in Reference.load(name).tensors}


def ours(name: str) -> dict[str, torch.Tensor]:
    return dict(meta_network(SPECS[name]).state_dict())


@pytest.mark.parametrize("prefix", ["", "module.", "model."])
@pytest.mark.parametrize("name", NAMES)
def test_every_published_network_is_recognised(name, prefix):
    state_dict = {prefix + key: tensor for key, tensor in published(name).items()}
    assert recognise_spec(state_dict, name="x") == SPECS[name]


@pytest.mark.parametrize("name", SPECS.names())
def test_every_network_of_ours_is_recognised(name):
    state_dict = ours(name)
    assert recognise_spec(state_dict, name="x") == SPECS[name]
    without_counters = {key: t for key, t in state_dict.items() if "num_batches" not in key}
    assert recognise_spec(without_counters, name="x") == SPECS[name]


def test_specs_that_tensors_cannot_tell_apart_are_listed(tmp_path, monkeypatch):
    text = (PACKAGED / f"{TINY}.yaml").read_text()
    changed = text.replace(f"name: {TINY}", "name: mine").replace("mapping", "masking")
    (tmp_path / "mine.yaml").write_text(changed)
    registry = SpecRegistry(PACKAGED)
    registry.add(tmp_path)
    monkeypatch.setattr(recognition, "SPECS", registry)
    with pytest.raises(WeightsError, match=rf"x\.pt .* of {TINY} and mine alike.*--spec NAME"):
        recognise_spec(ours(TINY), name="x.pt")


def test_the_closest_network_and_the_first_differences_are_named():
    state_dict = ours("lightsaft")
    state_dict["extra.weight"] = torch.zeros(2, 3)
    del state_dict["unet.exit.weight"], state_dict["unet.exit.bias"]
    message = (
        r"The closest is lightsaft, from which it differs: unet\.exit\.bias \(4,\), "
        r"unet\.exit\.weight \(4, 16, 1, 2\) missing, extra\.weight \(2, 3\) too many\. .*--spec"
    )
    with pytest.raises(WeightsError, match=message):
        recognise_spec(state_dict, name="x.pt")


def test_the_window_tells_transforms_apart():
    state_dict = published("cunet_tfc_film")
    state_dict["stft.stft.window"] = torch.zeros(4096)
    message = r"cunet_tfc_film, .* stft\.window \(2048,\) missing, stft\.window \(4096,\) too many"
    with pytest.raises(WeightsError, match=message):
        recognise_spec(state_dict, name="x.ckpt")


def test_a_damaged_layout_is_no_recognition():
    state_dict = published("lightsaft")
    name = next(key for key in state_dict if "LaSAFT_bn_layer.0.weight" in key)
    state_dict[name] = torch.zeros(7, 5)
    with pytest.raises(WeightsError, match=r"The closest is lightsaft, .* \(7, 5\) too many"):
        recognise_spec(state_dict, name="x.ckpt")


def test_tensors_of_other_programs_are_refused():
    with pytest.raises(WeightsError, match=r"x\.ckpt: no rule for 'spec2spec\.surprise'"):
        recognise_spec({"spec2spec.surprise": torch.zeros(1)}, name="x.ckpt")
    with pytest.raises(WeightsError, match=r"It has none of their tensors, but w \(1,\)"):
        recognise_spec({"w": torch.zeros(1)}, name="x.ckpt")
