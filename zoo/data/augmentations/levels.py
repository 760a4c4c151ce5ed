"""Levels: a random gain, and what keeps the level of a chunk while something else changes."""

from dataclasses import dataclass

import numpy as np

from zoo.data.augmentations.registry import AUGMENTATIONS, Augmentation


@AUGMENTATIONS.register("gain")
@dataclass(frozen=True, slots=True, kw_only=True)
class Gain(Augmentation):
    """Multiply by a gain drawn evenly in decibels.

    Args:
        low_db: Smallest gain, dB.
        high_db: Largest gain, dB.
    """

    low_db: float = -6.0
    high_db: float = 6.0

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the scaled audio."""
        return audio * np.float32(db_to_gain(generator.uniform(self.low_db, self.high_db)))


def db_to_gain(level_db: np.ndarray | float) -> np.ndarray | float:
    """Turn a level in dB into the factor of an amplitude.

    >>> db_to_gain(20.0)
    10.0
    """
    return 10.0 ** (level_db / 20.0)


def match_level(audio: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Scale to the RMS of the reference; silence stays silent.

    Shape:
        - audio: (2, M).
        - reference: (2, N).
    """
    level = float(np.sqrt(np.mean(np.square(audio))))
    wanted = float(np.sqrt(np.mean(np.square(reference))))
    return audio * np.float32(wanted / level) if level > 1e-7 else np.zeros_like(audio)
