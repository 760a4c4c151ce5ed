"""Mixtures of which only sums of sources are known: the loss is then taken on the sums.

An accompaniment whose drums, bass and other nobody has apart teaches what the voice is not, and
what its parts add up to. Their estimates get gradients through their sum alone.

B mixtures, L learnt sources, K sums, C channels, N samples
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from zoo.training.losses import Loss, LossInput

__all__ = ["PartialTruth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialTruth:
    """Which sums there are of the learnt sources.

    Args:
        members: By sum, the places of its sources among the learnt ones.
    """

    members: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(
        cls, sums: Mapping[str, Sequence[str]], learned: Sequence[str], *, trains_all: bool
    ) -> "PartialTruth":
        """Find the sources of the sums.

        Raises:
            ValueError: If a sum has a source that is not learnt, fewer than two, or the name of
                one; or if a mixture is trained on some of the sources only.
        """
        for name, sources in sums.items():
            strange = [source for source in sources if source not in learned]
            if strange or len(set(sources)) < 2 or name in learned:
                raise ValueError(
                    f"data.sums.{name}: must be a name of its own for two or more of the sources "
                    f"that are learnt ({', '.join(learned)}), got {list(sources)}"
                )
        if sums and not trains_all:
            raise ValueError(
                "data.sums: the estimates of all sources of a sum are needed at once; set "
                "sources_per_mixture to 0"
            )
        places = {
            name: tuple(learned.index(source) for source in dict.fromkeys(sources))
            for name, sources in sums.items()
        }
        return cls(members=places)

    def losses(self, loss: Loss, given: LossInput, sums: Tensor, weights: Tensor) -> Tensor:
        """Return the loss of each mixture, from single sources or from their sums.

        Args:
            loss: The loss.
            given: Estimates and targets of all learnt sources; where a sum is given, those of its
                sources are silent targets that do not count.
            sums: What is known of sums; all zeros where the sources are known apart.
            weights: What the loss of each source counts; a sum counts as much as the mean of its
                sources.

        Shape:
            - sums: (B, K, C, N).
            - weights: (L,).
            - Output: (B,).
        """
        is_given = sums.flatten(2).any(dim=2)  # (B, K)
        found = torch.zeros(len(sums), dtype=given.estimates.dtype, device=sums.device)
        for pattern in torch.unique(is_given, dim=0):
            rows = torch.nonzero((is_given == pattern).all(dim=1)).flatten()
            chosen = [
                places for places, on in zip(self.members.values(), pattern, strict=True) if on
            ]
            matrix = _joining_matrix(chosen, given.estimates.shape[1]).to(given.estimates)
            targets = torch.einsum("gl,blcn->bgcn", matrix, given.targets[rows])
            # Known singles come first, then the sums that are given.
            num_sums = len(chosen)
            if num_sums:
                known = sums[rows][:, pattern]
                singles = targets[:, : targets.shape[1] - num_sums]
                targets = torch.cat((singles, known), dim=1)
            joined = dataclasses.replace(
                given,
                estimates=torch.einsum("gl,blcn->bgcn", matrix, given.estimates[rows]),
                targets=targets,
                mixture=given.mixture[rows],
            )
            shares = matrix / matrix.sum(dim=1, keepdim=True)
            found[rows] = (loss(joined) * (shares @ weights.to(matrix))).mean(dim=1)
        return found


def _joining_matrix(sums: Sequence[Sequence[int]], num_sources: int) -> Tensor:
    """Return the matrix that keeps single sources and adds up the others, (singles + sums, L)."""
    eye = torch.eye(num_sources)
    joined = {place for places in sums for place in places}
    singles = [eye[place] for place in range(num_sources) if place not in joined]
    return torch.stack([*singles, *(eye[list(places)].sum(dim=0) for places in sums)])
