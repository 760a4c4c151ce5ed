"""A drawing of a network: the U of its stages, with blocks and shapes."""

import itertools

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from zoo.audio.spectrogram_figure import DOTS_PER_INCH, FAINT, INK, PAPER
from zoo.models import ModelInfo
from zoo.networks.info import StageInfo

__all__ = ["draw_network"]

BLIND, CONDITIONED, EDGE, SKIP = "#1e3a5f", "#5b2a86", "#334155", "#64748b"
WIDTH, HEIGHT = 0.86, 0.62


def draw_network(info: ModelInfo) -> Figure:
    """Draw the stages as boxes: encoder down the left, middle below, decoder up the right.

    Stages that see the condition (the source asked for) are purple.

    Args:
        info: What ``zoo.model_info`` says.
    """
    spec, depth = info.spec, info.spec.unet.depth
    figure = Figure(
        figsize=(1.22 * (2 * depth + 3), 1.0 * (depth + 1) + 0.3),
        dpi=DOTS_PER_INCH,
        facecolor=PAPER,
    )
    axis = figure.subplots()
    axis.set_facecolor(PAPER)
    stages = {stage.name: stage for stage in info.stages}
    places = {"entry": (0.0, 0.0), "middle": (depth + 1.0, -float(depth))}
    for level in range(depth):
        places[f"encoder.{level}"] = (level + 1.0, -float(level))
        places[f"decoder.{level}"] = (depth + 2.0 + level, -float(depth - 1 - level))
    places["exit"] = (2.0 * depth + 2, 0.0)
    colors = {
        name: CONDITIONED if stage.uses_condition else BLIND for name, stage in spec.unet.stages()
    }
    order = ["entry", *(f"encoder.{level}" for level in range(depth)), "middle"]
    order += [*(f"decoder.{level}" for level in range(depth)), "exit"]
    for name in order:
        _box(axis, places[name], stages[name], colors.get(name.split(".")[0], EDGE))
    for before, after in itertools.pairwise(order):
        _arrow(axis, places[before], places[after])
    for level in range(depth):
        _skip(axis, places[f"encoder.{level}"], places[f"decoder.{depth - 1 - level}"])
    axis.set_xlim(-0.6, 2 * depth + 2.6)
    axis.set_ylim(-depth - 0.55, 0.6)
    axis.set_axis_off()
    figure.subplots_adjust(left=0.005, right=0.995, top=0.99, bottom=0.01)
    return figure


def _box(axis, center: tuple[float, float], stage: StageInfo, color: str) -> None:
    x, y = center
    axis.add_patch(
        FancyBboxPatch(
            (x - WIDTH / 2, y - HEIGHT / 2),
            WIDTH,
            HEIGHT,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor=color,
            edgecolor=FAINT,
            linewidth=0.8,
            zorder=3,
        )
    )
    shape = " x ".join(str(size) for size in stage.out_shape)
    lines = [(0.19, stage.name, 8, "bold"), (-0.21, shape, 6.5, "normal")]
    blocks = "\n".join(stage.blocks)
    axis.text(
        x,
        y - 0.01,
        blocks,
        ha="center",
        va="center",
        color=INK,
        fontsize=6.5,
        zorder=4,
        linespacing=1.05,
    )
    for rise, text, size, weight in lines:
        axis.text(
            x,
            y + rise,
            text,
            ha="center",
            va="center",
            color=INK,
            fontsize=size,
            fontweight=weight,
            zorder=4,
        )


def _arrow(axis, before: tuple[float, float], after: tuple[float, float]) -> None:
    down = after[1] < before[1]
    up = after[1] > before[1]
    start = (before[0] + WIDTH / 2, before[1])
    end = (after[0] - WIDTH / 2, after[1])
    if down or up:
        end = (after[0], after[1] + (HEIGHT / 2 if down else -HEIGHT / 2))
    axis.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>",
            mutation_scale=9,
            color=FAINT,
            linewidth=1.1,
            connectionstyle="angle,angleA=0,angleB=90,rad=4" if down or up else "arc3",
            shrinkA=0,
            shrinkB=1,
        )
    )


def _skip(axis, encoder: tuple[float, float], decoder: tuple[float, float]) -> None:
    axis.add_patch(
        FancyArrowPatch(
            (encoder[0] + WIDTH / 2, encoder[1] + 0.12),
            (decoder[0] - WIDTH / 2, decoder[1] + 0.12),
            arrowstyle="-|>",
            mutation_scale=8,
            color=SKIP,
            linewidth=1.0,
            linestyle=(0, (4, 3)),
            shrinkA=0,
            shrinkB=1,
        )
    )
