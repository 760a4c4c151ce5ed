"""Spectrograms in frequency bands, of whole signals and of signals that arrive block by block.

C: channels, N: samples of a signal, n: samples of a block. A spectrogram is (bands, columns) in
dB, the highest band first.
"""

import numpy as np

__all__ = [
    "BandSpectrogram",
    "band_spectrogram",
    "log_band_edges",
    "reference_level",
]

N_FFT = 4096
BOTTOM_HZ = 40.0
TOP_HZ = 16_000.0
FLOOR_POWER = 1e-12
_FRAMES_AT_ONCE = 512  # bounds the memory: 8 MB of windows


class BandSpectrogram:
    """Mean power in bands, channels added, at equal distances from the first sample to the last.

    The blocks' sizes change nothing. Beside the spectrogram itself, the memory holds one window
    and one block.

    Args:
        num_samples: Length N of the whole signal.
        num_channels: C.
        sample_rate: In Hz.
        edges_hz: Edges of the bands, rising, one more than there are bands.
        num_columns: How many moments.
    """

    def __init__(
        self,
        *,
        num_samples: int,
        num_channels: int,
        sample_rate: int,
        edges_hz: np.ndarray,
        num_columns: int,
    ) -> None:
        self.centers = np.linspace(0, max(num_samples - 1, 0), num_columns).astype(np.int64)
        self._edges = edges_hz * N_FFT / sample_rate
        self._window = np.hanning(N_FFT + 1)[:-1].astype(np.float32)
        self._power = np.zeros((len(edges_hz) - 1, num_columns), dtype=np.float32)
        self._num_done = 0
        # The end of what was pushed; its first sample is number _tail_start of the signal.
        self._tail = np.zeros((num_channels, N_FFT // 2), dtype=np.float32)
        self._tail_start = -(N_FFT // 2)

    def push(self, block: np.ndarray) -> None:
        """Take the next block, (C, n) float."""
        self._tail = np.concatenate([self._tail, block.astype(np.float32, copy=False)], axis=1)
        num_heard = self._tail_start + self._tail.shape[1]
        num_ready = int(np.searchsorted(self.centers, num_heard - N_FFT // 2, side="right"))
        if num_ready > self._num_done:
            ready = slice(self._num_done, num_ready)
            self._power[:, ready] = self._measure(self.centers[ready], self._tail)
            self._num_done = num_ready
        next_center = self.centers[num_ready] if num_ready < len(self.centers) else num_heard
        num_past = min(int(next_center) - N_FFT // 2, num_heard) - self._tail_start
        self._tail = self._tail[:, max(num_past, 0) :].copy()
        self._tail_start += max(num_past, 0)

    def levels(self, columns: slice = slice(None)) -> np.ndarray:
        """Return levels in dB, 0 dB being a full-scale sine in one channel.

        What lies behind the last sample pushed counts as silence.

        Args:
            columns: Which columns, all by default.
        """
        chosen = np.arange(len(self.centers))[columns]
        power = self._power[:, chosen]
        late = chosen >= self._num_done
        if late.any():
            padded = np.pad(self._tail, ((0, 0), (0, N_FFT)))
            latest = self._tail_start + padded.shape[1] - N_FFT // 2
            reached = late & (self.centers[chosen] <= latest)
            power[:, reached] = self._measure(self.centers[chosen[reached]], padded)
        full_scale = (self._window.sum() / 2) ** 2
        return 10 * np.log10(np.maximum(power / full_scale, FLOOR_POWER))

    def columns_between(self, start: int, end: int) -> slice:
        """Return the columns of the samples from ``start`` up to ``end``, one at least."""
        first, last = (int(i) for i in np.searchsorted(self.centers, [start, end]))
        first = min(first, len(self.centers) - 1)
        return slice(first, max(last, first + 1))

    def _measure(self, centers: np.ndarray, samples: np.ndarray) -> np.ndarray:
        """Return the power (bands, columns) around moments, from (C, n) samples of the tail."""
        starts = centers - N_FFT // 2 - self._tail_start
        frames = np.lib.stride_tricks.sliding_window_view(samples, N_FFT, axis=1)
        parts = [np.zeros((len(self._power), 0), dtype=np.float32)]
        for first in range(0, len(starts), _FRAMES_AT_ONCE):
            chosen = starts[first : first + _FRAMES_AT_ONCE]
            power = np.zeros((len(chosen), N_FFT // 2 + 1))
            for channel in frames:
                power += np.abs(np.fft.rfft(channel[chosen] * self._window, axis=1)) ** 2
            parts.append(_band_means(power, self._edges).T[::-1])
        return np.concatenate(parts, axis=1)


def band_spectrogram(
    samples: np.ndarray, *, sample_rate: int, edges_hz: np.ndarray, num_columns: int
) -> np.ndarray:
    """Return the levels of a whole signal as :class:`BandSpectrogram` measures them.

    Args:
        samples: Audio, float.
        sample_rate: In Hz.
        edges_hz: Edges of the bands, rising, one more than there are bands.
        num_columns: How many moments, at equal distances from the first sample to the last.

    Shape:
        (C, N) -> (bands, columns)
    """
    spectrogram = BandSpectrogram(
        num_samples=samples.shape[-1],
        num_channels=samples.shape[0],
        sample_rate=sample_rate,
        edges_hz=edges_hz,
        num_columns=num_columns,
    )
    spectrogram.push(samples)
    return spectrogram.levels()


def log_band_edges(num_bands: int, *, sample_rate: int) -> np.ndarray:
    """Return the edges in Hz of bands of equal width in octaves, from 40 Hz to 16 kHz at most."""
    lowest = min(BOTTOM_HZ, sample_rate / 8)
    return np.geomspace(lowest, min(TOP_HZ, sample_rate / 2), num_bands + 1)


def reference_level(spectrogram: np.ndarray) -> float:
    """Return the level, in dB, that is drawn brightest: reached by one value in a thousand."""
    return float(np.quantile(spectrogram, 0.999))


def _band_means(power: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Average (frames, bins) power between fractional bin edges; narrow bands interpolate."""
    sums = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1)], axis=1)
    places = np.minimum(edges + 0.5, power.shape[1])
    whole = np.minimum(places.astype(np.int64), power.shape[1] - 1)
    at_edges = sums[:, whole] + (places - whole) * power[:, whole]
    return np.diff(at_edges, axis=1) / np.diff(edges)
