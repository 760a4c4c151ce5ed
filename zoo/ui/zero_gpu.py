"""ZeroGPU: a GPU for the length of one call. Elsewhere the decorator changes nothing.

On a ZeroGPU Space the call runs in a forked worker: models must have been loaded at import, and
what the worker changes is lost. ``app.py`` imports this module before torch, as ``spaces`` demands.
"""

import spaces
from spaces.config import Config

__all__ = ["gpu", "is_zero_gpu"]

gpu = spaces.GPU


def is_zero_gpu() -> bool:
    """Whether this is a ZeroGPU Space."""
    return bool(Config.zero_gpu)
