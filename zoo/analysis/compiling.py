"""One process at a time in librosa's compiled functions.

numba compiles them when librosa is imported or when they are first called, and keeps them beside
librosa's code for all processes. Two that did so at once left files there that ended every later
process in a segmentation fault. So librosa is imported here, and called in turns.
"""

import functools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import filelock

__all__ = ["librosa", "one_process_at_a_time"]

P = ParamSpec("P")
R = TypeVar("R")


def _lock() -> filelock.FileLock:
    user = os.getuid() if hasattr(os, "getuid") else "user"
    return filelock.FileLock(Path(tempfile.gettempdir()) / f"lightsaft-zoo-librosa-{user}.lock")


with _lock():
    import librosa
    import librosa.beat


def one_process_at_a_time(function: Callable[P, R]) -> Callable[P, R]:
    """Wait until no other process of this user is in a function of this kind, and call it."""

    @functools.wraps(function)
    def alone(*args: P.args, **kwargs: P.kwargs) -> R:
        with _lock():
            return function(*args, **kwargs)

    return alone
