"""The key of a song, by how its pitch classes are spread.

The Krumhansl-Schmuckler algorithm (Krumhansl, "Cognitive Foundations of Musical Pitch", 1990,
chapter 4) with the profiles of Temperley ("What's key for key?", Music Perception 17, 1999), which
part a key from its relative better.

T: frames of the chromagram
"""

from dataclasses import dataclass

import numpy as np

from zoo.analysis.sureness import Sureness, judge

__all__ = ["Key", "find_key"]

NUM_CLASSES = 12
# How well each pitch class fits, from the tonic up by semitones (Temperley 1999).
PROFILES = {
    "major": (5.0, 2.0, 3.5, 2.0, 4.5, 4.0, 2.0, 4.5, 2.0, 3.5, 1.5, 4.0),
    "minor": (5.0, 2.0, 3.5, 4.5, 2.0, 4.0, 2.0, 4.5, 3.5, 2.0, 1.5, 4.0),
}
# By the best correlation, and by how much it is above the second best. White noise reaches 0.27.
LEVELS = {
    Sureness.SURE: (0.7, 0.1),
    Sureness.FAIRLY_SURE: (0.55, 0.05),
    Sureness.GUESS: (0.4, 0.0),
}
# The strongest pitch class has at least so many times the amplitude of the weakest; of noise and
# drums it has 1.15, of songs with many chromatic notes 1.45.
LEAST_CONTRAST = 1.25


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A key.

    Attributes:
        tonic: Its pitch class in 0..11, C being 0.
        mode: ``major`` or ``minor``.
        sureness: Of both.
    """

    tonic: int
    mode: str
    sureness: Sureness


def find_key(chroma: np.ndarray) -> Key | None:
    """Find the one key that fits a whole song best.

    The measures behind the sureness are the correlation of the song's pitch classes with the
    profile of the key, and its distance from that of the second best key.

    Args:
        chroma: Chromagram (12, T) of the song's harmony, energies.

    Returns:
        The key, or None where none fits.
    """
    amplitudes = np.sqrt(chroma).mean(axis=1)
    if amplitudes.max() <= LEAST_CONTRAST * amplitudes.min():
        return None
    fits = {
        (tonic, mode): float(np.corrcoef(amplitudes, np.roll(profile, tonic))[0, 1])
        for mode, profile in PROFILES.items()
        for tonic in range(NUM_CLASSES)
    }
    (best, (tonic, mode)), (second, _) = sorted(
        ((fit, key) for key, fit in fits.items()), reverse=True
    )[:2]
    sureness = judge(LEVELS, best, best - second)
    return None if sureness is None else Key(tonic=tonic, mode=mode, sureness=sureness)
