"""The one resolution of a model: whatever names it becomes a network with its weights."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from zoo.errors import WeightsError, WeightsUnavailableError
from zoo.graphs.exported import ExportedNetwork, find_export, read_export
from zoo.networks.builder import build_network, build_with_weights
from zoo.networks.network import SeparationNetwork
from zoo.specs.loading import SpecSource
from zoo.specs.spec import Spec
from zoo.weights.adapters import adapt_state_dict
from zoo.weights.checkpoints import Checkpoint, read_checkpoint
from zoo.weights.digest import digest_tensors
from zoo.weights.entries import WeightsEntry
from zoo.weights.fetching.downloads import Progress
from zoo.weights.fetching.locating import LocatedWeights, locate
from zoo.weights.fetching.places import find_listed_entry
from zoo.weights.manifests import get_manifest
from zoo.weights.recognition import check_same_network, recognise_spec
from zoo.weights.references import (
    DEFAULT_WEIGHTS,
    RANDOM_WEIGHTS,
    WEIGHTS_FILE,
    ModelReference,
    TaggedWeights,
    identify,
    identify_weights,
)
from zoo.weights.settings import read_settings

__all__ = ["DEFAULT_MODELS", "ResolvedModel", "locate_default_model", "resolve_model"]

DEFAULT_MODELS = ("lightsaft_tfctdf", "lightsaft_tfctdf_small")
GIVEN_WEIGHTS = "given"


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedModel:
    """A network with its weights, and what is known of them.

    Attributes:
        network: The network, in eval mode where it has weights; or what the caller built, which
            maps (B, C, N) and ``sources`` to (B, S, C, N) as ours do; or an exported one, which
            only backends can run.
        spec: The network as data.
        weights: The tag, file or repository that its weights came from; ``random`` for fresh ones,
            and ``given`` for a network that the caller built.
        entry: Licence, training data, credits and metrics of the weights, where known.
        notices: What a user should be told, for example that other weights had to be taken.
    """

    network: SeparationNetwork
    spec: Spec
    weights: str
    entry: WeightsEntry | None = None
    notices: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The SHA-256 of the network's tensors, whatever they are called and wherever they lie."""
        if isinstance(self.network, ExportedNetwork):
            return self.network.record.digest
        return digest_tensors(self.network.state_dict())

    def with_network(self, network: SeparationNetwork) -> "ResolvedModel":
        """Return the model with another network that was made of its own."""
        return replace(self, network=network, spec=network.spec)

    @property
    def pitches(self) -> int:
        """At how many pitches songs are separated with its weights if nobody says otherwise."""
        return 1 if self.entry is None else self.entry.pitches

    @property
    def is_kept(self) -> bool:
        """Whether the same weights will be there again, so that compiling them once pays."""
        return self.weights not in (RANDOM_WEIGHTS, GIVEN_WEIGHTS)


def resolve_model(
    model: SpecSource | nn.Module | None,
    *,
    weights: str | Path | None = DEFAULT_WEIGHTS,
    overrides: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    may_be_exported: bool = False,
) -> ResolvedModel:
    """Find a network and its weights.

    Args:
        model: What :func:`~zoo.weights.references.identify` takes, a network that is built
            already, or None for the default model, or for the one that ``weights`` are of.
        weights: A tag, a path, a Hub repository or ``random``. ``default`` and None stand for the
            model's own weights where it brings some; else ``default`` stands for the first of its
            manifest that can be had, and None for fresh weights, in train mode.
        overrides: Values by dotted path that replace the spec's.
        progress: Called with bytes present and bytes expected as they arrive.
        may_be_exported: Whether ``model`` may be a folder of exported graphs, which can separate
            and nothing else.

    Raises:
        UnknownNameError: If no model has the name.
        SpecError: If the spec is bad or exceeds the bounds; nothing was allocated.
        ValueError: If weights or overrides are given for what brings its weights.
        WeightsError: If weights cannot be had, do not fit or do not tell their spec.
        ChecksumError: If a file is not what its manifest promises.
    """
    if isinstance(model, nn.Module):
        return _take_as_given(model, weights, overrides)
    folder = find_export(model)
    if folder is not None and not (folder / WEIGHTS_FILE).is_file():
        if not may_be_exported:
            raise WeightsError(
                f"{folder} holds exported graphs, which only separate: use zoo.Separator, or name "
                "the model that they were exported from"
            )
        return _take_exported(folder, weights, overrides)
    if model is None and weights == DEFAULT_WEIGHTS and not overrides:
        return _load(locate_default_model(progress=progress))
    reference = _identify(model, weights, overrides)
    if reference.source is not None:
        return _load(locate(reference, read_settings(), progress=progress))
    assert reference.spec is not None
    if weights is None:
        network = build_network(reference.spec)
    else:
        # One seed, so that a trial run is known again by the digest of its weights.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = build_network(reference.spec).eval()
    return ResolvedModel(
        network=network,
        spec=reference.spec,
        weights=RANDOM_WEIGHTS,
        notices=(f"{reference.spec.name} has random weights: what it makes is noise, not music",),
    )


def locate_default_model(*, progress: Progress | None = None) -> LocatedWeights:
    """Bring the first of ``DEFAULT_MODELS`` whose weights can be had to this machine.

    Its first notice says which it is and why.

    Raises:
        WeightsError: If none can be had; the message says why each failed and what to do.
    """
    failures: list[str] = []
    for name in DEFAULT_MODELS:
        if get_manifest(name) is None:
            continue
        try:
            reference = identify(name, weights=DEFAULT_WEIGHTS)
            located = locate(reference, read_settings(), progress=progress)
        except WeightsUnavailableError as error:
            failures.append(str(error))
            continue
        told = "; ".join((*failures, *located.notices))
        because = f"because: {told}" if told else "the first choice"
        reason = f"took {name} with weights {located.weights!r}, {because}"
        return replace(located, notices=(reason,))
    raise WeightsError(
        f"no weights for a default model ({', '.join(DEFAULT_MODELS)}): {'; '.join(failures)}. "
        f"Connect to the internet once and run 'python -m zoo fetch {DEFAULT_MODELS[0]}', "
        "or name a checkpoint: weights='path/to/file'"
    )


def _identify(
    model: SpecSource | None, weights: str | Path | None, overrides: Mapping[str, Any] | None
) -> ModelReference:
    """Tell what is meant; where no model is named, weights that say their spec name it."""
    if model is not None:
        return identify(model, weights=weights, overrides=overrides)
    source = None if weights is None else identify_weights(weights)
    if source is None or isinstance(source, TaggedWeights):
        return identify(DEFAULT_MODELS[0], weights=weights, overrides=overrides)
    if overrides:
        raise ValueError(f"overrides change the spec of a model, and {weights} names none")
    return ModelReference(spec=None, source=source, weights=str(weights))


def _take_as_given(
    network: nn.Module, weights: str | Path | None, overrides: Mapping[str, Any] | None
) -> ResolvedModel:
    if weights not in (None, DEFAULT_WEIGHTS) or overrides:
        extra = f"weights={str(weights)!r}" if not overrides else f"overrides={dict(overrides)}"
        raise ValueError(
            f"got a network that is built already and {extra}; give the name of a model, or leave "
            "them out"
        )
    spec = getattr(network, "spec", None)
    if not isinstance(spec, Spec):
        raise ValueError(
            f"got a {type(network).__name__} without a spec; expected a network that zoo.build "
            "made, or one whose attribute spec is a zoo.Spec"
        )
    return ResolvedModel(
        network=cast("SeparationNetwork", network),
        spec=spec,
        weights=GIVEN_WEIGHTS,
        entry=getattr(network, "weights_entry", None),
    )


def _take_exported(
    folder: Path, weights: str | Path | None, overrides: Mapping[str, Any] | None
) -> ResolvedModel:
    if weights not in (None, DEFAULT_WEIGHTS) or overrides:
        raise ValueError(
            f"{folder} holds exported graphs, which have their weights in them; leave weights and "
            "overrides out"
        )
    network = read_export(folder)
    record = network.record
    if record.licence is not None:
        network.weights_entry = WeightsEntry(
            spec=record.name,
            tag="exported",
            licence=record.licence,
            training_data=record.training_data or "not stated",
            credits=record.credits,
            pitches=record.pitches,
            notes=record.notes,
        )
    return ResolvedModel(
        network=cast("SeparationNetwork", network),
        spec=record.spec,
        weights=str(folder),
        entry=network.weights_entry,
    )


def _load(located: LocatedWeights) -> ResolvedModel:
    """Read a file of weights into the network that they are for."""
    file, notices = located.path.name, located.notices
    checkpoint = read_checkpoint(located.path)
    spec = located.spec or checkpoint.spec
    if spec is None:
        spec = recognise_spec(checkpoint.state_dict, name=file)
        notices += (
            f"{file} was taken for weights of {spec.name}, which separates "
            f"{', '.join(spec.sources)}: its tensors are those of that network",
        )
    elif checkpoint.spec is not None:
        check_same_network(checkpoint.spec, spec, file)
    network = build_with_weights(spec, _adapt(checkpoint, spec, file))
    entry = located.entry or checkpoint.entry or find_listed_entry(located.path, spec.name)
    network.weights_entry = entry
    return ResolvedModel(
        network=network, spec=spec, weights=located.weights, entry=entry, notices=notices
    )


def _adapt(checkpoint: Checkpoint, spec: Spec, file: str) -> dict[str, Tensor]:
    try:
        return adapt_state_dict(checkpoint.state_dict, spec)
    except WeightsError as error:
        raise WeightsError(f"{file}: {error}") from error
    except (RuntimeError, IndexError, ValueError) as error:
        raise WeightsError(
            f"{file}: its tensors do not have the layout of {spec.name} ({error})"
        ) from error
