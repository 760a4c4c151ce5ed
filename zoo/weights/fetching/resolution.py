"""Which file a name of weights means: a tag, a path, or a repository of the Hub."""

import logging
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import UnknownNameError, WeightsError, WeightsUnavailableError
from zoo.weights.checkpoints import SUFFIXES
from zoo.weights.entries import WeightsEntry
from zoo.weights.fetching.downloads import Progress
from zoo.weights.fetching.hub_files import download_from_hub
from zoo.weights.fetching.places import HubSettings, fetch_entry
from zoo.weights.manifest_parsing import NAME, REPO_ID, REVISION
from zoo.weights.manifests import get_manifest, load_manifests, specs_with_weights

__all__ = [
    "WEIGHTS_FILE",
    "ResolvedWeights",
    "existing_file",
    "resolve",
    "resolve_repository",
]

logger = logging.getLogger(__name__)

WEIGHTS_FILE = "model.safetensors"
TEST_TAG = "test"


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedWeights:
    """A verified file of weights on this machine.

    Args:
        path: The file.
        tag: The tag taken; for files and repositories, what the caller gave.
        manifest_entry: The manifest's record, where the weights come from a manifest.
        notices: What a user should be told, for example that another tag could not be had.
    """

    path: Path
    tag: str
    manifest_entry: WeightsEntry | None = None
    notices: tuple[str, ...] = ()


def resolve(
    spec_name: str,
    weights: str | Path,
    settings: HubSettings,
    *,
    progress: Progress | None = None,
) -> ResolvedWeights:
    """Find weights and bring them to this machine; see ``resolve_weights``."""
    if isinstance(weights, Path):
        return ResolvedWeights(path=existing_file(weights), tag=str(weights))
    if NAME.fullmatch(weights):
        return _resolve_tag(spec_name, weights, settings, progress)
    if Path(weights).is_dir():
        return ResolvedWeights(path=existing_file(Path(weights) / WEIGHTS_FILE), tag=weights)
    if Path(weights).suffix in SUFFIXES or Path(weights).exists():
        return ResolvedWeights(path=existing_file(Path(weights)), tag=weights)
    return resolve_repository(weights, settings, progress)


def _resolve_tag(
    spec_name: str, tag: str, settings: HubSettings, progress: Progress | None
) -> ResolvedWeights:
    manifest = get_manifest(spec_name)
    if manifest is None:
        raise WeightsError(
            f"no weights are listed for {spec_name!r}. Models with weights: "
            f"{', '.join(specs_with_weights())}. To train it: python -m zoo train {spec_name}; "
            "to use a file: weights='path/to/file'"
        )
    if tag == "default":
        return _resolve_first([manifest[tag] for tag in manifest.default], settings, progress)
    try:
        entry = manifest[tag]
    except UnknownNameError as error:
        raise WeightsError(str(error)) from None
    path = fetch_entry(entry, settings, progress=progress)
    return ResolvedWeights(path=path, tag=tag, manifest_entry=entry)


def _resolve_first(
    entries: list[WeightsEntry], settings: HubSettings, progress: Progress | None
) -> ResolvedWeights:
    """Take the first entry that can be had; say which ones could not."""
    failures: list[str] = []
    for entry in entries:
        try:
            path = fetch_entry(entry, settings, progress=progress)
        except WeightsUnavailableError as error:
            failures.append(str(error))
            continue
        notices = tuple(
            f"{failed.reference} could not be had, {entry.reference} was taken instead: {reason}"
            for failed, reason in zip(entries, failures, strict=False)
        )
        for notice in notices:
            logger.warning("%s", notice)
        return ResolvedWeights(path=path, tag=entry.tag, manifest_entry=entry, notices=notices)
    packaged = [
        entry.reference
        for manifest in load_manifests().values()
        for entry in manifest.entries.values()
        if entry.is_packaged and entry.tag != TEST_TAG
    ]
    hint = f". Weights that need no network: {', '.join(packaged)}" if packaged else ""
    raise WeightsUnavailableError("; ".join(failures) + hint)


def resolve_repository(
    source: str, settings: HubSettings, progress: Progress | None
) -> ResolvedWeights:
    """Fetch the weights file of ``user/name`` or ``user/name@revision``.

    Raises:
        WeightsError: If it is not of that form, or cannot be had.
    """
    repo_id, _, revision = source.partition("@")
    if REPO_ID.fullmatch(repo_id) is None or (revision and REVISION.fullmatch(revision) is None):
        raise WeightsError(
            f"expected a tag, the path of a checkpoint ({', '.join(SUFFIXES)}) or a Hub repository "
            f"as user/name or user/name@revision, got {source[:160]!r}"
        )
    path = download_from_hub(
        repo_id,
        WEIGHTS_FILE,
        revision=revision or None,
        offline=settings.offline,
        cache=settings.hub_cache,
        endpoint=settings.endpoint,
        progress=progress,
    )
    return ResolvedWeights(path=path, tag=source)


def existing_file(path: Path) -> Path:
    """Return the path if there is a file; raises WeightsError otherwise."""
    if not path.is_file():
        raise WeightsError(f"no file of weights at {path}")
    return path
