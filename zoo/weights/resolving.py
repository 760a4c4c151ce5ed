"""From a name to weights: tags of manifests, files, and repositories of the Hugging Face Hub.

The only module that reads environment variables: ``LIGHTSAFT_ZOO_CACHE`` (folder for files from
plain addresses), ``HF_HUB_OFFLINE`` (use only what is packaged or cached), and the Hub's
``HF_HOME``, ``HF_HUB_CACHE`` and ``HF_ENDPOINT``.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from zoo.errors import WeightsError, WeightsUnavailableError
from zoo.specs.spec import Spec
from zoo.weights.adapters import adapt_state_dict
from zoo.weights.checkpoints import SUFFIXES, Checkpoint, read_checkpoint
from zoo.weights.entries import WeightsEntry
from zoo.weights.fetching.downloads import Progress
from zoo.weights.fetching.places import HubSettings
from zoo.weights.fetching.resolution import (
    WEIGHTS_FILE,
    ResolvedWeights,
    existing_file,
    resolve,
    resolve_repository,
)
from zoo.weights.manifests import get_manifest

__all__ = [
    "DEFAULT_MODELS",
    "WEIGHTS_FILE",
    "DefaultModel",
    "HubSettings",
    "LoadedWeights",
    "ResolvedWeights",
    "check_same_network",
    "choose_default_model",
    "load_pretrained",
    "load_weights",
    "read_settings",
    "resolve_weights",
]

DEFAULT_MODELS = ("lightsaft_tfctdf", "lightsaft_tfctdf_small")
TRUE_WORDS = frozenset({"1", "ON", "YES", "TRUE"})


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedWeights:
    """Weights in memory, by our keys.

    Args:
        state_dict: Tensors by our keys, floating-point ones as float32.
        tag: The tag taken; for files and repositories, what the caller gave.
        manifest_entry: Licence, training data, credits and metrics, where known.
        notices: What a user should be told, for example that another tag could not be had.
    """

    state_dict: dict[str, Tensor]
    tag: str
    manifest_entry: WeightsEntry | None = None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class DefaultModel:
    """The model that is taken when nobody names one.

    Args:
        name: Name of the spec.
        tag: Tag of its weights, present on this machine.
        reason: Why this one, in a sentence for the user.
    """

    name: str
    tag: str
    reason: str


def read_settings(environment: Mapping[str, str] | None = None) -> HubSettings:
    """Read the settings from the environment (``os.environ`` by default)."""
    variables = os.environ if environment is None else environment
    base = variables.get("XDG_CACHE_HOME") or "~/.cache"
    cache = variables.get("LIGHTSAFT_ZOO_CACHE") or f"{base}/lightsaft-zoo"
    hub_cache = variables.get("HF_HUB_CACHE")
    if not hub_cache and variables.get("HF_HOME"):
        hub_cache = f"{variables['HF_HOME']}/hub"
    return HubSettings(
        cache=Path(cache).expanduser(),
        offline=variables.get("HF_HUB_OFFLINE", "").upper() in TRUE_WORDS,
        hub_cache=Path(hub_cache).expanduser() if hub_cache else None,
        endpoint=variables.get("HF_ENDPOINT") or None,
    )


def resolve_weights(
    spec_name: str, weights: str | Path, *, progress: Progress | None = None
) -> ResolvedWeights:
    """Find weights and bring them to this machine, verified.

    Args:
        spec_name: Name of the spec that they are for.
        weights: A tag of the spec's manifest, ``default`` for the first of its order that can be
            had, the path of a checkpoint or of a saved folder, or a Hub repository as
            ``user/name`` or ``user/name@revision``.
        progress: Called with bytes present and bytes expected as they arrive.

    Raises:
        WeightsError: If there are none by that name, or they cannot be had.
        ChecksumError: If a file is not what its manifest promises.
    """
    return resolve(spec_name, weights, read_settings(), progress=progress)


def load_weights(
    spec: Spec, weights: str | Path, *, progress: Progress | None = None
) -> LoadedWeights:
    """Bring weights into memory, by our keys, whichever code wrote them.

    Args:
        spec: The network that they are for.
        weights: As for :func:`resolve_weights`.
        progress: Called with bytes present and bytes expected as they arrive.

    Raises:
        WeightsError: If they do not exist, cannot be had, are damaged or hostile, or are for
            another network.
        ChecksumError: If a file is not what its manifest promises.
    """
    resolved = resolve_weights(spec.name, weights, progress=progress)
    checkpoint = read_checkpoint(resolved.path)
    if checkpoint.spec is not None:
        check_same_network(checkpoint.spec, spec, resolved.path.name)
    return LoadedWeights(
        state_dict=_adapt(checkpoint, spec, resolved.path.name),
        tag=resolved.tag,
        manifest_entry=resolved.manifest_entry or checkpoint.entry,
        notices=resolved.notices,
    )


def load_pretrained(
    source: str | Path, *, progress: Progress | None = None
) -> tuple[Spec, LoadedWeights]:
    """Rebuild spec and weights from one file of ours.

    Args:
        source: A safetensors file of ours, a folder that ``save_pretrained`` wrote, or a Hub
            repository as ``user/name`` or ``user/name@revision``.
        progress: Called with bytes present and bytes expected as they arrive.

    Raises:
        WeightsError: If it cannot be had, or its metadata holds no valid spec.
    """
    path = Path(source)
    if path.is_dir():
        path = existing_file(path / WEIGHTS_FILE)
    elif path.suffix in SUFFIXES or path.exists() or isinstance(source, Path):
        path = existing_file(path)
    else:
        path = resolve_repository(str(source), read_settings(), progress).path
    checkpoint = read_checkpoint(path)
    if checkpoint.spec is None:
        raise WeightsError(
            f"{source}: holds no spec, so the network cannot be rebuilt from it alone. Name the "
            "spec, as in zoo.build(NAME, weights=FILE), or run: "
            "python -m zoo convert FILE --spec NAME -o OUT.safetensors"
        )
    loaded = LoadedWeights(
        state_dict=_adapt(checkpoint, checkpoint.spec, path.name),
        tag=checkpoint.entry.tag if checkpoint.entry else str(source),
        manifest_entry=checkpoint.entry,
    )
    return checkpoint.spec, loaded


def choose_default_model(*, progress: Progress | None = None) -> DefaultModel:
    """Choose the first of ``DEFAULT_MODELS`` whose weights can be had, and fetch them if needed.

    Raises:
        WeightsError: If none can be had; the message says why each failed and what to do.
    """
    failures: list[str] = []
    for name in DEFAULT_MODELS:
        if get_manifest(name) is None:
            continue
        try:
            resolved = resolve_weights(name, "default", progress=progress)
        except WeightsUnavailableError as error:
            failures.append(str(error))
            continue
        told = "; ".join((*failures, *resolved.notices))
        because = f"because: {told}" if told else "the first choice"
        return DefaultModel(
            name=name,
            tag=resolved.tag,
            reason=f"took {name} with weights {resolved.tag!r}, {because}",
        )
    raise WeightsError(
        f"no weights for a default model ({', '.join(DEFAULT_MODELS)}): {'; '.join(failures)}. "
        f"Connect to the internet once and run 'python -m zoo fetch {DEFAULT_MODELS[0]}', "
        "or name a checkpoint: weights='path/to/file'"
    )


def _adapt(checkpoint: Checkpoint, spec: Spec, name: str) -> dict[str, Tensor]:
    try:
        return adapt_state_dict(checkpoint.state_dict, spec)
    except WeightsError as error:
        raise WeightsError(f"{name}: {error}") from error
    except (RuntimeError, IndexError, ValueError) as error:
        raise WeightsError(
            f"{name}: its tensors do not have the layout of {spec.name} ({error})"
        ) from error


def check_same_network(stored: Spec, wanted: Spec, name: str) -> None:
    """Refuse weights of another network, such as one with its sources in another order.

    Args:
        stored: The spec that the weights are for.
        wanted: The spec of the network that is to have them.
        name: What the weights are called, for the message.

    Raises:
        WeightsError: With every key in which the two differ.
    """
    ignored = {"name", "title", "paper", "chunk_frames"}
    mine, theirs = wanted.to_dict(), stored.to_dict()
    keys = [key for key in mine.keys() | theirs.keys() if key not in ignored]
    different = sorted(key for key in keys if mine.get(key) != theirs.get(key))
    if different:
        listed = "; ".join(f"{key}: {theirs.get(key)}, not {mine.get(key)}" for key in different)
        raise WeightsError(
            f"{name} holds weights of {stored.name!r}, which differs from {wanted.name!r} in "
            f"{listed[:600]}"
        )
