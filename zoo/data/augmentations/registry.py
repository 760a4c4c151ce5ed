"""What an augmentation is, and all of them by name.

An augmentation changes the recording of one source before it is mixed: small, with parameters of
its own, all randomness from the generator that it is given.
"""

from abc import ABC, abstractmethod

import numpy as np

from blocks.registry import Registry

AUGMENTATIONS: Registry[type["Augmentation"]] = Registry("augmentation")


class Augmentation(ABC):
    """Maps (2, N) float32 to (2, M) float32 and never writes to its input.

    M = N, unless the augmentation is ``shared``.
    """

    __slots__ = ()

    # Whether the sources of one song draw alike, as they must to stay together when time changes.
    shared = False

    @property
    def reach(self) -> float:
        """The most samples that it takes for one that it gives."""
        return 1.0

    @abstractmethod
    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Transform (2, N) samples with parameters drawn from ``generator``."""
