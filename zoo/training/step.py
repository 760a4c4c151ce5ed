"""One training step: conditions, forward, loss, backward, update."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.optim import Optimizer

from blocks import UnknownNameError
from zoo.data import Example
from zoo.data.parts import add_parts
from zoo.specs.spec import Spec
from zoo.training.config import TrainingConfig
from zoo.training.errors import TrainingError
from zoo.training.losses import LOSSES, LossInput
from zoo.training.partial_truth import PartialTruth


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPlan:
    """What every step of a run trains towards.

    Args:
        config: The run's config.
        learned: The sources that are learnt, L of the network's S.
        part_of: By source, the source that holds it (:class:`zoo.Spec`).
        stft_sizes: The network's n_fft and hop length, samples.
        asked: The network's one-hot condition of each learnt source, (L, S); None where all are.
        source_weights: What the loss of each counts, (L,); None counts all alike.
        kept: Places of the network's other sources.
        partial: The sums of sources that a mixture may be known by; None where there are none.
    """

    config: TrainingConfig
    learned: tuple[str, ...]
    part_of: Mapping[str, str]
    stft_sizes: tuple[int, int]
    asked: Tensor | None = None
    source_weights: Tensor | None = None
    kept: tuple[int, ...] = ()
    partial: PartialTruth | None = None

    @classmethod
    def of_run(cls, spec: Spec, config: TrainingConfig) -> "StepPlan":
        """Plan the steps of a run.

        Raises:
            ValueError: If the config names a source that the network has not, or one twice.
        """
        learned = config.learn_sources or spec.sources
        for name in learned:
            if name not in spec.sources:
                error = UnknownNameError("source", name, list(spec.sources))
                raise ValueError(f"learn_sources: {error}")
        if len(set(learned)) < len(learned):
            raise ValueError(f"learn_sources: every source once, got {list(learned)}")
        sums, trains_all = config.data.sums, not config.sources_per_mixture
        places = [spec.sources.index(name) for name in learned]
        is_all = learned == spec.sources
        return cls(
            config=config,
            learned=learned,
            part_of=spec.part_of,
            stft_sizes=(spec.stft.n_fft, spec.stft.hop_length),
            asked=None if is_all else torch.eye(len(spec.sources))[places],
            source_weights=weigh_sources(config.source_weights, learned),
            partial=PartialTruth.of(sums, learned, trains_all=trains_all),
            kept=tuple(place for place in range(len(spec.sources)) if place not in places),
        )

    def losses(self, given: LossInput, condition: Tensor | None, certainty: Tensor) -> Tensor:
        """Return what counts of a batch.

        Args:
            given: Estimates and targets.
            condition: What ``draw`` returned.
            certainty: How sure the target of each source is, then that of each sum.

        Shape:
            - condition: (B, Q, L).
            - certainty: (B, L + background + K).
            - Output: (B, Q); (B,) where there are sums.
        """
        loss, weights = LOSSES[self.config.loss], self.source_weights
        if self.partial is not None:
            weights = torch.ones(len(self.learned)) if weights is None else weights
            sums = certainty[:, certainty.shape[1] - len(self.config.data.sums) :]
            known = torch.cat((certainty[:, : len(self.learned)], sums), dim=1)
            return self.partial.losses(loss, given, known, weights)
        losses = loss(given)  # (B, Q)
        if weights is None:
            return losses
        asked = torch.eye(len(self.learned)) if condition is None else condition
        return losses * (asked.to(losses) @ weights.to(losses))

    def draw(self, first: int, share: int) -> Tensor | None:
        """Choose the learnt sources that each mixture is trained on; None for every one.

        Args:
            first: Number of the first example.
            share: How many examples there are.

        Shape:
            - Output: (share, Q, L) one-hot.
        """
        if not self.config.sources_per_mixture:
            return None
        return draw_conditions(
            range(first, first + share),
            num_sources=len(self.learned),
            num_conditions=self.config.sources_per_mixture,
            seed=self.config.seed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What a step measured.

    Args:
        loss: The mean loss over the mixtures of this process.
        gradient_norm: Norm of the gradient before clipping.
    """

    loss: float
    gradient_norm: float


def draw_conditions(
    examples: Sequence[int], *, num_sources: int, num_conditions: int, seed: int
) -> Tensor:
    """Choose the sources that each mixture is trained on, by the example's number alone.

    Shape:
        - Output: (B, Q, S) one-hot.
    """
    eye = torch.eye(num_sources)
    chosen = [
        np.random.default_rng([seed, example, 1]).permutation(num_sources)[:num_conditions]
        for example in examples
    ]
    return eye[torch.from_numpy(np.stack(chosen))]


def weigh_sources(weights: Mapping[str, float], sources: Sequence[str]) -> Tensor | None:
    """Return what the loss of each source counts, their mean 1; None if all count alike.

    Shape:
        - Output: (S,).

    Raises:
        ValueError: If a weight is for no source of the network, or all are zero.
    """
    for name in weights:
        if name not in sources:
            raise ValueError(f"source_weights: {UnknownNameError('source', name, list(sources))}")
    given = torch.tensor([float(weights.get(source, 1.0)) for source in sources])
    if not given.any():
        raise ValueError("source_weights: every source weighs 0, so there is nothing to train on")
    return given / given.mean() if weights else None


def make_consistent(data: LossInput) -> LossInput:
    """Share out evenly what the estimates leave of the mixture.

    Wisdom et al., "Differentiable consistency constraints for improved deep speech enhancement",
    ICASSP 2019. A separation shares by level, so that silent stems stay quiet; in training equal
    shares leave nothing to gain from making a stem louder than it is.
    """
    residual = data.mixture - data.estimates.sum(dim=1)  # (B, C, N)
    share = residual[:, None] / data.estimates.shape[1]
    return dataclasses.replace(data, estimates=data.estimates + share)


def train_step(
    model: nn.Module,
    optimizer: Optimizer,
    examples: Example,
    condition: Tensor | None,
    *,
    plan: StepPlan,
    accelerator: Accelerator,
) -> StepResult:
    """Train on one batch.

    Args:
        model: The network, prepared by the accelerator.
        optimizer: Its optimizer, prepared by the accelerator.
        examples: All learnt sources of each mixture, and after them those of the background; with
            how certain each is, and after them each sum.
        condition: One-hot choices among the learnt sources to train on; None trains on every one.
        plan: The run's.
        accelerator: Moves gradients between processes.

    Shape:
        - examples: (B, L + background, C, N) and (B, L + background + K).
        - condition: (B, Q, L).

    Raises:
        TrainingError: If the loss or the gradient is no number, or memory is short.
    """
    config, learned = plan.config, plan.learned
    mixture = examples.targets.sum(dim=1)  # (B, C, N)
    targets = examples.targets[:, : len(learned)].transpose(0, 1)
    targets = add_parts(targets, sources=learned, part_of=plan.part_of).transpose(0, 1)
    try:
        if condition is None and plan.asked is None:
            estimates, wanted = model(mixture), targets
        else:
            chosen = torch.eye(len(learned)).expand(len(mixture), -1, -1)
            chosen = (chosen if condition is None else condition).to(mixture)  # (B, Q, L)
            asked = chosen if plan.asked is None else chosen @ plan.asked.to(mixture)  # (B, Q, S)
            estimates = model(mixture, condition=asked)  # (B, Q, C, N)
            wanted = torch.einsum("bql,blcn->bqcn", chosen, targets)
        given = LossInput(
            estimates=estimates.float(),
            targets=wanted,
            mixture=mixture,
            n_fft=plan.stft_sizes[0],
            hop_length=plan.stft_sizes[1],
        )
        losses = plan.losses(given, condition, examples.certainty)  # (B, Q), or (B,)
        if config.consistent_share:
            consistent = plan.losses(make_consistent(given), condition, examples.certainty)
            losses = torch.lerp(losses, consistent, config.consistent_share)
        loss = losses.mean()
        if not torch.isfinite(loss):
            raise TrainingError(f"the loss is {loss.item()}")
        accelerator.backward(loss)
        learning = [each for each in model.parameters() if each.requires_grad]
        norm = accelerator.clip_grad_norm_(learning, config.gradient_clip or torch.inf)
    except torch.OutOfMemoryError as error:
        raise TrainingError(
            f"out of memory on {accelerator.device}: {error}; lower mixtures (now "
            f"{config.mixtures}) or sources_per_mixture, or use precision: bfloat16"
        ) from error
    gradient_norm = float(norm) if norm is not None else float("nan")
    if not np.isfinite(gradient_norm):
        raise TrainingError(f"the norm of the gradient is {gradient_norm}")
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return StepResult(loss=loss.item(), gradient_norm=gradient_norm)
