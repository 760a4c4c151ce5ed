"""Optimizer and moving average of a run, both timm's, and the memory layout of its kernels."""

from typing import Any

import torch
from timm.optim import create_optimizer_v2  # pyright: ignore[reportPrivateImportUsage]
from timm.utils.model_ema import ModelEmaV3
from torch import nn
from torch.optim import Optimizer

from zoo.training.config import OptimizerConfig

__all__ = ["ModelEmaV3", "make_ema", "make_optimizer", "use_channels_last"]


def make_optimizer(model: nn.Module, config: OptimizerConfig) -> Optimizer:
    """Make an optimizer by its name.

    Raises:
        ValueError: If timm knows no such optimizer or it takes no such option.
    """
    options: dict[str, Any] = dict(config.options)
    try:
        return create_optimizer_v2(
            model,
            opt=config.name,
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            **options,
        )
    except (TypeError, ValueError, AssertionError) as error:
        raise ValueError(
            f"optimizer {config.name!r} with options {sorted(options)} cannot be made: {error}; "
            "see timm.optim.list_optimizers() for the names"
        ) from error


def make_ema(model: nn.Module, *, decay: float) -> ModelEmaV3:
    """Make the moving average; its decay climbs to ``decay``, so that it forgets the beginning."""
    return ModelEmaV3(model, decay=decay, use_warmup=True)


def use_channels_last(model: nn.Module) -> None:
    """Lay out the kernels of 2-D convolutions channels last, which makes their outputs so too."""
    for parameter in model.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
