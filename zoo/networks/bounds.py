"""Limits on what a spec may ask for, checked on shapes alone, before anything is allocated."""

import torch

from zoo.errors import SpecError
from zoo.networks.network import SeparationNetwork
from zoo.specs.spec import Spec

MAX_PARAMETERS = 400_000_000  # numbers in the state dict
MAX_FEATURE_BYTES = 2 << 30  # of one stage's float32 features, for one chunk and one source


def meta_network(spec: Spec) -> SeparationNetwork:
    """Build the network on torch's meta device: shapes without memory.

    Args:
        spec: The network as data.

    Raises:
        SpecError: If the network would exceed the bounds, or a block refuses its sizes.
    """
    for part in spec.parts:
        _check_features(part)
    try:
        with torch.device("meta"):
            network = SeparationNetwork(spec)
    except ValueError as error:
        raise SpecError(f"{spec.name}: {error}") from None
    parameters = sum(tensor.numel() for tensor in network.state_dict().values())
    if parameters > MAX_PARAMETERS:
        raise SpecError(
            f"unet: {spec.name} would have {parameters:,} parameters, more than the limit of "
            f"{MAX_PARAMETERS:,}; lower width, num_layers, num_latent_sources or n_fft"
        )
    return network


def _check_features(spec: Spec) -> None:
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
    if needed > MAX_FEATURE_BYTES:
        raise SpecError(
            f"unet: {spec.name} would need {needed / 2**30:.1f} GiB for the features of one stage, "
            f"more than the limit of {MAX_FEATURE_BYTES / 2**30:.1f} GiB; lower width, "
            "num_layers, num_latent_sources, chunk_frames or n_fft"
        )
