"""From a model's name to a network with weights, and what a user should be told of it."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from zoo.networks.builder import SpecSource, build, load_into
from zoo.specs.registry import SPECS
from zoo.specs.spec import Spec
from zoo.weights.resolving import DEFAULT_MODELS, choose_default_model, load_weights

__all__ = ["RANDOM_WEIGHTS", "LoadedNetwork", "load_network"]

RANDOM_WEIGHTS = "random"
GIVEN_WEIGHTS = "given"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedNetwork:
    """A network that is ready to separate.

    Attributes:
        network: Maps (B, C, N) and ``sources`` to (B, S, C, N).
        spec: The network as data.
        weights: The tag, file or repository that its weights came from; ``random`` for none, and
            ``given`` for a network that the caller built.
        notices: What a user should be told, for example that other weights had to be taken.
    """

    network: nn.Module
    spec: Spec
    weights: str
    notices: tuple[str, ...] = ()

    @property
    def pitches(self) -> int:
        """At how many pitches songs are separated with its weights if nobody says otherwise."""
        entry = getattr(self.network, "weights_entry", None)
        return 1 if entry is None else entry.pitches

    @property
    def is_kept(self) -> bool:
        """Whether the same weights will be there again, so that compiling them once pays."""
        return self.weights not in (RANDOM_WEIGHTS, GIVEN_WEIGHTS)


def load_network(
    model: SpecSource | nn.Module | None, *, weights: str | Path = "default"
) -> LoadedNetwork:
    """Find a network and its weights.

    Args:
        model: What :func:`zoo.build` takes, a network that is built already, or None for the
            default model.
        weights: What :func:`zoo.build` takes, or ``random``, which has to be said aloud.

    Raises:
        ValueError: Weights for a network that has its own.
        UnknownNameError: No such model.
        WeightsError: The weights cannot be had or do not fit.
    """
    if isinstance(model, nn.Module):
        return _take_as_given(model, weights)
    if model is None:
        if weights == "default":
            chosen = choose_default_model()
            loaded = load_network(chosen.name, weights=chosen.tag)
            return LoadedNetwork(
                network=loaded.network,
                spec=loaded.spec,
                weights=loaded.weights,
                notices=(chosen.reason, *loaded.notices),
            )
        model = DEFAULT_MODELS[0]
    if weights == "default" and _brings_weights(model):
        network = build(model)
        return LoadedNetwork(network=network, spec=network.spec, weights=str(model))
    if weights == RANDOM_WEIGHTS:
        # One seed, so that a trial run is known again by the digest of its weights.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = build(model)
    else:
        network = build(model)
    spec = network.spec
    if weights == RANDOM_WEIGHTS:
        notice = f"{spec.name} has random weights: what it makes is noise, not music"
        return LoadedNetwork(
            network=network.eval(), spec=spec, weights=RANDOM_WEIGHTS, notices=(notice,)
        )
    loaded = load_weights(spec, weights)
    network.weights_entry = loaded.manifest_entry
    return LoadedNetwork(
        network=load_into(network, loaded.state_dict),
        spec=spec,
        weights=loaded.tag,
        notices=loaded.notices,
    )


def _take_as_given(network: nn.Module, weights: str | Path) -> LoadedNetwork:
    if weights != "default":
        raise ValueError(
            f"got a network that is built already and weights={str(weights)!r}; give the name of a "
            "model, or leave weights out"
        )
    spec = getattr(network, "spec", None)
    if not isinstance(spec, Spec):
        raise ValueError(
            f"got a {type(network).__name__} without a spec; expected a network that zoo.build "
            "made, or one whose attribute spec is a zoo.Spec"
        )
    return LoadedNetwork(network=network, spec=spec, weights=GIVEN_WEIGHTS)


def _brings_weights(model: SpecSource) -> bool:
    """Whether a model is a file or repository of ours, with spec and weights in one."""
    is_name = isinstance(model, str | Path) and str(model) not in SPECS.names()
    return is_name and Path(str(model)).suffix not in (".yaml", ".yml")
