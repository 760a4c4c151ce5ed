"""What a model and a choice of weights mean, decided before anything is fetched or read."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from zoo.errors import WeightsError
from zoo.specs.loading import YAML_SUFFIXES, SpecSource, load_spec
from zoo.specs.registry import SPECS
from zoo.specs.spec import Spec
from zoo.weights.checkpoints import SUFFIXES
from zoo.weights.entries import NAME, REPO_ID, REVISION

__all__ = [
    "DEFAULT_WEIGHTS",
    "RANDOM_WEIGHTS",
    "WEIGHTS_FILE",
    "HubRepository",
    "ModelReference",
    "TaggedWeights",
    "WeightsFile",
    "WeightsSource",
    "identify",
    "identify_weights",
]

DEFAULT_WEIGHTS = "default"
RANDOM_WEIGHTS = "random"
WEIGHTS_FILE = "model.safetensors"
CHECKPOINTS = f"the path of a checkpoint ({', '.join(SUFFIXES)})"
REPOSITORIES = "a Hub repository as user/name or user/name@revision"


@dataclass(frozen=True, kw_only=True, slots=True)
class TaggedWeights:
    """Weights of a spec's manifest.

    Args:
        tag: A tag, or ``default`` for the first of the manifest's order that can be had.
    """

    tag: str


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightsFile:
    """A file on this machine.

    Args:
        path: The file, which need not exist.
    """

    path: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class HubRepository:
    """A model repository of the Hugging Face Hub.

    Args:
        repo_id: ``user/name``.
        revision: Commit, tag or branch; None for the main branch.
    """

    repo_id: str
    revision: str | None = None


WeightsSource: TypeAlias = TaggedWeights | WeightsFile | HubRepository


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelReference:
    """A network and its weights, by where they are.

    Args:
        spec: The network; None where the weights say which one they are for.
        source: Where the weights are; None for fresh ones.
        weights: What the caller called the weights.
    """

    spec: Spec | None
    source: WeightsSource | None
    weights: str


def identify(
    model: SpecSource,
    *,
    weights: str | Path | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> ModelReference:
    """Tell what a model and a choice of weights mean.

    Args:
        model: A registered name, the path of a YAML file, a mapping or a Spec; or what brings its
            weights: ``NAME.TAG``, the path of a checkpoint or of a saved folder, or a Hub
            repository as ``user/name`` or ``user/name@revision``. A ``Path`` is never a name.
        weights: A tag, a path, a Hub repository or ``random``; None and ``default`` stand for the
            model's own where it brings some, else for fresh weights and for the manifest's default.
        overrides: Values by dotted path that replace the spec's.

    Raises:
        UnknownNameError: If no model has the name.
        SpecError: If the spec is bad.
        ValueError: If weights or overrides are given for what brings its weights.
        WeightsError: If the weights are of no form that is known.
    """
    brought = _identify_brought(model)
    if brought is None:
        source = None if weights is None else identify_weights(weights)
        return ModelReference(
            spec=load_spec(model, overrides=overrides), source=source, weights=str(weights)
        )
    if overrides:
        raise ValueError(
            f"overrides cannot change a network that brings its weights, and {model} does"
        )
    if weights not in (None, DEFAULT_WEIGHTS):
        raise ValueError(
            f"{model} brings its weights, so weights={str(weights)!r} contradicts it; leave "
            "weights out, or name the spec"
        )
    return brought


def identify_weights(weights: str | Path) -> WeightsSource | None:
    """Tell where chosen weights are; None for ``random``, which is nowhere.

    Raises:
        WeightsError: If they are of no form that is known.
    """
    if isinstance(weights, Path):
        return _find_file(weights)
    if weights == RANDOM_WEIGHTS:
        return None
    if NAME.fullmatch(weights):
        return TaggedWeights(tag=weights)
    return _find_file(weights) or _parse_repository(
        weights, expected=f"a tag, {CHECKPOINTS} or {REPOSITORIES}"
    )


def _identify_brought(model: SpecSource) -> ModelReference | None:
    """Tell what a model that brings its weights means; None for one that does not."""
    if isinstance(model, Spec | Mapping) or (isinstance(model, str) and model in SPECS.names()):
        return None
    text = str(model)
    if Path(text).suffix in YAML_SUFFIXES:
        return None
    file = _find_file(model)
    if file is not None:
        return ModelReference(spec=None, source=file, weights=text)
    name, _, tag = text.partition(".")
    if NAME.fullmatch(name) and NAME.fullmatch(tag):
        return ModelReference(spec=load_spec(name), source=TaggedWeights(tag=tag), weights=tag)
    if text.partition("@")[0].count("/") == 1:
        expected = f"NAME or NAME.TAG, a YAML file, {CHECKPOINTS}, a saved folder or {REPOSITORIES}"
        return ModelReference(
            spec=None, source=_parse_repository(text, expected=expected), weights=text
        )
    return None


def _find_file(text: str | Path) -> WeightsFile | None:
    """Find a file of weights or a saved folder; a Path is one even where there is nothing."""
    if not text:
        return None
    path = Path(text)
    if path.is_dir():
        return WeightsFile(path=path / WEIGHTS_FILE)
    if isinstance(text, Path) or path.suffix in SUFFIXES or path.exists():
        return WeightsFile(path=path)
    return None


def _parse_repository(text: str, *, expected: str) -> HubRepository:
    repo_id, _, revision = text.partition("@")
    if REPO_ID.fullmatch(repo_id) is None or (revision and REVISION.fullmatch(revision) is None):
        raise WeightsError(f"expected {expected}, got {text[:160]!r}")
    return HubRepository(repo_id=repo_id, revision=revision or None)
