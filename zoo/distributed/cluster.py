"""A Ray cluster to work on: this machine alone, or one that is running already."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from zoo.no_telemetry import import_ray

__all__ = ["LOCAL", "connected"]

LOCAL = "local"
OBJECT_STORE_BYTES = 128 << 20  # songs and stems go by files; only names and outcomes go by Ray


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to a cluster, yield the module ``ray``, and leave the cluster as it was.

    Args:
        address: ``local`` starts a cluster of this machine, which ends with the block. ``auto`` is
            the cluster that this machine belongs to. ``ray://HOST:10001`` is one elsewhere.

    Raises:
        ImportError: Ray is not installed.
        ConnectionError: No cluster answers.
    """
    ray = import_ray()
    # Where the caller is connected already, as in a notebook or a test, that cluster is taken.
    is_ours = not ray.is_initialized()
    if is_ours:
        options: dict[str, Any] = {"logging_level": logging.WARNING, "namespace": "lightsaft-zoo"}
        if address == LOCAL:
            options["object_store_memory"] = OBJECT_STORE_BYTES
        ray.init(address=address, **options)
    try:
        yield ray
    finally:
        if is_ours:
            ray.shutdown()
