"""Augmentations of one source: small named transforms with their own parameters.

A transform maps (2, N) float32 and a random generator to (2, M) float32 and never writes to its
input. M = N here; the transforms of ``zoo.data.augmentations.timing`` change the length.

Levels: a transform of timbre keeps the chunk's RMS, so that ``gain`` alone decides the balance.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from blocks.registry import Registry

AUGMENTATIONS: Registry[type] = Registry("augmentation")


class Augmentation(Protocol):
    """What every augmentation offers."""

    @property
    def shared(self) -> bool:
        """Whether the sources of one song draw alike, as they must to stay together."""
        ...

    @property
    def reach(self) -> float:
        """The most samples that it takes for one that it gives."""
        ...

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Transform (2, N) samples with parameters drawn from ``generator``."""
        ...


@AUGMENTATIONS.register("gain")
@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """Multiply by a gain drawn evenly in decibels.

    Args:
        low_db: Smallest gain, dB.
        high_db: Largest gain, dB.
    """

    low_db: float = -6.0
    high_db: float = 6.0
    shared = False
    reach = 1.0

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the scaled audio."""
        return audio * np.float32(decibels(generator.uniform(self.low_db, self.high_db)))


@AUGMENTATIONS.register("channel_swap")
@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSwap:
    """Exchange left and right."""

    shared = False
    reach = 1.0

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the audio with its channels exchanged."""
        return audio[::-1]


@AUGMENTATIONS.register("sign_flip")
@dataclass(frozen=True, slots=True, kw_only=True)
class SignFlip:
    """Turn the polarity of both channels around."""

    shared = False
    reach = 1.0

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the negated audio."""
        return -audio


@AUGMENTATIONS.register("equaliser")
@dataclass(frozen=True, slots=True, kw_only=True)
class Equaliser:
    """Colour by a smooth random curve over log frequency, without changing phase.

    Args:
        deviation_db: Standard deviation of the curve at each of its knots, dB.
        num_knots: Knots of the curve between 40 Hz and 18 kHz.
        sample_rate: Hz.
    """

    deviation_db: float = 4.0
    num_knots: int = 7
    sample_rate: int = 44100
    shared = False
    reach = 1.0

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the coloured audio at the level it came with."""
        knots = np.geomspace(40.0, 18000.0, self.num_knots)
        curve = generator.normal(0.0, self.deviation_db, self.num_knots)
        # Few points suffice for a smooth curve; between them the filter is interpolated linearly.
        points = np.linspace(0.0, self.sample_rate / 2, 2049)
        gains = decibels(np.interp(np.log(np.maximum(points, 1.0)), np.log(knots), curve))
        return match_level(_filter(audio, np.asarray(gains, dtype=np.float32)), audio)


@AUGMENTATIONS.register("band_limit")
@dataclass(frozen=True, slots=True, kw_only=True)
class BandLimit:
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
    shared = False
    reach = 1.0

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the dull audio at the level it came with."""
        edge = np.exp(generator.uniform(np.log(self.min_hz), np.log(self.max_hz)))
        points = np.linspace(0.0, self.sample_rate / 2, 2049)
        octaves = np.log2(np.maximum(points, 1.0) / edge)
        gains = np.clip(1.0 - octaves / self.slope_octaves, 0.0, 1.0)
        return match_level(_filter(audio, gains.astype(np.float32)), audio)


@AUGMENTATIONS.register("saturation")
@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation:
    """Drive the audio into a soft limit.

    Args:
        low_db: Smallest drive over the chunk's peak, dB.
        high_db: Largest drive over the chunk's peak, dB.
    """

    low_db: float = 0.0
    high_db: float = 12.0
    shared = False
    reach = 1.0

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the saturated audio at the level it came with."""
        peak = float(np.abs(audio).max(initial=0.0))
        if peak < 1e-5:
            return audio
        drive = decibels(generator.uniform(self.low_db, self.high_db)) / peak
        return match_level(np.tanh(audio * np.float32(drive)), audio)


@AUGMENTATIONS.register("reverberation")
@dataclass(frozen=True, slots=True, kw_only=True)
class Reverberation:
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
    shared = False
    reach = 1.0

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
        level = decibels(generator.uniform(self.low_db, self.high_db))
        return match_level(audio + level * match_level(wet, audio), audio)


@AUGMENTATIONS.register("stereo_width")
@dataclass(frozen=True, slots=True, kw_only=True)
class StereoWidth:
    """Scale the side signal and turn the balance.

    Args:
        min_width: Smallest factor of the side signal; 0 is mono.
        max_width: Largest factor of the side signal.
        max_balance_db: Largest difference between the channels that is added, dB.
    """

    min_width: float = 0.0
    max_width: float = 1.6
    max_balance_db: float = 4.0
    shared = False
    reach = 1.0

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the audio with another width at the level it came with."""
        width = np.float32(generator.uniform(self.min_width, self.max_width))
        balance = generator.uniform(-self.max_balance_db, self.max_balance_db) / 2
        middle, side = 0.5 * (audio[0] + audio[1]), 0.5 * (audio[0] - audio[1]) * width
        sides = [decibels(balance) * (middle + side), decibels(-balance) * (middle - side)]
        return match_level(np.stack(sides).astype(np.float32), audio)


def soft_clip_bus(targets: np.ndarray, *, drive_db: float) -> np.ndarray:
    """Drive the mixture into a soft limit and give every source the limiter's gain.

    The gain of each sample is that of the bus, so the sources still sum to the mixture, as they do
    under a mastering limiter.

    Args:
        targets: The sources.
        drive_db: Level of the bus's peak over the limiter's threshold, dB.

    Shape:
        - targets and output: (S, 2, N).
    """
    bus = targets.sum(axis=0)
    peak = float(np.abs(bus).max(initial=0.0))
    if peak < 1e-5:
        return targets
    driven = bus * np.float32(decibels(drive_db) / peak)
    gain = np.divide(np.tanh(driven), driven, out=np.ones_like(driven), where=driven != 0)
    return targets * gain


def decibels(value: float | np.ndarray) -> np.ndarray | float:
    """Turn decibels into a factor."""
    return 10.0 ** (value / 20.0)


def match_level(audio: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Scale to the RMS of the reference; silence stays silent.

    Shape:
        - audio: (2, M).
        - reference: (2, N).
    """
    level = float(np.sqrt(np.mean(np.square(audio))))
    wanted = float(np.sqrt(np.mean(np.square(reference))))
    return audio * np.float32(wanted / level) if level > 1e-7 else np.zeros_like(audio)


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
