"""From a spec to a network, and tensors into a network."""

from collections.abc import Mapping

from torch import Tensor

from zoo.errors import WeightsError
from zoo.networks.bounds import meta_network
from zoo.networks.network import SeparationNetwork
from zoo.specs.spec import Spec

__all__ = ["build_network", "build_with_weights", "load_into"]


def build_network(spec: Spec) -> SeparationNetwork:
    """Build the network of a spec with fresh weights, in train mode.

    Raises:
        SpecError: If the network would exceed the bounds; nothing was allocated.
    """
    meta_network(spec)
    return SeparationNetwork(spec)


def build_with_weights(spec: Spec, state_dict: Mapping[str, Tensor]) -> SeparationNetwork:
    """Build the network of a spec with the weights of a file, in eval mode.

    Raises:
        SpecError: If the network would exceed the bounds; nothing was allocated.
        WeightsError: If the weights do not fit; nothing was allocated. A small file may hold the
            spec of a large network.
    """
    _check_fit(meta_network(spec), state_dict)
    return load_into(SeparationNetwork(spec), state_dict)


def load_into(network: SeparationNetwork, state_dict: Mapping[str, Tensor]) -> SeparationNetwork:
    """Copy a state dict into a network and put it into eval mode.

    Raises:
        WeightsError: With the names that are missing, unknown or of another shape.
    """
    _check_fit(network, state_dict)
    network.load_state_dict(dict(state_dict), strict=False)
    return network.eval()


def _check_fit(network: SeparationNetwork, state_dict: Mapping[str, Tensor]) -> None:
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
