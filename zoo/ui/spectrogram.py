"""Log-frequency spectrograms and waveform outlines for the mixer's lanes, in plain numpy.

Shapes: samples are (C, N) float32; a spectrogram is (rows, columns) in dB, the highest row first.
"""

from pathlib import Path

import numpy as np
from PIL import Image

__all__ = [
    "NEUTRAL_COLOR",
    "SOURCE_COLORS",
    "band_spectrogram",
    "log_spectrogram",
    "outline",
    "reference_level",
    "save_picture",
]

N_FFT = 4096
ROWS = 128
COLUMNS_PER_SECOND = 60
FEWEST_COLUMNS = 600
MOST_COLUMNS = 3000
BOTTOM_HZ = 40.0
TOP_HZ = 16_000.0
DYNAMIC_RANGE_DB = 72.0
OUTLINE_POINTS = 400
FLOOR_POWER = 1e-12
SOURCE_COLORS = {
    "vocals": "#ec4899",
    "drums": "#f59e0b",
    "bass": "#818cf8",
    "other": "#14b8a6",
    "blend": "#a855f7",
    "exact": "#22c55e",
    "rest": "#38bdf8",
}
NEUTRAL_COLOR = "#94a3b8"
_FRAMES_AT_ONCE = 512


def log_spectrogram(samples: np.ndarray, *, sample_rate: int) -> np.ndarray:
    """Return the power in bands of equal width in octaves, for a lane's picture.

    Args:
        samples: Audio, float.
        sample_rate: In Hz.

    Shape:
        (C, N) -> (128, columns): 60 columns a second, at least 600 and at most 3,000 unless that
        would leave gaps between the windows.
    """
    num_samples = samples.shape[-1]
    wanted = int(COLUMNS_PER_SECOND * num_samples / sample_rate)
    columns = max(min(max(wanted, FEWEST_COLUMNS), MOST_COLUMNS), -(-num_samples // N_FFT))
    lowest = min(BOTTOM_HZ, sample_rate / 8)
    edges = np.geomspace(lowest, min(TOP_HZ, sample_rate / 2), ROWS + 1)
    return band_spectrogram(samples, sample_rate=sample_rate, edges_hz=edges, columns=columns)


def band_spectrogram(
    samples: np.ndarray, *, sample_rate: int, edges_hz: np.ndarray, columns: int
) -> np.ndarray:
    """Return the mean power in bands, channels added, from windows of 4,096 samples.

    Args:
        samples: Audio, float.
        sample_rate: In Hz.
        edges_hz: Edges of the bands, rising, one more than there are bands.
        columns: How many moments, at equal distances from the first sample to the last.

    Returns:
        Levels in dB, the highest band first, 0 dB being a full-scale sine in one channel.

    Shape:
        (C, N) -> (bands, columns)
    """
    padded = np.pad(samples.astype(np.float32, copy=False), ((0, 0), (N_FFT // 2, N_FFT // 2)))
    starts = np.linspace(0, max(samples.shape[-1] - 1, 0), columns).astype(np.int64)
    window = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT, axis=1)
    edges = edges_hz * N_FFT / sample_rate
    picture = np.empty((len(edges) - 1, columns), dtype=np.float32)
    for first in range(0, columns, _FRAMES_AT_ONCE):
        chosen = starts[first : first + _FRAMES_AT_ONCE]
        power = np.zeros((len(chosen), N_FFT // 2 + 1))
        for channel in frames:
            power += np.abs(np.fft.rfft(channel[chosen] * window, axis=1)) ** 2
        picture[:, first : first + len(chosen)] = _band_means(power, edges).T[::-1]
    full_scale = (window.sum() / 2) ** 2
    return 10 * np.log10(np.maximum(picture / full_scale, FLOOR_POWER))


def reference_level(spectrogram: np.ndarray) -> float:
    """Return the level, in dB, that is drawn brightest: reached by one value in a thousand."""
    return float(np.quantile(spectrogram, 0.999))


def save_picture(
    spectrogram: np.ndarray, path: str | Path, *, color: str = NEUTRAL_COLOR, top_db: float
) -> None:
    """Write a spectrogram as a PNG of one pixel a value.

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


def outline(samples: np.ndarray, *, points: int = OUTLINE_POINTS) -> list[float]:
    """Return the peaks of equal stretches of the audio.

    Args:
        samples: Audio.
        points: How many stretches.

    Returns:
        Absolute peaks over the channels, true to scale.
    """
    num_samples = samples.shape[-1]
    if num_samples == 0:
        return []
    peaks = np.abs(samples).max(axis=0)
    starts = np.unique(np.linspace(0, num_samples, points, endpoint=False).astype(np.int64))
    return [round(float(peak), 4) for peak in np.maximum.reduceat(peaks, starts)]


def _band_means(power: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Average (frames, bins) power between fractional bin edges; narrow bands interpolate."""
    sums = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1)], axis=1)
    places = np.minimum(edges + 0.5, power.shape[1])
    whole = np.minimum(places.astype(np.int64), power.shape[1] - 1)
    at_edges = sums[:, whole] + (places - whole) * power[:, whole]
    return np.diff(at_edges, axis=1) / np.diff(edges)


def _palette(color: str) -> list[int]:
    hue = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], dtype=float)
    stops = np.array([0.0, 0.3, 0.72, 1.0])
    colors = np.stack([np.array([9.0, 10.0, 18.0]), 0.28 * hue + 6, hue, 0.2 * hue + 0.8 * 255])
    shares = np.linspace(0, 1, 256)
    table = np.stack([np.interp(shares, stops, colors[:, i]) for i in range(3)], axis=1)
    return table.round().astype(int).ravel().tolist()
