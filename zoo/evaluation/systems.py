"""What is evaluated: anything that takes a mixture apart, our own networks first.

Shape legend: C channels, N samples.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np

from zoo.records.files import digest_of

if TYPE_CHECKING:
    from torch import nn


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
        network: The network with its weights, as ``zoo.build`` returns it.
        name: What heads its row.
        device: Where it runs.
        precision: What it computes in.
        mixture_consistency: Whether what the estimates leave of the mixture is shared out among
            them; the published scores were made without.
        pitches: At how many pitches each chunk is separated; by default what the record of the
            weights says.
    """

    def __init__(
        self,
        network: "nn.Module",
        *,
        name: str,
        device: str = "auto",
        precision: str = "auto",
        mixture_consistency: bool = True,
        pitches: int | None = None,
    ) -> None:
        from zoo.separation.separator import Separator
        from zoo.weights.digest import digest_tensors

        self.weights_digest = digest_tensors(network.state_dict())
        self._separator = Separator(
            network,
            device=device,
            precision=precision,
            mixture_consistency=mixture_consistency,
            pitches=pitches,
        )
        self.name = name
        self.sources = self._separator.sources
        self.pitches = self._separator.pitches
        self.fingerprint = digest_of(
            {
                "weights": self.weights_digest,
                "spec": self._separator.spec.to_dict(),
                "precision": str(self._separator.precision),
                "mixture_consistency": mixture_consistency,
                "pitches": self.pitches,
            }
        )

    def separate(self, mixture: np.ndarray, *, sample_rate: int) -> Mapping[str, np.ndarray]:
        """Estimate every source of a mixture (C, N), each (C, N) at the mixture's rate."""
        return self._separator((mixture, sample_rate)).stems
