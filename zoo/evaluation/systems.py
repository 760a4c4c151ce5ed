"""What is evaluated: anything that takes a mixture apart, our own networks first.

Shape legend: C channels, N samples.
"""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

import numpy as np

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

        weights = weights_digest(network)
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
        spec = self._separator.spec
        settings = (self._separator.precision, mixture_consistency, spec, self.pitches)
        self.fingerprint = f"{weights} {settings}"

    def separate(self, mixture: np.ndarray, *, sample_rate: int) -> Mapping[str, np.ndarray]:
        """Estimate every source of a mixture (C, N), each (C, N) at the mixture's rate."""
        return self._separator((mixture, sample_rate)).stems


def weights_digest(network: "nn.Module") -> str:
    """Return the SHA-256 of every tensor of a network: the same tag may come to hold others."""
    digest = hashlib.sha256()
    for key, tensor in sorted(network.state_dict().items()):
        digest.update(key.encode())
        digest.update(tensor.detach().cpu().numpy().tobytes())
    return digest.hexdigest()
