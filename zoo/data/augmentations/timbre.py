"""Augmentations that make another instrument of one: the same notes at the same time.

Each is (2, N) -> (2, N) at the level it came with, like those in ``zoo.data.augmentations.basic``.
"""

from dataclasses import dataclass

import numpy as np
import soxr

from zoo.data.augmentations.basic import AUGMENTATIONS, decibels, match_level
from zoo.data.augmentations.timing import stretch

QUIETEST = 1e-4
BLOCK_SECONDS = 0.005


@AUGMENTATIONS.register("stops")
@dataclass(frozen=True, slots=True, kw_only=True)
class Stops:
    """Add the sound an octave lower, an octave higher or a twelfth higher, as organ stops do.

    Every tone of those is a harmonic of the notes that sound (or, an octave lower, has them as its
    own), so chords get another timbre and no other notes. A phase vocoder moves the pitch, which
    softens the attacks of what is added.

    Args:
        ratios: The ratios of pitch, one of which is drawn.
        low_db: Smallest level of what is added against the sound, dB.
        high_db: Largest such level, dB.
    """

    ratios: tuple[float, ...] = (0.5, 2.0, 3.0)
    low_db: float = -12.0
    high_db: float = 3.0
    shared = False
    reach = 1.0

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return both sounds together."""
        ratio = self.ratios[generator.integers(len(self.ratios))]
        level = decibels(generator.uniform(self.low_db, self.high_db))
        longer = stretch(audio, 1 / ratio)
        moved = soxr.resample(longer.T, ratio, 1.0, quality="MQ").T[:, : audio.shape[-1]]
        added = np.zeros_like(audio)
        added[:, : moved.shape[-1]] = moved
        return match_level(audio + np.float32(level) * match_level(added, audio), audio)


@AUGMENTATIONS.register("attack")
@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
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
    shared = False
    reach = 1.0

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the audio with other attacks."""
        power = generator.uniform(-self.max_power, self.max_power)
        block = max(1, round(BLOCK_SECONDS * self.sample_rate))
        fast = _envelope(audio, block=block, num_blocks=round(self.fast_seconds / BLOCK_SECONDS))
        slow = _envelope(audio, block=block, num_blocks=round(self.slow_seconds / BLOCK_SECONDS))
        most = decibels(self.max_db)
        gains = np.clip(((fast + QUIETEST) / (slow + QUIETEST)) ** power, 1 / most, most)
        centres = (np.arange(len(gains)) + 0.5) * block
        gain = np.interp(np.arange(audio.shape[-1]), centres, gains)
        return match_level(audio * gain.astype(np.float32), audio)


def _envelope(audio: np.ndarray, *, block: int, num_blocks: int) -> np.ndarray:
    """RMS of (2, N) samples, block by block, each with its neighbours in a window of blocks."""
    starts = np.arange(0, audio.shape[-1], block)
    energy = np.add.reduceat(np.square(audio).mean(axis=0, dtype=np.float64), starts)
    window = np.ones(num_blocks)
    counts = np.convolve(np.full(len(energy), float(block)), window, mode="full")
    sums = np.convolve(energy, window, mode="full")
    first = (num_blocks - 1) // 2
    return np.sqrt(sums / counts)[first : first + len(energy)]
