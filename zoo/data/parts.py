"""Sources that hold others: what a network with parts is trained towards and scored against.

The files of a track are apart: where it has ``guitar.wav``, its ``other.wav`` is the rest. A
network whose ``other`` holds the guitar (:attr:`zoo.Spec.part_of`) is right when it gives both.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

__all__ = ["add_parts"]

Array = TypeVar("Array", np.ndarray, Tensor)


def add_parts(targets: Array, *, sources: Sequence[str], part_of: Mapping[str, str]) -> Array:
    """Add every part to the source that holds it.

    Args:
        targets: Sources as the files of a track have them.
        sources: Their names; wholes whose parts are not among them stay as they are.
        part_of: By part, the source that holds it.

    Shape:
        (S, ...) -> (S, ...)
    """
    held = [(part, whole) for part, whole in part_of.items() if {part, whole} <= set(sources)]
    if not held:
        return targets
    rows = list(targets)
    for part, whole in held:
        rows[sources.index(whole)] = rows[sources.index(whole)] + targets[sources.index(part)]
    stack: Any = np.stack if isinstance(targets, np.ndarray) else torch.stack
    return stack(rows)
