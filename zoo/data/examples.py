"""One training example: what it is made of, and how much of that is known.

S sources and background, N samples of a chunk.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

__all__ = ["Draft", "Example"]


class Example(NamedTuple):
    """A training example, or a batch of them; what it is made of adds up to the mixture.

    Args:
        targets: Every source, then the background. Where only a sum of sources is known, what its
            sources have adds up to it.
        certainty: How sure the target of each of these is, then that of each sum: 1 where it is
            the truth, 0 where it is not known, in between for a teacher's labels.

    Shape:
        - targets: (S, 2, N); (B, S, 2, N) in a batch.
        - certainty: (S + sums,); (B, S + sums) in a batch.
    """

    targets: torch.Tensor
    certainty: torch.Tensor


class Draft:
    """An example in the making; silent, and certain of that, until something is put in."""

    def __init__(
        self, sources: Sequence[str], sums: Mapping[str, Sequence[str]], *, num_samples: int
    ) -> None:
        self.targets = np.zeros((len(sources), 2, num_samples), dtype=np.float32)
        self.certainty = np.zeros(len(sources) + len(sums), dtype=np.float32)
        self.certainty[: len(sources)] = 1.0
        self._sources, self._sums = list(sources), dict(sums)

    def put(self, source: str, audio: np.ndarray) -> None:
        """Put in a source that is known."""
        self.targets[self._sources.index(source)] = audio

    def put_sum(self, name: str, audio: np.ndarray) -> None:
        """Put in a sum: its first source gets all of it, and none of them is known."""
        members = self._sums[name]
        silence = np.zeros_like(audio)
        self.put_labels(
            name,
            {each: audio if place == 0 else silence for place, each in enumerate(members)},
            dict.fromkeys(members, 0.0),
        )

    def put_labels(
        self, name: str, audio: Mapping[str, np.ndarray], certainty: Mapping[str, float]
    ) -> None:
        """Put in the sources of a sum, of which only the sum is known for certain."""
        for source in self._sums[name]:
            self.put(source, audio[source])
            self.certainty[self._sources.index(source)] = certainty[source]
        self.certainty[len(self._sources) + list(self._sums).index(name)] = 1.0
