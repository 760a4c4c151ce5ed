"""From the record of a manifest to a verified file on this machine, wherever the file lies."""

import logging
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from zoo.errors import ChecksumError, WeightsError, WeightsUnavailableError
from zoo.weights.checkpoints import SUFFIXES
from zoo.weights.entries import HubFile, PackagedFile, RemoteFile, WeightsEntry
from zoo.weights.fetching.downloads import Progress, download_file
from zoo.weights.fetching.hub_files import download_from_hub
from zoo.weights.fetching.integrity import ExpectedFile, verify_file, verify_once
from zoo.weights.manifests import get_manifest, weights_folder
from zoo.weights.settings import HubSettings

__all__ = ["cached_path", "expected_file", "fetch_entry", "find_listed_entry"]

logger = logging.getLogger(__name__)


def fetch_entry(
    entry: WeightsEntry, settings: HubSettings, *, progress: Progress | None = None
) -> Path:
    """Return the path of an entry's file, fetched if needed, whose checksum was compared.

    Args:
        entry: The record; it has a place.
        settings: Cache folders and limits.
        progress: Called with bytes present and bytes expected as they arrive.

    Raises:
        WeightsUnavailableError: If it cannot be had now.
        ChecksumError: If the bytes are not those that the record promises.
        WeightsError: If a packaged file is missing or the cache cannot be written.
    """
    expected = expected_file(entry)
    match entry.place:
        case PackagedFile(file=file):
            return _packaged(weights_folder() / file, expected)
        case RemoteFile(url=url):
            return _remote(url, cached_path(entry, settings), expected, settings, progress)
        case HubFile() as place:
            path = download_from_hub(
                place.repo_id,
                place.file,
                revision=place.revision,
                offline=settings.offline,
                cache=settings.hub_cache,
                endpoint=settings.endpoint,
                progress=progress,
            )
            verify_once(path, expected, marks=_marks(settings))
            return path
        case None:
            raise WeightsError(f"{entry.reference}: its record names no place")


def expected_file(entry: WeightsEntry) -> ExpectedFile:
    """Return what an entry promises of its file."""
    return ExpectedFile(
        name=entry.reference,
        sha256=entry.sha256,
        git_blob_sha1=entry.git_blob_sha1,
        num_bytes=entry.num_bytes,
    )


def find_listed_entry(path: Path, spec_name: str) -> WeightsEntry | None:
    """Return the record of a file that a spec's manifest lists, by its checksum, else None."""
    manifest = get_manifest(spec_name)
    for entry in manifest.entries.values() if manifest else ():
        try:
            verify_file(path, expected_file(entry))
        except ChecksumError:
            continue
        return entry
    return None


def cached_path(entry: WeightsEntry, settings: HubSettings) -> Path:
    """Return where the file of a plain address is kept: by its checksum, never by its address."""
    suffix = ""
    if isinstance(entry.place, RemoteFile):
        suffix = PurePosixPath(unquote(urlsplit(entry.place.url).path)).suffix
    return (
        settings.cache
        / "weights"
        / expected_file(entry).digest
        / f"{entry.reference}{_known(suffix)}"
    )


def _known(suffix: str) -> str:
    return suffix if suffix in SUFFIXES else ".ckpt"


def _marks(settings: HubSettings) -> Path:
    return settings.cache / "verified"


def _packaged(path: Path, expected: ExpectedFile) -> Path:
    if not path.is_file():
        raise WeightsError(
            f"{expected.name}: {path.name} should ship with the package but is not there; "
            "install the package again"
        )
    verify_file(path, expected)
    return path


def _remote(
    url: str,
    path: Path,
    expected: ExpectedFile,
    settings: HubSettings,
    progress: Progress | None,
) -> Path:
    if path.exists():
        try:
            verify_once(path, expected, marks=_marks(settings))
        except ChecksumError as error:
            if settings.offline:
                raise
            logger.warning("%s; fetching it again", error)
            path.unlink(missing_ok=True)
        else:
            return path
    if settings.offline:
        raise WeightsUnavailableError(
            f"{expected.name}: offline mode is on (HF_HUB_OFFLINE), and it is not in the cache"
        )
    download_file(url, path, expected, progress=progress, policy=settings.policy)
    verify_once(path, expected, marks=_marks(settings))
    return path
