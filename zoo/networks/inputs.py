"""What a network is given: checks and levels of mixtures, and the conditions asked for.

Shapes: B batch, C channels, N samples, Q conditions, S sources.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from zoo.errors import UnknownNameError
from zoo.specs.spec import Spec

__all__ = ["QUIETEST_INPUT_DBFS", "check_mixture", "condition_weights", "input_gain"]

# Mixtures below this level are not brought to the spec's level but raised by the gain of this one.
# It is below the noise of 24-bit audio, so that every recording is seen at its level.
QUIETEST_INPUT_DBFS = -140.0


def check_mixture(mixture: Tensor, spec: Spec) -> None:
    """Refuse a mixture that a network cannot take; it must be (B, C, N), float32 and finite.

    Raises:
        ValueError: With what was expected and what it is.
    """
    channels = spec.channels
    if mixture.ndim != 3 or mixture.shape[1] != channels:
        raise ValueError(
            f"mixture must be (B, C, N) with C = {channels}, got {tuple(mixture.shape)}"
        )
    if mixture.dtype != torch.float32:
        raise ValueError(f"mixture must be float32, got {mixture.dtype}; call mixture.float()")
    if mixture.shape[0] == 0 or mixture.shape[2] == 0:
        raise ValueError(f"mixture is empty: {tuple(mixture.shape)}")
    if not torch.compiler.is_compiling() and not torch.isfinite(mixture).all():
        raise ValueError("mixture holds NaN or infinite samples; repair or cut them first")


def input_gain(mixture: Tensor, spec: Spec) -> Tensor | None:
    """Return the gain that brings each mixture to the spec's level; None where it has none.

    Shape:
        (B, C, N) -> (B, 1, 1)
    """
    if spec.input_level_dbfs is None:
        return None
    level = mixture.square().mean(dim=(1, 2), keepdim=True).sqrt()
    floor = 10 ** (QUIETEST_INPUT_DBFS / 20)
    return 10 ** (spec.input_level_dbfs / 20) / level.clamp(min=floor)


def condition_weights(
    spec: Spec, like: Tensor, *, sources: Sequence[str] | None, condition: Tensor | None
) -> Tensor:
    """Return the weight of every source in each condition: one-hot for sources asked for by name.

    Args:
        spec: The network's.
        like: A tensor (B, ...) whose batch size, type and device the weights get.
        sources: Names of the sources wanted, all by default.
        condition: Instead, the weights themselves.

    Shape:
        condition (B, Q, S) -> (B, Q, S)

    Raises:
        ValueError: If both are given, no source is named, or the condition is of another shape.
        UnknownNameError: If a source is not one of the spec's.
    """
    if condition is not None:
        if sources is not None:
            raise ValueError("give either sources or condition, not both")
        _check_condition(condition, spec, batch=like.shape[0])
        return condition.to(like)
    names = spec.sources if sources is None else tuple(sources)
    if isinstance(sources, str) or not names:
        raise ValueError(f"sources must be a list of at least one name, got {sources!r}")
    for name in names:
        if name not in spec.sources:
            raise UnknownNameError(f"source of {spec.name}", name, list(spec.sources))
    rows = torch.tensor([spec.sources.index(name) for name in names], device=like.device)
    return F.one_hot(rows, len(spec.sources)).to(like.dtype).expand(like.shape[0], -1, -1)


def _check_condition(condition: Tensor, spec: Spec, *, batch: int) -> None:
    num_sources = len(spec.sources)
    if spec.condition is None:
        raise ValueError(f"{spec.name} separates one source and takes no condition")
    if condition.ndim != 3 or (condition.shape[0], condition.shape[2]) != (batch, num_sources):
        raise ValueError(
            f"condition must be (B, Q, S) = ({batch}, Q, {num_sources}), "
            f"got {tuple(condition.shape)}"
        )
    if condition.shape[1] == 0 or not torch.isfinite(condition).all():
        raise ValueError("condition must hold at least one row of finite weights")
