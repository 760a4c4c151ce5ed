"""``curves.png`` of a run: the loss and the validation SDR over steps and time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from zoo.records.files import open_whole
from zoo.training.errors import TrainingError

SMOOTHED_LINES = 20


def draw_curves(records: Sequence[dict[str, Any]], path: Path) -> Path:
    """Draw the curves of a run.

    Args:
        records: The lines of its ``metrics.jsonl``.
        path: Where the picture goes.

    Raises:
        TrainingError: If nothing was measured yet.
    """
    losses = [record for record in records if "loss" in record]
    scores = [record for record in records if "sdr" in record]
    if not losses and not scores:
        raise TrainingError(f"nothing to draw in {path}: the run has measured nothing yet")
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw_losses(left, losses)
    _draw_scores(right, scores)
    with open_whole(path) as file:
        FigureCanvasAgg(figure).print_png(file)
    return path


def _draw_losses(axes: Any, records: Sequence[dict[str, Any]]) -> None:
    steps = [record["step"] for record in records]
    values = np.array([record["loss"] for record in records])
    axes.plot(steps, values, color="0.75", linewidth=0.8)
    if len(values) >= SMOOTHED_LINES:
        kernel = np.full(SMOOTHED_LINES, 1 / SMOOTHED_LINES)
        axes.plot(steps[SMOOTHED_LINES - 1 :], np.convolve(values, kernel, "valid"), color="C0")
    axes.set(xlabel="step", ylabel="training loss")


def _draw_scores(axes: Any, records: Sequence[dict[str, Any]]) -> None:
    names = sorted({name for record in records for name in record["sdr"]})
    for name in names:
        points = [
            (record["step"], record["sdr"][name]) for record in records if name in record["sdr"]
        ]
        axes.plot(*zip(*points, strict=True), marker=".", label=name)
    if names:
        axes.legend()
    axes.grid(visible=True, alpha=0.3)
    axes.set(xlabel="step", ylabel="SDR of the averaged weights / dB")
