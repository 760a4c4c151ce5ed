"""Linear filters: equalisers, low-pass filters, rooms. The level stays what it was."""

from dataclasses import dataclass

import numpy as np
import torch

from zoo.data.augmentations.levels import db_to_gain, match_level
from zoo.data.augmentations.registry import AUGMENTATIONS, Augmentation


@AUGMENTATIONS.register("equaliser")
@dataclass(frozen=True, slots=True, kw_only=True)
class Equaliser(Augmentation):
    """Colour by a smooth random curve over log frequency, without changing phase.

    Args:
        deviation_db: Standard deviation of the curve at each of its knots, dB.
        num_knots: Knots of the curve between 40 Hz and 18 kHz.
        sample_rate: Hz.
    """

    deviation_db: float = 4.0
    num_knots: int = 7
    sample_rate: int = 44100

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the coloured audio at the level it came with."""
        knots = np.geomspace(40.0, 18000.0, self.num_knots)
        curve = generator.normal(0.0, self.deviation_db, self.num_knots)
        # Few points suffice for a smooth curve; between them the filter is interpolated linearly.
        points = np.linspace(0.0, self.sample_rate / 2, 2049)
        gains = db_to_gain(np.interp(np.log(np.maximum(points, 1.0)), np.log(knots), curve))
        return match_level(_filter(audio, np.asarray(gains, dtype=np.float32)), audio)


@AUGMENTATIONS.register("band_limit")
@dataclass(frozen=True, slots=True, kw_only=True)
class BandLimit(Augmentation):
    """Take away the highs, as samples kept at a low rate lack them, without changing phase.

    Args:
        min_hz: Lowest edge, Hz; edges are drawn evenly in log frequency.
        max_hz: Highest edge, Hz.
        slope_octaves: Width of the slope from the edge to silence, octaves.
        sample_rate: Hz.
    """

    min_hz: float = 3000.0
    max_hz: float = 14000.0
    slope_octaves: float = 0.25
    sample_rate: int = 44100

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the dull audio at the level it came with."""
        edge = np.exp(generator.uniform(np.log(self.min_hz), np.log(self.max_hz)))
        points = np.linspace(0.0, self.sample_rate / 2, 2049)
        octaves = np.log2(np.maximum(points, 1.0) / edge)
        gains = np.clip(1.0 - octaves / self.slope_octaves, 0.0, 1.0)
        return match_level(_filter(audio, gains.astype(np.float32)), audio)


@AUGMENTATIONS.register("reverberation")
@dataclass(frozen=True, slots=True, kw_only=True)
class Reverberation(Augmentation):
    """Add the tail of a made-up room: decaying noise, darker as it gets later.

    Args:
        min_seconds: Shortest time in which the tail falls by 60 dB, s.
        max_seconds: Longest such time, s.
        low_db: Smallest level of the tail against the dry sound, dB.
        high_db: Largest such level, dB.
        sample_rate: Hz.
    """

    min_seconds: float = 0.15
    max_seconds: float = 1.2
    low_db: float = -20.0
    high_db: float = -4.0
    sample_rate: int = 44100

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return dry and wet sound together at the level the dry one came with."""
        seconds = generator.uniform(self.min_seconds, self.max_seconds)
        length = round(seconds * self.sample_rate)
        times = np.arange(length, dtype=np.float32) / np.float32(length)
        tail = generator.standard_normal((2, length), dtype=np.float32)
        tail *= np.exp(-6.9 * times)
        smooth = 0.5 * (tail + np.roll(tail, 1, axis=1))
        tail = tail + (smooth - tail) * times
        tail[:, : round(generator.uniform(0.002, 0.03) * self.sample_rate)] = 0.0
        wet = _convolve(audio, tail)
        level = db_to_gain(generator.uniform(self.low_db, self.high_db))
        return match_level(audio + level * match_level(wet, audio), audio)


def _filter(audio: np.ndarray, gains: np.ndarray) -> np.ndarray:
    """Multiply the spectrum by gains given at evenly spaced frequencies up to Nyquist."""
    num_samples = audio.shape[-1]
    padded = _fast_length(num_samples)
    spectrum = torch.fft.rfft(torch.from_numpy(np.ascontiguousarray(audio)), n=padded)
    curve = torch.nn.functional.interpolate(
        torch.from_numpy(gains)[None, None],
        size=spectrum.shape[-1],
        mode="linear",
        align_corners=True,
    )[0]
    return torch.fft.irfft(spectrum * curve, n=padded)[..., :num_samples].numpy()


def _convolve(audio: np.ndarray, response: np.ndarray) -> np.ndarray:
    """Convolve each channel with its response and keep the first N samples."""
    num_samples = audio.shape[-1]
    padded = _fast_length(num_samples + response.shape[-1])
    spectrum = torch.fft.rfft(torch.from_numpy(np.ascontiguousarray(audio)), n=padded)
    spectrum *= torch.fft.rfft(torch.from_numpy(response), n=padded)
    return torch.fft.irfft(spectrum, n=padded)[..., :num_samples].numpy()


def _fast_length(minimum: int) -> int:
    """Return the least 2**k or 3 * 2**k that is not under ``minimum``."""
    power = 1 << (minimum - 1).bit_length()
    return 3 * power // 4 if 3 * power // 4 >= minimum else power
