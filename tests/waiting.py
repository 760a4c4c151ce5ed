"""Waiting for what must happen, for as long as a busy machine may take."""

import time
from collections.abc import Callable

PATIENCE = 300.0  # seconds; only a hang takes longer, whatever else the machine does


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
