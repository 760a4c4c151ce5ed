"""The Hugging Face Space of a checkout: README's front matter and the push.

The front matter is generated from ``spaces_config.yaml``, never written by hand.
"""

import logging
import re
from pathlib import Path

import yaml

from zoo.publishing.space_config import (
    CONFIG_NAME,
    SpaceConfig,
    SpaceConfigError,
    load_space_config,
)
from zoo.publishing.space_files import SpaceFiles, find_space_files
from zoo.records.files import write_whole
from zoo.weights.fetching.hub_files import HUB_HEADERS

__all__ = [
    "front_matter",
    "prepare_push",
    "push_space",
    "readme_with_front_matter",
    "write_readme",
]

FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)

logger = logging.getLogger(__name__)


def front_matter(config: SpaceConfig) -> str:
    """Return README's YAML front matter as the Hub reads it, with both ``---`` lines."""
    space = config.space
    metadata = {
        "title": space.title,
        "emoji": space.emoji,
        "colorFrom": space.color_from,
        "colorTo": space.color_to,
        "sdk": "gradio",
        "sdk_version": space.sdk_version,
        "python_version": space.python_version,
        "app_file": "app.py",
        "suggested_hardware": space.suggested_hardware,
        "short_description": space.short_description,
        "license": space.license,
        "tags": list(space.tags),
        "models": list(space.models),
        "thumbnail": space.thumbnail,
        "pinned": space.pinned,
        "startup_duration_timeout": space.startup_duration_timeout,
    }
    metadata = {key: value for key, value in metadata.items() if value not in ("", [])}
    return f"---\n{yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True)}---\n"


def readme_with_front_matter(readme: str, config: SpaceConfig) -> str:
    """Return the README's text with its front matter replaced, or added where it has none."""
    return f"{front_matter(config)}\n{FRONT_MATTER.sub('', readme, count=1)}"


def write_readme(root: str | Path = ".") -> bool:
    """Bring the front matter of ``README.md`` in line with ``spaces_config.yaml``.

    Args:
        root: Folder of both files.

    Returns:
        Whether the README changed.

    Raises:
        SpaceConfigError: The configuration is invalid or there is no README.
    """
    config = load_space_config(Path(root) / CONFIG_NAME)
    path = Path(root) / "README.md"
    if not path.is_file():
        raise SpaceConfigError(f"{path} does not exist; the front matter belongs at its top")
    before = path.read_text(encoding="utf-8")
    after = readme_with_front_matter(before, config)
    if after == before:
        return False
    write_whole(path, after)
    return True


def prepare_push(root: str | Path = ".") -> SpaceFiles:
    """Read what a push would send, so that it can be shown first.

    Args:
        root: The checkout.

    Raises:
        SpaceConfigError: The checkout lacks a file of the Space, holds a secret in one, or its
            README's front matter is out of date.
    """
    root = Path(root)
    files = find_space_files(root)
    config = load_space_config(root / CONFIG_NAME)
    if not files.content["README.md"].startswith(front_matter(config).encode()):
        raise SpaceConfigError(
            f"the front matter of {root / 'README.md'} differs from {CONFIG_NAME}; "
            "run `python -m zoo space --write-readme` and commit the result"
        )
    return files


def push_space(
    repo_id: str, files: SpaceFiles, *, private: bool = False, sdk: str = "gradio"
) -> str:
    """Create or update a Space.

    Args:
        repo_id: ``USER/NAME`` on the Hub; the token is the one ``hf auth login`` stored.
        files: What to send, as :func:`prepare_push` read it, or a built site.
        private: Whether a new Space is private.
        sdk: What runs a new Space: ``gradio``, or ``static`` for files alone.

    Returns:
        The Space's address.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi(headers=HUB_HEADERS)
    url = api.create_repo(repo_id, repo_type="space", space_sdk=sdk, private=private, exist_ok=True)
    api.create_commit(
        repo_id=repo_id,
        repo_type="space",
        operations=[
            CommitOperationAdd(path_in_repo=name, path_or_fileobj=content)
            for name, content in files.content.items()
        ],
        commit_message=f"Update {repo_id}",
    )
    logger.info("pushed %d files to %s", len(files.content), url)
    return str(url)
