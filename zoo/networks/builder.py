"""From a name, file, mapping or Hub repo to a network."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.errors import UnknownNameError, WeightsError
from zoo.networks.bounds import meta_network
from zoo.networks.network import SeparationNetwork
from zoo.specs.parsing import parse_spec
from zoo.specs.registry import SPECS
from zoo.specs.spec import Spec

SpecSource = str | Path | Mapping[str, Any] | Spec
YAML_SUFFIXES = (".yaml", ".yml")


def load_spec(source: SpecSource, *, overrides: Mapping[str, Any] | None = None) -> Spec:
    """Find and parse a spec.

    Args:
        source: A registered name, the path of a YAML file, a mapping or a Spec.
        overrides: Values by dotted path that replace those of the source, e.g. ``unet.width``.

    Raises:
        UnknownNameError: If no spec has the name.
        SpecError: If the spec is bad.
        FileNotFoundError: If the file does not exist.
    """
    if isinstance(source, Spec):
        return parse_spec(source.to_dict(), overrides=overrides) if overrides else source
    if isinstance(source, Mapping):
        return parse_spec(source, overrides=overrides)
    if Path(source).suffix in YAML_SUFFIXES:
        return parse_spec(source, overrides=overrides)
    return parse_spec(SPECS.path(str(source)), overrides=overrides)


def build(
    source: SpecSource,
    *,
    weights: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> SeparationNetwork:
    """Build a network.

    Args:
        source: A model's name, the path of a YAML file, a mapping, a Spec, a ``.safetensors`` file
            of ours or a Hub repo id ``user/name``; the last two bring their weights.
        weights: None for fresh ones (train mode), else a tag such as ``default``, the path of a
            checkpoint (ours or a published one) or a Hub repo id (eval mode).
        overrides: Values by dotted path that replace the spec's, e.g. ``{"unet.width": 24}``.

    Returns:
        The network: in train mode with fresh weights, in eval mode with loaded ones.

    Raises:
        UnknownNameError: If no model has the name; the message lists the closest.
        SpecError: If the spec is bad or exceeds the bounds; nothing was allocated.
        WeightsError: If the weights cannot be had or do not fit.
        ChecksumError: If a file is not what its manifest promises.
    """
    if weights is None and _is_pretrained(source):
        if overrides:
            raise ValueError("overrides cannot change a network that brings its weights")
        return _build_pretrained(str(source))
    spec = load_spec(source, overrides=overrides)
    meta_network(spec)
    network = SeparationNetwork(spec)
    if weights is None:
        return network
    from zoo.weights.resolving import load_weights

    loaded = load_weights(spec, weights)
    network.weights_entry = loaded.manifest_entry
    return load_into(network, loaded.state_dict)


def _is_pretrained(source: SpecSource) -> bool:
    if isinstance(source, Spec | Mapping) or (isinstance(source, str) and source in SPECS.names()):
        return False
    path = Path(source)
    if path.suffix in YAML_SUFFIXES:
        return False
    return path.suffix == ".safetensors" or path.is_dir() or str(source).count("/") == 1


def _build_pretrained(source: str) -> SeparationNetwork:
    from zoo.weights.resolving import load_pretrained

    spec, loaded = load_pretrained(source)
    meta_network(spec)
    network = SeparationNetwork(spec)
    network.weights_entry = loaded.manifest_entry
    return load_into(network, loaded.state_dict)


def load_into(network: SeparationNetwork, state_dict: Mapping[str, Any]) -> SeparationNetwork:
    """Copy a state dict into a network and put it into eval mode.

    Raises:
        WeightsError: With the names that are missing, unknown or of another shape.
    """
    ours = network.state_dict()
    counters = {name for name in ours if name.endswith("num_batches_tracked")}
    missing = sorted(ours.keys() - state_dict.keys() - counters)
    unknown = sorted(state_dict.keys() - ours.keys())
    shapes = [
        f"{name} is {tuple(tensor.shape)}, expected {tuple(ours[name].shape)}"
        for name, tensor in state_dict.items()
        if name in ours and tensor.shape != ours[name].shape
    ]
    faults = {"missing": missing, "unknown": unknown, "of another shape": shapes}
    if any(faults.values()):
        listed = "; ".join(
            f"{len(names)} {kind} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"
            for kind, names in faults.items()
            if names
        )
        raise WeightsError(f"weights do not fit {network.spec.name}: {listed}")
    network.load_state_dict(dict(state_dict), strict=False)
    return network.eval()


__all__ = ["SpecSource", "UnknownNameError", "build", "load_into", "load_spec"]
