"""Limits on what a spec may ask for, checked on shapes alone, before anything is allocated."""

from dataclasses import dataclass

import torch

from zoo.errors import SpecError
from zoo.networks.network import SeparationNetwork
from zoo.specs.spec import Spec


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """What a network may need at most.

    Attributes:
        parameters: Numbers in its state dict.
        feature_bytes: Bytes of the features of one stage for one chunk and one source, float32.
    """

    parameters: int = 400_000_000
    feature_bytes: int = 2 << 30


DEFAULT_BOUNDS = Bounds()


def meta_network(spec: Spec, *, bounds: Bounds = DEFAULT_BOUNDS) -> SeparationNetwork:
    """Build the network on torch's meta device: shapes without memory.

    Args:
        spec: The network as data.
        bounds: Limits to hold it to.

    Raises:
        SpecError: If the network would exceed the bounds, or a block refuses its sizes.
    """
    for part in spec.parts:
        _check_features(part, bounds)
    try:
        with torch.device("meta"):
            network = SeparationNetwork(spec)
    except ValueError as error:
        raise SpecError(f"{spec.name}: {error}") from None
    parameters = sum(tensor.numel() for tensor in network.state_dict().values())
    if parameters > bounds.parameters:
        raise SpecError(
            f"unet: {spec.name} would have {parameters:,} parameters, more than the limit of "
            f"{bounds.parameters:,}; lower width, num_layers, num_latent_sources or n_fft"
        )
    return network


def _check_features(spec: Spec, bounds: Bounds) -> None:
    """Bound the widest features: those that a dense block concatenates at full resolution."""
    unet = spec.unet
    layers = max(getattr(stage.local.options, "num_layers", 1) for _, stage in unet.stages())
    latent_sources = max(
        getattr(block.options, "num_latent_sources", 1)
        for _, stage in unet.stages()
        for _, block in stage.blocks()
    )
    copies = max(layers + 1, latent_sources)
    needed = 4 * spec.chunk_frames * spec.num_bins * unet.width * copies
    if needed > bounds.feature_bytes:
        raise SpecError(
            f"unet: {spec.name} would need {needed / 2**30:.1f} GiB for the features of one stage, "
            f"more than the limit of {bounds.feature_bytes / 2**30:.1f} GiB; lower width, "
            "num_layers, num_latent_sources, chunk_frames or n_fft"
        )
