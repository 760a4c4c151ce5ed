"""Memory that was freed, given back to the system."""

import ctypes
import functools
from collections.abc import Callable

__all__ = ["give_back_memory"]


def give_back_memory() -> None:
    """Give the pages that hold nothing any more back to the system, where the C library can.

    glibc keeps what each thread freed for that thread. A server whose requests run in many threads
    then grows by tens of megabytes per thread, although nothing leaks.
    """
    if trim := _find_trim():
        trim(0)


@functools.cache
def _find_trim() -> Callable[[int], int] | None:
    """Return glibc's ``malloc_trim``; None with another C library."""
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # TypeError: Windows has no handle of itself
        return None
