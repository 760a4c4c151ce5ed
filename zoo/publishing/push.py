"""Sending a folder to a model repository of the Hugging Face Hub."""

from pathlib import Path

from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError

from zoo.errors import WeightsError, WeightsUnavailableError
from zoo.weights.fetching.hub_files import LIBRARY_NAME, TRANSPORT_ERROR
from zoo.weights.resolving import read_settings

__all__ = ["push_folder"]


def push_folder(
    folder: Path,
    repo_id: str,
    *,
    private: bool | None = None,
    token: str | None = None,
    commit_message: str,
) -> str:
    """Make the repository if needed, upload the folder in one commit, return the address.

    Args:
        folder: What to upload.
        repo_id: ``user/name``.
        private: Whether a new repository is private, by default the account's setting.
        token: Access token, by default the one that was logged in with.
        commit_message: Subject of the commit.

    Raises:
        WeightsError: If the Hub refuses; the message says what to do.
        WeightsUnavailableError: If it cannot be reached.
    """
    settings = read_settings()
    if settings.offline:
        raise WeightsUnavailableError("offline mode is on (HF_HUB_OFFLINE): nothing was pushed")
    api = HfApi(endpoint=settings.endpoint, token=token, library_name=LIBRARY_NAME)
    try:
        url = api.create_repo(repo_id, private=private, exist_ok=True)
        api.upload_folder(repo_id=url.repo_id, folder_path=folder, commit_message=commit_message)
    except HFValidationError as error:
        raise WeightsError(f"expected a repository as user/name: {error}") from error
    except HfHubHTTPError as error:
        raise WeightsError(
            f"the Hub refused the push to {repo_id}: {error}. Log in with 'hf auth login' using a "
            "token that may write"
        ) from error
    except (TRANSPORT_ERROR, OSError) as error:
        raise WeightsUnavailableError(f"the Hub cannot be reached: {error}") from error
    return str(url)
