"""The pictures of the mixer's lanes: spectrograms in the sources' colours, and outlines of peaks.

C: channels, N: samples of a signal, n: samples of a block
"""

from pathlib import Path

import numpy as np
from PIL import Image

from zoo.audio.spectrogram import N_FFT, BandSpectrogram, log_band_edges
from zoo.ui.source_colors import NEUTRAL_COLOR

__all__ = ["LanePainter", "save_picture"]

ROWS = 128
COLUMNS_PER_SECOND = 60
FEWEST_COLUMNS = 600
MOST_COLUMNS = 3000
DYNAMIC_RANGE_DB = 72.0
OUTLINE_POINTS = 400


class LanePainter:
    """Measures the picture and the outline of a lane from blocks of any size, in flat memory.

    Args:
        num_samples: Length N of the whole lane.
        num_channels: C.
        sample_rate: In Hz.
    """

    def __init__(self, *, num_samples: int, num_channels: int, sample_rate: int) -> None:
        self.spectrogram = BandSpectrogram(
            num_samples=num_samples,
            num_channels=num_channels,
            sample_rate=sample_rate,
            edges_hz=log_band_edges(ROWS, sample_rate=sample_rate),
            num_columns=_num_columns(num_samples, sample_rate),
        )
        starts = np.linspace(0, num_samples, OUTLINE_POINTS, endpoint=False).astype(np.int64)
        self._starts = np.unique(starts)
        self._peaks = np.zeros(len(self._starts), dtype=np.float32)
        self._num_heard = 0

    def push(self, block: np.ndarray) -> None:
        """Take the next block, (C, n) float; none may be empty."""
        self.spectrogram.push(block)
        first, last = self._num_heard, self._num_heard + block.shape[-1]
        point = int(np.searchsorted(self._starts, first, side="right")) - 1
        end = int(np.searchsorted(self._starts, last))
        cuts = np.maximum(self._starts[point:end] - first, 0)
        peaks = np.maximum.reduceat(np.abs(block).max(axis=0), cuts)
        self._peaks[point:end] = np.maximum(self._peaks[point:end], peaks)
        self._num_heard = last

    @property
    def outline(self) -> list[float]:
        """Absolute peaks over the channels in 400 equal stretches of the lane, true to scale."""
        return [round(float(peak), 4) for peak in self._peaks]


def save_picture(
    spectrogram: np.ndarray, path: str | Path, *, color: str = NEUTRAL_COLOR, top_db: float
) -> None:
    """Write a spectrogram as a PNG of one pixel per value.

    Args:
        spectrogram: Levels in dB.
        path: File to write.
        color: Hue of the loud parts, ``#rrggbb``; quiet parts are black, the loudest pale.
        top_db: Level drawn brightest; 72 dB below it is black.
    """
    share = 1 + (spectrogram - top_db) / DYNAMIC_RANGE_DB
    image = Image.fromarray((np.clip(share, 0, 1) * 255).astype(np.uint8), mode="P")
    image.putpalette(_palette(color))
    image.save(path, format="PNG")


def _num_columns(num_samples: int, sample_rate: int) -> int:
    """Return 60 per second, in 600 to 3,000 unless that would leave gaps between the windows."""
    wanted = int(COLUMNS_PER_SECOND * num_samples / sample_rate)
    return max(min(max(wanted, FEWEST_COLUMNS), MOST_COLUMNS), -(-num_samples // N_FFT))


def _palette(color: str) -> list[int]:
    hue = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], dtype=float)
    stops = np.array([0.0, 0.3, 0.72, 1.0])
    colors = np.stack([np.array([9.0, 10.0, 18.0]), 0.28 * hue + 6, hue, 0.2 * hue + 0.8 * 255])
    shares = np.linspace(0, 1, 256)
    table = np.stack([np.interp(shares, stops, colors[:, i]) for i in range(3)], axis=1)
    return table.round().astype(int).ravel().tolist()
