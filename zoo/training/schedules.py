"""The course of the learning rate, by name: a factor of the peak rate for each step."""

import math
from collections.abc import Callable

from blocks.registry import Registry
from zoo.training.config import ScheduleConfig

SCHEDULES: Registry[Callable[[int, ScheduleConfig], float]] = Registry("schedule")


def rate_factor(step: int, config: ScheduleConfig) -> float:
    """Return what the peak rate is multiplied by in step ``step``, counted from 0.

    Raises:
        UnknownNameError: If the schedule's name is unknown.
    """
    return SCHEDULES[config.name](step, config)


@SCHEDULES.register("constant")
def constant(step: int, config: ScheduleConfig) -> float:
    """Climb, then stay; the schedule of a run that is to go on for as long as there is time.

    >>> constant(0, ScheduleConfig(warmup_steps=4)), constant(9, ScheduleConfig(warmup_steps=4))
    (0.25, 1.0)
    """
    return min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0


@SCHEDULES.register("cosine")
def cosine(step: int, config: ScheduleConfig) -> float:
    """Climb, then fall to zero along half a cosine."""
    if step < config.warmup_steps:
        return constant(step, config)
    length = max(1, config.total_steps - config.warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - config.warmup_steps) / length)))


@SCHEDULES.register("linear")
def linear(step: int, config: ScheduleConfig) -> float:
    """Climb, stay until ``start_step``, then fall to zero at ``total_steps`` along a line.

    For a run whose end is known: over a long fall a line keeps the rate higher than ``cooldown``
    does. Bergsma et al., "Straight to Zero", ICLR 2025.

    >>> linear(75, ScheduleConfig(start_step=50, total_steps=100))
    0.5
    """
    length = max(1, config.total_steps - config.start_step)
    fall = 1 - max(0, step - config.start_step) / length
    return max(0.0, min(constant(step, config), fall))


@SCHEDULES.register("cooldown")
def cooldown(step: int, config: ScheduleConfig) -> float:
    """Fall from the full rate at ``start_step`` to zero at ``total_steps``, as one minus the root.

    Haegele et al., "Scaling Laws and Compute-Optimal Training Beyond Fixed Training Durations",
    NeurIPS 2024: a constant rate with such an end matches a cosine of the same length.

    >>> cooldown(25, ScheduleConfig(start_step=0, total_steps=100))
    0.5
    """
    length = max(1, config.total_steps - config.start_step)
    return 1 - math.sqrt(min(1.0, max(0, step - config.start_step) / length))
