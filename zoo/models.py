"""Models by name: what there is, what it costs, and building it with or without weights."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from zoo.networks.info import NetworkInfo, measure_network
from zoo.networks.network import SeparationNetwork
from zoo.specs.loading import SpecSource, load_spec
from zoo.specs.registry import SPECS
from zoo.weights.entries import Metric
from zoo.weights.manifests import available_tags, get_manifest
from zoo.weights.references import DEFAULT_WEIGHTS
from zoo.weights.resolving import resolve_model

__all__ = ["ModelInfo", "add_specs", "build", "from_pretrained", "list_models", "model_info"]


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelInfo(NetworkInfo):
    """What ``model_info`` knows of a model, beside what its network costs.

    Attributes:
        weights: Tags of the weights that are known for it.
        metrics: By tag, what its manifest states: published or measured, each with its protocol.
    """

    weights: tuple[str, ...]
    metrics: Mapping[str, tuple[Metric, ...]]


def build(
    source: SpecSource,
    *,
    weights: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> SeparationNetwork:
    """Build a network.

    Args:
        source: A model's name, the path of a YAML file, a mapping or a Spec; or what brings its
            weights: ``NAME.TAG``, a checkpoint (ours, or a published one whose tensors tell its
            spec), a saved folder, or a Hub repository ``user/name`` or ``user/name@revision``.
        weights: None for fresh ones (train mode), else a tag such as ``default``, the path of a
            checkpoint (ours or a published one) or a Hub repository (eval mode).
        overrides: Values by dotted path that replace the spec's, e.g. ``{"unet.width": 24}``.

    Returns:
        The network: in train mode with fresh weights, in eval mode with loaded ones.

    Raises:
        UnknownNameError: If no model has the name; the message lists the closest.
        SpecError: If the spec is bad or exceeds the bounds; nothing was allocated.
        ValueError: If weights or overrides are given for what brings its weights.
        WeightsError: If the weights cannot be had, do not fit, or do not tell their spec.
        ChecksumError: If a file is not what its manifest promises.
    """
    return resolve_model(source, weights=weights, overrides=overrides).network


def from_pretrained(source: SpecSource) -> SeparationNetwork:
    """Build a network with its weights, in eval mode.

    Args:
        source: As for :func:`build`; a model's name stands for its default weights.

    Raises:
        WeightsError: If the weights cannot be had.
    """
    return build(source, weights=DEFAULT_WEIGHTS)


def add_specs(path: str | Path) -> None:
    """Make the spec file, or the folder of spec files, at a path known by name.

    Raises:
        FileNotFoundError: If there is nothing at the path.
        ValueError: If a name is taken.
        SpecError: If a file does not parse.
    """
    SPECS.add(path)


def list_models(pattern: str = "*", *, weights: bool = False) -> list[str]:
    """List the names of models.

    Args:
        pattern: A shell pattern such as ``lasaft_*``.
        weights: Only those that have weights which can be had.
    """
    names = [name for name in SPECS.names() if fnmatchcase(name, pattern)]
    return [name for name in names if available_tags(name)] if weights else names


def model_info(source: SpecSource) -> ModelInfo:
    """Describe a model: spec, parameters, MACs, stages, weights and metrics.

    Args:
        source: A model's name, the path of a YAML file, a mapping or a Spec.

    Raises:
        UnknownNameError: If no model has the name.
        SpecError: If the spec is bad or exceeds the bounds.
    """
    network = measure_network(load_spec(source))
    manifest = get_manifest(network.name)
    entries = manifest.entries if manifest else {}
    return ModelInfo(
        **{field.name: getattr(network, field.name) for field in fields(network)},
        weights=available_tags(network.name),
        metrics={tag: entry.metrics for tag, entry in entries.items()},
    )
