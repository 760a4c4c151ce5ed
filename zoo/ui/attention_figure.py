"""The Inside tab's figure: which latent sources each decoder block listens to.

Shapes: attention is (S, T', L), summing to 1 over L; T' is 1 where it does not vary over time.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from zoo.audio.spectrogram_figure import DOTS_PER_INCH, FAINT, INK, PAPER
from zoo.ui.texts import source_title

__all__ = ["draw_attention"]

COLORS = "viridis"
MOST_COLUMNS = 600
ROW_INCHES = 0.4


def draw_attention(
    attention: Mapping[str, np.ndarray], *, sources: Sequence[str], seconds: float
) -> Figure:
    """Draw a heat map a block, or a row of them over time where the attention varies.

    Args:
        attention: By the block's place, (S, T', L).
        sources: Names of the S sources.
        seconds: Length of the clip, for the time axis.

    Raises:
        ValueError: No block has attention.
    """
    if not attention:
        raise ValueError("no block of this network attends to latent sources")
    if any(values.shape[1] > 1 for values in attention.values()):
        return _draw_over_time(attention, sources, seconds)
    return _draw_fixed(attention, sources)


def _draw_fixed(attention: Mapping[str, np.ndarray], sources: Sequence[str]) -> Figure:
    height = max(1.3 + ROW_INCHES * len(sources), 3.4)
    figure = Figure(
        figsize=(max(3.1 * len(attention) + 1.2, 10.0), height), dpi=DOTS_PER_INCH, facecolor=PAPER
    )
    axes = figure.subplots(1, len(attention), squeeze=False, sharey=True)[0]
    images = []
    for axis, (place, values) in zip(axes, attention.items(), strict=True):
        grid = values[:, 0]  # (S, L)
        images.append(axis.imshow(grid, aspect="auto", cmap=COLORS, vmin=0, vmax=1))
        _style(axis, place)
        axis.set_xticks(range(grid.shape[1]), [str(i + 1) for i in range(grid.shape[1])])
        axis.set_yticks(range(len(sources)), [source_title(name) for name in sources])
        axis.set_xlabel("latent source", color=INK)
        for (row, column), share in np.ndenumerate(grid):
            ink = "black" if share > 0.6 else "white"
            axis.text(column, row, f"{share:.0%}", ha="center", va="center", color=ink, fontsize=7)
    figure.subplots_adjust(
        left=0.09, right=0.99, top=1 - 0.476 / height, bottom=0.68 / height, wspace=0.08
    )
    return figure


def _draw_over_time(
    attention: Mapping[str, np.ndarray], sources: Sequence[str], seconds: float
) -> Figure:
    figure = Figure(
        figsize=(3.0 * len(sources), 1.0 + 1.5 * len(attention)),
        dpi=DOTS_PER_INCH,
        facecolor=PAPER,
        layout="constrained",
    )
    most = max(float(values.max()) for values in attention.values())
    images = []
    axes = figure.subplots(len(attention), len(sources), squeeze=False, sharex=True, sharey="row")
    for row, (place, values) in zip(axes, attention.items(), strict=True):
        for axis, name, over_time in zip(row, sources, values, strict=True):
            shown = over_time[:: -(-len(over_time) // MOST_COLUMNS)].T  # (L, T')
            num_latent = shown.shape[0]
            image = axis.imshow(
                shown,
                aspect="auto",
                cmap=COLORS,
                vmin=0,
                vmax=most,
                extent=(0, seconds, num_latent + 0.5, 0.5),
                interpolation="nearest",
            )
            images.append(image)
            _style(axis, f"{source_title(name)}, {place}")
            axis.set_yticks(range(1, num_latent + 1))
    for axis in axes[-1]:
        axis.set_xlabel("seconds", color=INK)
    for row in axes:
        row[0].set_ylabel("latent source", color=INK)
    bar = figure.colorbar(images[0], ax=axes, fraction=0.02, pad=0.01)
    bar.set_label("share", color=INK)
    bar.ax.tick_params(colors=FAINT)
    return figure


def _style(axis, title: str) -> None:
    axis.set_title(title, color=INK, fontsize=9, loc="left")
    axis.tick_params(colors=FAINT, labelsize=8, length=0)
    for side in axis.spines.values():
        side.set_visible(False)
