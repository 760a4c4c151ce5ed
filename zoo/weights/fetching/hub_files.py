"""Files from the Hugging Face Hub, with its failures told apart and in our words."""

import logging
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from huggingface_hub import errors, get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

import zoo
from zoo.errors import WeightsError, WeightsUnavailableError
from zoo.weights.fetching.downloads import Progress

__all__ = ["HUB_HEADERS", "MAX_REPO_FILE_BYTES", "TRANSPORT_ERROR", "download_from_hub"]

logger = logging.getLogger(__name__)

# In the place of the Hub library's own line, which lists versions and which agent runs it.
HUB_HEADERS = {"user-agent": f"lightsaft-zoo/{zoo.__version__}"}
MAX_REPO_FILE_BYTES = 1 << 30
# The base error of the HTTP client that this version of the Hub library is made with; versions
# differ in the client, not in this name.
TRANSPORT_ERROR = errors.HTTPError  # pyright: ignore[reportPrivateImportUsage]


def download_from_hub(
    repo_id: str,
    file: str,
    *,
    revision: str | None = None,
    offline: bool = False,
    cache: Path | None = None,
    endpoint: str | None = None,
    progress: Progress | None = None,
) -> Path:
    """Return the local copy of a repository's file, fetched into the Hub's own cache if needed.

    Args:
        repo_id: ``user/name``.
        file: Name of the file in the repository.
        revision: Commit, tag or branch; the main branch by default.
        offline: Take it from the cache or not at all.
        cache: Folder of the cache, by default the Hub library's.
        endpoint: Address of the Hub, by default the Hub library's.
        progress: Called as bytes arrive.

    Raises:
        WeightsUnavailableError: If the Hub cannot be reached, or offline and not in the cache.
        WeightsError: If there is no such repository, revision or file, if it may not be read, or
            if the file is larger than any weights of ours.
    """
    where = f"{file} of {repo_id}" + (f" at {revision}" if revision else "") + " on the Hub"
    try:
        reachable = not offline and _check_size(repo_id, file, revision, endpoint, where)
        return Path(
            hf_hub_download(
                repo_id,
                file,
                revision=revision,
                cache_dir=cache,
                endpoint=endpoint,
                local_files_only=not reachable,
                headers=HUB_HEADERS,
                tqdm_class=_bar_class(progress),
            )
        )
    except LocalEntryNotFoundError as error:
        reason = "offline mode is on" if offline else "the Hub cannot be reached"
        raise WeightsUnavailableError(f"{where}: {reason}, and it is not in the cache") from error
    except GatedRepoError as error:
        raise WeightsError(
            f"{where}: access must be asked for on its page, then log in with 'hf auth login'"
        ) from error
    except RevisionNotFoundError as error:
        raise WeightsError(f"{where}: there is no such revision") from error
    except RepositoryNotFoundError as error:
        raise WeightsError(
            f"{where}: no such repository; if it is private, log in with 'hf auth login'"
        ) from error
    except EntryNotFoundError as error:
        raise WeightsError(f"{where}: the repository has no such file") from error
    except HFValidationError as error:
        raise WeightsError(f"{where}: {error}") from error
    except (TRANSPORT_ERROR, OSError) as error:
        raise WeightsUnavailableError(f"{where}: {error}") from error


def _check_size(
    repo_id: str, file: str, revision: str | None, endpoint: str | None, where: str
) -> bool:
    """Ask for the file's size once, refuse too large a one; False if the Hub is out of reach.

    The Hub library's download asks too, but goes on asking for half a minute before it gives up.
    """
    url = hf_hub_url(repo_id, file, revision=revision, endpoint=endpoint)
    try:
        size = get_hf_file_metadata(url, endpoint=endpoint, headers=HUB_HEADERS).size
    except (RepositoryNotFoundError, RevisionNotFoundError, EntryNotFoundError):
        raise
    except (TRANSPORT_ERROR, OSError) as error:
        logger.info("%s: %s", where, error)
        return False
    if size is not None and size > MAX_REPO_FILE_BYTES:
        raise WeightsError(
            f"{where}: {size} bytes; expected at most {MAX_REPO_FILE_BYTES}, not fetched"
        )
    return True


def _bar_class(progress: Progress | None) -> Any:
    """Return a class with the part of tqdm's interface that a download uses, showing nothing."""

    class ProgressBar:
        def __init__(
            self,
            _iterable: Iterable[Any] | None = None,
            *,
            total: int | None = None,
            initial: int = 0,
            **_options: object,
        ) -> None:
            self.total, self.n = total, initial

        def update(self, n: float = 1) -> None:
            self.n += int(n)
            if progress is not None:
                progress(self.n, self.total)

        def set_description(self, *_arguments: object, **_options: object) -> None:
            """Show nothing."""

        def refresh(self) -> None:
            """Show nothing."""

        def close(self) -> None:
            """Show nothing."""

        def __enter__(self) -> "ProgressBar":
            return self

        def __exit__(
            self,
            _kind: type[BaseException] | None,
            _error: BaseException | None,
            _traceback: TracebackType | None,
        ) -> None:
            self.close()

    return ProgressBar
