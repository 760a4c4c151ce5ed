"""Starting a training from weights that are there already."""

import dataclasses
from collections.abc import Mapping

import torch
from torch import Tensor

from zoo.hub import check_same_network, load_pretrained
from zoo.spec import Spec

EXIT_NAMES = ("unet.exit.weight", "unet.exit.bias")


def read_initial_weights(spec: Spec, source: str) -> dict[str, Tensor]:
    """Read what a network is to start from.

    Weights of a mapping can start a network that estimates by a mapping and a mask: its mask is
    zero at first, so that it computes what the mapping did.

    Args:
        spec: The network's.
        source: A file of ours with its spec, such as ``RUN/last.safetensors``, or a repository on
            the Hub.

    Raises:
        WeightsError: If they cannot be had, or are for a network that differs in more than that.
    """
    stored, loaded = load_pretrained(source)
    state = dict(loaded.state_dict)
    if (stored.estimate, spec.estimate) == ("mapping", "mapping_and_mask"):
        state |= widen_exit(state, stored)
        stored = dataclasses.replace(stored, estimate=spec.estimate)
    check_same_network(stored, spec, source)
    return state


def widen_exit(state: Mapping[str, Tensor], spec: Spec) -> dict[str, Tensor]:
    """Give the last convolution of a mapping a mask that is zero.

    Shape:
        exit weight (K * 2 C, W, 1, k) -> (K * 3 C, W, 1, k), K sub-bands
    """
    widened = {}
    for name in EXIT_NAMES:
        bands = state[name].unflatten(0, (spec.unet.num_subbands, 2 * spec.channels))
        mask = torch.zeros_like(bands[:, : spec.channels])
        widened[name] = torch.cat((bands, mask), dim=1).flatten(0, 1)
    return widened
