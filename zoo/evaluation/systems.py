"""What is evaluated: anything that takes a mixture apart, our own networks first.

Shape legend: C channels, N samples.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from zoo.separation.separator import Separator


class SeparationSystem(Protocol):
    """The adapter protocol: implement it to have any separation evaluated.

    ``name`` heads the system's row. ``fingerprint`` changes whenever its estimates would, so that
    stored scores of other weights or settings are not taken for its own.
    """

    @property
    def name(self) -> str:
        """What heads the system's row."""
        ...

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the sources that it estimates."""
        ...

    @property
    def fingerprint(self) -> str:
        """Identity of code, weights and settings."""
        ...

    def separate(self, mixture: np.ndarray, *, sample_rate: int) -> Mapping[str, np.ndarray]:
        """Estimate every source.

        Args:
            mixture: The mixture.
            sample_rate: Hz, of the mixture and of what is returned.

        Shape:
            - mixture: (C, N) float32.
            - Output: each (C, N) float32, at the mixture's level.
        """
        ...


class ZooSystem:
    """A network of the zoo, separated as every user separates: through ``zoo.Separator``.

    Args:
        separator: The network with its weights and settings. The published scores were made
            without mixture consistency.
        name: What heads its row.
    """

    def __init__(self, separator: "Separator", *, name: str) -> None:
        self.name = name
        self.sources = separator.sources
        self.fingerprint = separator.identity.digest
        self._separator = separator

    def separate(self, mixture: np.ndarray, *, sample_rate: int) -> Mapping[str, np.ndarray]:
        """Estimate every source of a mixture (C, N), each (C, N) at the mixture's rate."""
        return self._separator((mixture, sample_rate)).stems
