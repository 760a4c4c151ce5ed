"""Starting a training from weights that are there already."""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.errors import WeightsError
from zoo.records.reading import MAX_TEXT
from zoo.specs.spec import Spec
from zoo.weights.entries import WeightsEntry
from zoo.weights.recognition import check_same_network
from zoo.weights.resolving import resolve_model

EXIT_NAMES = ("unet.exit.weight", "unet.exit.bias")
DERIVED_TAG = "derived"
NO_DERIVATIVES = re.compile(r"\bND\b|no-?\s?derivatives", re.IGNORECASE)


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


def read_initial_weights(spec: Spec, source: str, *, low_band: str = "") -> InitialWeights:
    """Read what a network is to start from.

    Weights of a mapping can start a network that estimates by a mapping and a mask: its mask is
    zero at first, so that it computes what the mapping did. Weights of a network without a low
    band can start one that has one, together with those of the low band. Weights of a network that
    takes mixtures at the level they have can start one that brings them to a level.

    Args:
        spec: The network's.
        source: What brings its weights: a checkpoint such as ``RUN/last.safetensors``, a Hub
            repository, or ``NAME.TAG``.
        low_band: The same for the low band, trained as a network of its own; empty if ``source``
            has them all.

    Raises:
        WeightsError: If they cannot be had, or are for a network that differs in more than that.
    """
    inner = spec.low_band_spec
    if not low_band:
        return _read_one(spec, source)
    if inner is None:
        raise WeightsError(f"{low_band}: {spec.name} has no low band to start from it")
    outer = _read_one(dataclasses.replace(spec, low_band=None), source)
    low = _read_one(inner, low_band)
    entry = outer.entry or low.entry
    if outer.entry and low.entry and outer.entry != low.entry:
        entry = _join_entries(outer.entry, low.entry)
    return InitialWeights(state=join_low_band(outer.state, low.state, spec), entry=entry)


def _read_one(spec: Spec, source: str) -> InitialWeights:
    resolved = resolve_model(source)
    stored, state = resolved.spec, dict(resolved.network.state_dict())
    if (stored.estimate, spec.estimate) == ("mapping", "mapping_and_mask"):
        state |= widen_exit(state, stored)
        stored = dataclasses.replace(stored, estimate=spec.estimate)
    if stored.input_level_dbfs is None:
        stored = dataclasses.replace(stored, input_level_dbfs=spec.input_level_dbfs)
    check_same_network(stored, spec, source)
    entry = resolved.entry and derive_entry(resolved.entry, spec)
    return InitialWeights(state=state, entry=entry)


def _join_entries(first: WeightsEntry, second: WeightsEntry) -> WeightsEntry:
    """Return the record of what is made of two: the terms of both."""
    licences = dict.fromkeys((first.licence, second.licence))
    credits_ = dict.fromkeys((*first.credits, *second.credits))
    data = dict.fromkeys((first.training_data, second.training_data))
    return dataclasses.replace(
        first,
        licence=" AND ".join(licences),
        credits=tuple(credits_),
        training_data="; ".join(data)[:MAX_TEXT],
        notes=f"{first.notes} {second.notes}"[:MAX_TEXT],
    )


def derive_entry(entry: WeightsEntry, spec: Spec) -> WeightsEntry:
    """Return the record of weights that were trained on: its terms stay, its results do not.

    Raises:
        WeightsError: If its licence forbids derivatives.
    """
    if NO_DERIVATIVES.search(entry.licence):
        raise WeightsError(
            f"{entry.reference} is licensed {entry.licence}, which forbids what is derived from "
            "it; start from other weights, or ask their authors"
        )
    data = f"Tracks not named here, after those of {entry.reference}: {entry.training_data}"
    return WeightsEntry(
        spec=spec.name,
        tag=DERIVED_TAG,
        licence=entry.licence,
        training_data=data[:MAX_TEXT],
        credits=entry.credits,
        notes=f"Derived from {entry.reference}, whose licence and credits go with it.",
    )


def join_low_band(
    outer: Mapping[str, Tensor], low_band: Mapping[str, Tensor], spec: Spec
) -> dict[str, Tensor]:
    """Make one network of two, which estimates their mean where both estimate.

    Both are halved there, in their last convolutions.

    Args:
        outer: Tensors of the network without a low band.
        low_band: Tensors of the low band.
        spec: The network that has both.

    Raises:
        WeightsError: If the low band does not end where one of the network's sub-bands does.
    """
    assert spec.low_band is not None
    span = spec.low_band.num_bins * spec.stft.n_fft
    num_shared, rest = divmod(span, spec.low_band.n_fft * spec.num_bins)
    if rest or spec.sees_all_bins:
        raise WeightsError(
            f"the low band of {spec.name} does not end at the edge of a sub-band, so its weights "
            "cannot be joined with those of the rest"
        )
    joined = dict(outer) | {f"low_band.{name}": tensor for name, tensor in low_band.items()}
    for name in EXIT_NAMES:
        bands = joined[name].unflatten(0, (spec.unet.num_subbands, -1)).clone()
        bands[:num_shared] *= 0.5
        joined[name] = bands.flatten(0, 1)
        joined[f"low_band.{name}"] = joined[f"low_band.{name}"] * 0.5
    return joined


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
