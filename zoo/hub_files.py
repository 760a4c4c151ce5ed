"""Files from the Hugging Face Hub, with its failures told apart and in our words."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, cast

from huggingface_hub import hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import DryRunFileInfo

from zoo.downloads import Progress
from zoo.errors import WeightsError, WeightsUnavailableError

__all__ = ["MAX_REPO_FILE_BYTES", "download_from_hub"]

MAX_REPO_FILE_BYTES = 1 << 30
# The base error of whichever HTTP client this version of the Hub library is made with.
TRANSPORT_ERROR = cast("type[Exception]", HfHubHTTPError.__bases__[0])


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

    def fetch(**options: Any) -> str | DryRunFileInfo:
        return hf_hub_download(
            repo_id,
            file,
            revision=revision,
            cache_dir=cache,
            endpoint=endpoint,
            local_files_only=offline,
            library_name="lightsaft-zoo",
            **options,
        )

    where = f"{file} of {repo_id}" + (f" at {revision}" if revision else "") + " on the Hub"
    try:
        if not offline:
            found = fetch(dry_run=True)
            size = found.file_size if isinstance(found, DryRunFileInfo) else None
            if size is not None and size > MAX_REPO_FILE_BYTES:
                raise WeightsError(
                    f"{where}: {size} bytes; expected at most {MAX_REPO_FILE_BYTES}, not fetched"
                )
        return Path(str(fetch(tqdm_class=_bar_class(progress))))
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
    except (HfHubHTTPError, TRANSPORT_ERROR, OSError) as error:
        raise WeightsUnavailableError(f"{where}: {error}") from error


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
