"""Dynamics: saturation, attacks, the limiter on the mixture."""

from dataclasses import dataclass

import numpy as np

from zoo.data.augmentations.levels import db_to_gain, match_level
from zoo.data.augmentations.registry import AUGMENTATIONS, Augmentation

QUIETEST = 1e-4  # added to both envelopes, so that their ratio is 1 in silence
BLOCK_SECONDS = 0.005


@AUGMENTATIONS.register("saturation")
@dataclass(frozen=True, slots=True, kw_only=True)
class Saturation(Augmentation):
    """Drive the audio into a soft limit.

    Args:
        low_db: Smallest drive over the chunk's peak, dB.
        high_db: Largest drive over the chunk's peak, dB.
    """

    low_db: float = 0.0
    high_db: float = 12.0

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the saturated audio at the level it came with."""
        peak = float(np.abs(audio).max(initial=0.0))
        if peak < 1e-5:
            return audio
        drive = db_to_gain(generator.uniform(self.low_db, self.high_db)) / peak
        return match_level(np.tanh(audio * np.float32(drive)), audio)


@AUGMENTATIONS.register("attack")
@dataclass(frozen=True, slots=True, kw_only=True)
class Attack(Augmentation):
    """Sharpen or soften attacks: a plucked string gets nearer to a bowed one, and back.

    The gain is a power of the ratio of a fast to a slow envelope, both centred.

    Args:
        max_power: Largest power, either way; at -1 only the slow envelope is left.
        fast_seconds: Window of the fast envelope, s.
        slow_seconds: Window of the slow envelope, s.
        max_db: Largest gain or loss, dB.
        sample_rate: Hz.
    """

    max_power: float = 1.0
    fast_seconds: float = 0.02
    slow_seconds: float = 0.3
    max_db: float = 12.0
    sample_rate: int = 44100

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the audio with other attacks."""
        power = generator.uniform(-self.max_power, self.max_power)
        block = max(1, round(BLOCK_SECONDS * self.sample_rate))
        fast = _envelope(audio, block=block, num_blocks=round(self.fast_seconds / BLOCK_SECONDS))
        slow = _envelope(audio, block=block, num_blocks=round(self.slow_seconds / BLOCK_SECONDS))
        most = db_to_gain(self.max_db)
        gains = np.clip(((fast + QUIETEST) / (slow + QUIETEST)) ** power, 1 / most, most)
        centres = (np.arange(len(gains)) + 0.5) * block
        gain = np.interp(np.arange(audio.shape[-1]), centres, gains)
        return match_level(audio * gain.astype(np.float32), audio)


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
    driven = bus * np.float32(db_to_gain(drive_db) / peak)
    gain = np.divide(np.tanh(driven), driven, out=np.ones_like(driven), where=driven != 0)
    return targets * gain


def _envelope(audio: np.ndarray, *, block: int, num_blocks: int) -> np.ndarray:
    """RMS of (2, N) samples, block by block, each with its neighbours in a window of blocks."""
    starts = np.arange(0, audio.shape[-1], block)
    energy = np.add.reduceat(np.square(audio).mean(axis=0, dtype=np.float64), starts)
    window = np.ones(num_blocks)
    counts = np.convolve(np.full(len(energy), float(block)), window, mode="full")
    sums = np.convolve(energy, window, mode="full")
    first = (num_blocks - 1) // 2
    return np.sqrt(sums / counts)[first : first + len(energy)]
