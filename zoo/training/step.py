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
from zoo.training.config import TrainingConfig
from zoo.training.errors import TrainingError
from zoo.training.losses import LOSSES, LossInput


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
    targets: Tensor,
    condition: Tensor | None,
    *,
    num_sources: int,
    config: TrainingConfig,
    accelerator: Accelerator,
    stft_sizes: tuple[int, int],
    source_weights: Tensor | None = None,
) -> StepResult:
    """Train on one batch.

    Args:
        model: The network, in train mode, prepared by the accelerator.
        optimizer: Its optimizer, prepared by the accelerator.
        targets: All sources of each mixture, and after them those of the background.
        condition: One-hot conditions to train on; None trains on every source.
        num_sources: The network's sources S; what follows them is only mixed in.
        config: The run's config.
        accelerator: Moves gradients between processes.
        stft_sizes: The network's n_fft and hop length, samples.
        source_weights: What the loss of each source counts; None counts all alike.

    Shape:
        - targets: (B, S + background, C, N).
        - condition: (B, Q, S).
        - source_weights: (S,).

    Raises:
        TrainingError: If the loss or the gradient is no number, or memory is short.
    """
    mixture = targets.sum(dim=1)  # (B, C, N)
    targets = targets[:, :num_sources]
    try:
        if condition is None:
            estimates, wanted = model(mixture), targets
        else:
            estimates = model(mixture, condition=condition)  # (B, Q, C, N)
            wanted = torch.einsum("bqs,bscn->bqcn", condition, targets)
        given = LossInput(
            estimates=estimates.float(),
            targets=wanted,
            mixture=mixture,
            n_fft=stft_sizes[0],
            hop_length=stft_sizes[1],
        )
        losses = LOSSES[config.loss](given)  # (B, Q)
        if config.consistent_share:
            consistent = LOSSES[config.loss](make_consistent(given))
            losses = torch.lerp(losses, consistent, config.consistent_share)
        if source_weights is not None:
            asked = condition if condition is not None else torch.eye(num_sources).to(losses)
            losses = losses * (asked @ source_weights.to(losses))
        loss = losses.mean()
        if not torch.isfinite(loss):
            raise TrainingError(f"the loss is {loss.item()}")
        accelerator.backward(loss)
        norm = accelerator.clip_grad_norm_(model.parameters(), config.gradient_clip or torch.inf)
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
