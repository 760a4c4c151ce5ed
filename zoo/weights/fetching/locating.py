"""From what a model and its weights mean to a verified file on this machine."""

import logging
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import UnknownNameError, WeightsError, WeightsUnavailableError
from zoo.specs.spec import Spec
from zoo.weights.entries import WeightsEntry
from zoo.weights.fetching.downloads import Progress
from zoo.weights.fetching.hub_files import download_from_hub
from zoo.weights.fetching.places import fetch_entry
from zoo.weights.manifests import get_manifest, load_manifests, specs_with_weights
from zoo.weights.references import (
    DEFAULT_WEIGHTS,
    WEIGHTS_FILE,
    HubRepository,
    ModelReference,
    TaggedWeights,
    WeightsFile,
)
from zoo.weights.settings import HubSettings

__all__ = ["TEST_TAG", "LocatedWeights", "locate"]

logger = logging.getLogger(__name__)

TEST_TAG = "test"


@dataclass(frozen=True, kw_only=True, slots=True)
class LocatedWeights:
    """A verified file of weights on this machine.

    Args:
        path: The file.
        spec: The network that they are for; None where the file says it.
        weights: The tag taken; for files and repositories, what the caller gave.
        entry: The manifest's record, where the weights come from a manifest.
        notices: What a user should be told, for example that another tag could not be had.
    """

    path: Path
    spec: Spec | None
    weights: str
    entry: WeightsEntry | None = None
    notices: tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        """``spec.tag``; for files and repositories, what the caller gave."""
        return self.entry.reference if self.entry else self.weights


def locate(
    reference: ModelReference, settings: HubSettings, *, progress: Progress | None = None
) -> LocatedWeights:
    """Find weights and bring them to this machine, verified.

    Args:
        reference: What they are; not fresh ones.
        settings: Cache folders and limits.
        progress: Called with bytes present and bytes expected as they arrive.

    Raises:
        WeightsError: If there are none by that name, or they cannot be had.
        ChecksumError: If a file is not what its manifest promises.
    """
    match reference.source:
        case TaggedWeights(tag=tag):
            assert reference.spec is not None
            return _locate_tag(reference.spec, tag, settings, progress)
        case WeightsFile(path=path):
            if not path.is_file():
                raise WeightsError(f"no file of weights at {path}")
        case HubRepository(repo_id=repo_id, revision=revision):
            path = download_from_hub(
                repo_id,
                WEIGHTS_FILE,
                revision=revision,
                offline=settings.offline,
                cache=settings.hub_cache,
                endpoint=settings.endpoint,
                progress=progress,
            )
        case None:
            raise ValueError("random weights are in no file")
    return LocatedWeights(path=path, spec=reference.spec, weights=reference.weights)


def _locate_tag(
    spec: Spec, tag: str, settings: HubSettings, progress: Progress | None
) -> LocatedWeights:
    manifest = get_manifest(spec.name)
    if manifest is None:
        raise WeightsError(
            f"no weights are listed for {spec.name!r}. Models with weights: "
            f"{', '.join(specs_with_weights())}. To train it: python -m zoo train {spec.name}; "
            "to use a file: weights='path/to/file'"
        )
    if tag == DEFAULT_WEIGHTS:
        entries = [manifest[tag] for tag in manifest.default]
        return _locate_first(spec, entries, settings, progress)
    try:
        entry = manifest[tag]
    except UnknownNameError as error:
        raise WeightsError(str(error)) from None
    path = fetch_entry(entry, settings, progress=progress)
    return LocatedWeights(path=path, spec=spec, weights=tag, entry=entry)


def _locate_first(
    spec: Spec, entries: list[WeightsEntry], settings: HubSettings, progress: Progress | None
) -> LocatedWeights:
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
        return LocatedWeights(path=path, spec=spec, weights=entry.tag, entry=entry, notices=notices)
    packaged = [
        entry.reference
        for manifest in load_manifests().values()
        for entry in manifest.entries.values()
        if entry.is_packaged and entry.tag != TEST_TAG
    ]
    hint = f". Weights that need no network: {', '.join(packaged)}" if packaged else ""
    raise WeightsUnavailableError("; ".join(failures) + hint)
