"""Starting a training from weights that are there already."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.hub import check_same_network, load_pretrained
from zoo.manifests import MAX_TEXT, WeightsEntry
from zoo.spec import Spec

EXIT_NAMES = ("unet.exit.weight", "unet.exit.bias")
DERIVED_TAG = "derived"


@dataclass(frozen=True, slots=True, kw_only=True)
class InitialWeights:
    """What a network starts from.

    Attributes:
        state: Tensors by the network's keys.
        entry: Licence and credits that go with whatever is made of them, None if the weights came
            without a record.
    """

    state: Mapping[str, Tensor]
    entry: WeightsEntry | None


def read_initial_weights(spec: Spec, source: str) -> InitialWeights:
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
    entry = loaded.manifest_entry
    return InitialWeights(state=state, entry=entry and derive_entry(entry, spec))


def derive_entry(entry: WeightsEntry, spec: Spec) -> WeightsEntry:
    """Return the record of weights that were trained on: its terms stay, its results do not."""
    data = f"Tracks not named here, after those of {entry.reference}: {entry.training_data}"
    return WeightsEntry(
        spec=spec.name,
        tag=DERIVED_TAG,
        licence=entry.licence,
        training_data=data[:MAX_TEXT],
        credits=entry.credits,
        notes=f"Derived from {entry.reference}, whose licence and credits go with it.",
    )


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
