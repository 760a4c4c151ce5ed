"""The figure of spectrograms: one panel per signal, with axes in Hz and seconds.

Drawn on matplotlib's ``Figure`` directly: pyplot is global and not safe between threads. Importing
this module imports matplotlib, so modules that are always loaded import it where they draw.
"""

import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from zoo.audio.spectrogram import (
    TOP_HZ,
    BandSpectrogram,
    log_band_edges,
    reference_level,
)

__all__ = [
    "DOTS_PER_INCH",
    "FAINT",
    "INK",
    "PAPER",
    "SCALES",
    "SignalBlocks",
    "draw_spectrograms",
    "render_figure",
    "save_figure",
]

SCALES = ("log", "mel", "linear")
ROWS = 256
COLUMNS = 1200
TICKS_HZ = {
    "log": (50, 100, 200, 500, 1000, 2000, 5000, 10_000),
    "mel": (100, 500, 1000, 2000, 4000, 8000, 16_000),
    "linear": (0, 2000, 4000, 6000, 8000, 10_000, 12_000, 14_000, 16_000),
}
PAPER, INK, FAINT = "#0f172a", "#e2e8f0", "#94a3b8"
DOTS_PER_INCH = 110


@dataclass(frozen=True, kw_only=True)
class SignalBlocks:
    """A signal that is read while it is drawn.

    Attributes:
        blocks: Successive blocks (C, n).
        num_channels: C.
        num_samples: Of all blocks together.
    """

    blocks: Iterable[np.ndarray]
    num_channels: int
    num_samples: int


def draw_spectrograms(
    panels: Mapping[str, np.ndarray | SignalBlocks],
    *,
    sample_rate: int,
    scale: str,
    range_db: float,
    start: float = 0.0,
    end: float | None = None,
) -> Figure:
    """Draw one panel per signal, all on the same colour scale.

    Args:
        panels: Title to audio (C, N), or to its blocks, of which one at a time is in the memory.
        sample_rate: In Hz.
        scale: ``log``, ``mel`` or ``linear`` frequency axis.
        range_db: From the brightest to black, in dB.
        start: First second shown.
        end: Last second shown; None for the end of the audio.

    Raises:
        ValueError: An unknown scale, a range that is not positive, or an empty time span.
    """
    if scale not in SCALES:
        raise ValueError(f"unknown frequency scale {scale!r}; expected {', '.join(SCALES)}")
    if not 10 <= range_db <= 150:
        raise ValueError(f"the range must be 10 to 150 dB, got {range_db:g}")
    signals = {title: _as_blocks(panel) for title, panel in panels.items()}
    length = max(signal.num_samples for signal in signals.values()) / sample_rate
    last_second = length if end is None else min(end, length)
    if not 0 <= start < last_second:
        raise ValueError(
            f"from {start:g} s to {last_second:g} s there is nothing; the song has {length:.1f} s"
        )
    first = int(start * sample_rate)
    last = max(int(last_second * sample_rate), first + 1)
    top_hz = min(TOP_HZ, sample_rate / 2)
    edges = _edges(scale, sample_rate=sample_rate)
    pictures = {
        title: _measure(signal, first, last, sample_rate=sample_rate, edges_hz=edges)
        for title, signal in signals.items()
    }
    top_db = max(reference_level(picture) for picture in pictures.values())
    figure = Figure(figsize=(11, 1.0 + 1.9 * len(panels)), dpi=DOTS_PER_INCH, facecolor=PAPER)
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    images = []
    for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
        image = axis.imshow(
            picture,
            aspect="auto",
            extent=(start, last_second, 0, ROWS),
            vmin=top_db - range_db,
            vmax=top_db,
            cmap="magma",
            interpolation="nearest",
        )
        images.append(image)
        _label(axis, title, edges, TICKS_HZ[scale], top_hz)
    axes[-1].set_xlabel("seconds", color=INK)
    figure.subplots_adjust(
        left=0.075, right=0.93, top=0.965, bottom=0.6 / figure.get_figheight(), hspace=0.22
    )
    bar = figure.colorbar(images[0], ax=list(axes), fraction=0.018, pad=0.012)
    bar.set_label("dB", color=INK)
    bar.ax.tick_params(colors=FAINT)
    return figure


def _as_blocks(panel: np.ndarray | SignalBlocks) -> SignalBlocks:
    if isinstance(panel, SignalBlocks):
        return panel
    num_channels, num_samples = panel.shape
    return SignalBlocks(blocks=[panel], num_channels=num_channels, num_samples=num_samples)


def _measure(
    signal: SignalBlocks, first: int, last: int, *, sample_rate: int, edges_hz: np.ndarray
) -> np.ndarray:
    """Return the levels (ROWS, COLUMNS) of the samples from ``first`` up to ``last``."""
    last = min(last, signal.num_samples)
    spectrogram = BandSpectrogram(
        num_samples=max(last - first, 0),
        num_channels=signal.num_channels,
        sample_rate=sample_rate,
        edges_hz=edges_hz,
        num_columns=COLUMNS,
    )
    start = 0
    for block in signal.blocks:
        part = block[:, max(first - start, 0) : max(last - start, 0)]
        if part.shape[-1]:
            spectrogram.push(part)
        start += block.shape[-1]
        if start >= last:
            break
    return spectrogram.levels()


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure in its own colours, in the format of the path's extension; return the path."""
    figure.savefig(path, facecolor=figure.get_facecolor())
    return path


def render_figure(figure: Figure) -> bytes:
    """Return a figure in its own colours as a PNG."""
    out = io.BytesIO()
    figure.savefig(out, format="png", facecolor=figure.get_facecolor(), metadata={"Software": None})
    return out.getvalue()


def _edges(scale: str, *, sample_rate: int) -> np.ndarray:
    top_hz = min(TOP_HZ, sample_rate / 2)
    if scale == "linear":
        return np.linspace(0, top_hz, ROWS + 1)
    if scale == "log":
        return log_band_edges(ROWS, sample_rate=sample_rate)
    return _hz(np.linspace(0.0, _mel(top_hz), ROWS + 1))


def _mel(hertz: float) -> float:
    """Return mels by the formula of O'Shaughnessy: 2595 log10(1 + f / 700)."""
    return 2595 * math.log10(1 + hertz / 700)


def _hz(mels: np.ndarray) -> np.ndarray:
    return 700 * (10 ** (mels / 2595) - 1)


def _label(axis, title: str, edges: np.ndarray, ticks: tuple[int, ...], top_hz: float) -> None:
    shown = [tick for tick in ticks if edges[0] <= tick <= top_hz]
    rows = np.interp(shown, edges, np.arange(len(edges)))
    axis.set_yticks(rows, [f"{tick / 1000:g}k" if tick >= 1000 else f"{tick}" for tick in shown])
    axis.set_title(title, loc="left", color=INK, fontsize=11, fontweight="bold", pad=4)
    axis.set_ylabel("Hz", color=INK)
    axis.tick_params(colors=FAINT, labelsize=8)
    for side in axis.spines.values():
        side.set_visible(False)
