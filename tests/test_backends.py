"""A backend is one registered object: everything else reads what it needs from it."""

import pytest
import torch

from tests.fake_networks import Gains
from zoo.separation.backends import BACKENDS, backend, choose_backend
from zoo.separation.backends.torch import TorchBackend
from zoo.separation.separator import Separator

CPU = torch.device("cpu")


class Loud(TorchBackend):
    """A backend from another package; it can run nothing but Gains."""

    name = "loud"
    rank = 99
    fills_last_chunk = True

    def version(self):
        return "7.1"

    def obstacle(self, network, device):
        return None if isinstance(network, Gains) else "it is too loud for this"

    def fastest_precision(self, device):
        return torch.bfloat16


@pytest.fixture
def loud(monkeypatch):
    registry = type(BACKENDS)("backend")
    for name in BACKENDS:
        registry.add(name, BACKENDS[name])
    registry.add("loud", Loud())
    monkeypatch.setattr(backend, "BACKENDS", registry)


@pytest.mark.usefixtures("loud")
def test_auto_takes_the_highest_rank_without_an_obstacle():
    assert choose_backend("auto", Gains(), CPU).name == "loud"
    assert choose_backend("auto", torch.nn.Identity(), CPU).name == "torch"
    assert choose_backend("torch", Gains(), CPU).name == "torch"


@pytest.mark.usefixtures("loud")
def test_a_separator_takes_precision_chunking_and_version_from_its_backend():
    separator = Separator(Gains(), device="cpu")
    assert (separator.backend, separator.precision) == ("loud", torch.bfloat16)
    assert (separator.identity.backend, separator.identity.backend_version) == ("loud", "7.1")
    assert separator._chunking.alignment == separator._chunking.chunk_length
    assert Separator(Gains(), device="cpu", precision="float32").precision == torch.float32


@pytest.mark.usefixtures("loud")
def test_obstacles_and_unknown_names_are_said():
    with pytest.raises(ValueError, match="the loud backend cannot be used: it is too loud"):
        choose_backend("loud", torch.nn.Identity(), CPU)
    with pytest.raises(ValueError, match=r"unknown backend 'lout': did you mean 'loud'.*torch"):
        choose_backend("lout", Gains(), CPU)
