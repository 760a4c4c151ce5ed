"""Where files are kept and whether the network may be used: the settings of the environment.

The only module that reads environment variables: ``LIGHTSAFT_ZOO_CACHE`` (folder for files from
plain addresses), ``HF_HUB_OFFLINE`` (use only what is packaged or cached), and the Hub's
``HF_HOME``, ``HF_HUB_CACHE`` and ``HF_ENDPOINT``.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from zoo.weights.fetching.downloads import DownloadPolicy

__all__ = ["HubSettings", "read_settings"]

TRUE_WORDS = frozenset({"1", "ON", "YES", "TRUE"})


@dataclass(frozen=True, kw_only=True, slots=True)
class HubSettings:
    """Where files are kept and whether the network may be used.

    Args:
        cache: Our folder for files from plain addresses.
        offline: Use only what is packaged or cached.
        hub_cache: The Hub library's cache folder, None for its own choice.
        endpoint: The Hub's address, None for its own.
        policy: Time and size limits of downloads from plain addresses.
    """

    cache: Path
    offline: bool = False
    hub_cache: Path | None = None
    endpoint: str | None = None
    policy: DownloadPolicy = field(default_factory=DownloadPolicy)


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
