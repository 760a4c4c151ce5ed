"""Mixtures of which sources are known only in part: sums of them, and a teacher's labels.

An accompaniment whose drums, bass and other nobody has apart teaches what the voice is not, and
what its parts add up to. Their estimates get gradients through their sum alone, or also from a
teacher's labels (:mod:`zoo.training.labelling`), which count as much as the teacher was certain.

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
        members: What adds up to each source and each sum, ones and zeros, (L + K, L).
    """

    members: Tensor

    @classmethod
    def of(
        cls, sums: Mapping[str, Sequence[str]], learned: Sequence[str], *, trains_all: bool
    ) -> "PartialTruth | None":
        """Find the sources of the sums; None where there are no sums.

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
        joining = [[float(each in sources) for each in learned] for sources in sums.values()]
        if not joining:
            return None
        return cls(members=torch.cat((torch.eye(len(learned)), torch.tensor(joining))))

    def losses(self, loss: Loss, given: LossInput, certainty: Tensor, weights: Tensor) -> Tensor:
        """Return the loss of each mixture: the mean over what is known of it.

        Args:
            loss: The loss.
            given: Estimates and targets of all learnt sources.
            certainty: How much the target of each source counts, and after them that of each sum:
                1 where it is the truth, 0 where it is not known.
            weights: What the loss of each source counts; a sum counts as much as the mean of its
                sources.

        Shape:
            - certainty: (B, L + K).
            - weights: (L,).
            - Output: (B,).
        """
        members = self.members.to(given.estimates)
        joined = dataclasses.replace(
            given,
            estimates=torch.einsum("gl,blcn->bgcn", members, given.estimates),
            targets=torch.einsum("gl,blcn->bgcn", members, given.targets),
        )
        weights = members @ weights.to(members) / members.sum(dim=1)  # (L + K,)
        certainty = certainty.to(members)
        return (loss(joined) * weights * certainty).sum(dim=1) / certainty.sum(dim=1)
