"""Made-up signals with known content, and files of them.

Arrays are (C, N) float32 at full scale 1, as everywhere in the zoo; ``gaussian`` is a tensor.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch

RATE = 44_100


def tone(
    *hertz: float,
    num_samples: int = RATE,
    rate: int = RATE,
    gains: Sequence[float] = (0.5, 0.25),
) -> np.ndarray:
    """The sum of sines that start at zero, with a gain for each channel."""
    time = np.arange(num_samples) / rate
    wave = np.sum([np.sin(2 * np.pi * frequency * time) for frequency in hertz], axis=0)
    return np.outer(gains, wave).astype(np.float32)


def chirp(*, seconds: float, channels: int = 2, rate: int = RATE, low: float = 110.0) -> np.ndarray:
    """A rising tone with four clicks a second, quieter in every channel than in the one before."""
    time = np.arange(int(seconds * rate)) / rate
    rising = 0.3 * np.sin(2 * np.pi * low * time * (1 + time))
    clicks = 0.2 * (np.arange(len(time)) % (rate // 4) < 40)
    return np.outer(np.linspace(1.0, 0.6, channels), rising + clicks).astype(np.float32)


def noise(num_samples: int, *, channels: int = 2, peak: float = 0.5, seed: int = 0) -> np.ndarray:
    """White noise, evenly distributed up to a peak, other in every channel."""
    generator = np.random.default_rng(seed)
    return generator.uniform(-peak, peak, (channels, num_samples)).astype(np.float32)


def gaussian(*shape: int, level: float = 0.1, seed: int = 0) -> torch.Tensor:
    """White noise of an RMS level, as a tensor."""
    return level * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def write(path: Path, samples: np.ndarray, rate: int = RATE, **options: str) -> Path:
    """Write (C, N) samples in a folder that need not exist; WAV keeps them as floats."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".wav":
        options = {"subtype": "FLOAT"} | options
    soundfile.write(path, samples.T, rate, **options)
    return path


def read(path: Path) -> np.ndarray:
    """Read a file as (C, N) float64."""
    samples, _ = soundfile.read(path, always_2d=True, dtype="float64")
    return samples.T


def write_song(
    path: Path, *, seconds: float = 0.5, rate: int = RATE, channels: int = 2, seed: int = 0
) -> Path:
    """Write noise, for whoever needs some song."""
    return write(path, noise(round(seconds * rate), channels=channels, seed=seed), rate)
