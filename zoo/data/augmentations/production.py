"""What studios do to a recorded voice or instrument: doubling, echoes, stutter."""

from dataclasses import dataclass

import numpy as np

from zoo.data.augmentations.levels import db_to_gain, match_level
from zoo.data.augmentations.registry import AUGMENTATIONS, Augmentation

FADE_SECONDS = 0.003


@AUGMENTATIONS.register("doubling")
@dataclass(frozen=True, slots=True, kw_only=True)
class Doubling(Augmentation):
    """Add a second take: two copies, late by a few milliseconds that drift, one to each side.

    A delay that changes bends the pitch, so the copies beat against the first take as a doubled
    voice, a chorus or a string section does.

    Args:
        min_cents: Smallest bend of the pitch at its peak, cents.
        max_cents: Largest such bend, cents.
        max_seconds: Largest delay before it drifts, s.
        low_db: Smallest level of the copies against the first take, dB.
        high_db: Largest such level, dB.
        sample_rate: Hz.
    """

    min_cents: float = 4.0
    max_cents: float = 25.0
    max_seconds: float = 0.03
    low_db: float = -9.0
    high_db: float = 0.0
    sample_rate: int = 44100

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return all takes together."""
        times = np.arange(audio.shape[-1], dtype=np.float64)
        level = db_to_gain(generator.uniform(self.low_db, self.high_db))
        width = generator.uniform(0.0, 1.0)
        output = audio.copy()
        for near in (0, 1):
            slope = 2 ** (generator.uniform(self.min_cents, self.max_cents) / 1200) - 1
            turns = 2 * np.pi * generator.uniform(0.2, 1.2) / self.sample_rate
            start = generator.uniform(0.1, 1.0) * self.max_seconds * self.sample_rate
            phase = generator.uniform(0.0, 2 * np.pi)
            drift = slope / turns * (1 + np.sin(turns * times + phase))
            places = times - start - drift
            for channel in (0, 1):
                gain = level * (1.0 if channel == near else 1.0 - width)
                take = np.interp(places, times, audio[channel], left=0.0)
                output[channel] += np.float32(gain) * take.astype(np.float32)
        return match_level(output, audio)


@AUGMENTATIONS.register("echo")
@dataclass(frozen=True, slots=True, kw_only=True)
class Echo(Augmentation):
    """Repeat the sound again and again, each time quieter; half of the time from side to side.

    Args:
        min_seconds: Shortest time between repetitions, s.
        max_seconds: Longest such time, s.
        low_db: Smallest level of a repetition against the one before, dB.
        high_db: Largest such level, dB; under 0.
        sample_rate: Hz.
    """

    min_seconds: float = 0.08
    max_seconds: float = 0.6
    low_db: float = -16.0
    high_db: float = -4.0
    sample_rate: int = 44100

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the sound and its repetitions."""
        num_samples = audio.shape[-1]
        seconds = generator.uniform(self.min_seconds, self.max_seconds)
        delay = max(1, round(seconds * self.sample_rate))
        feedback = db_to_gain(generator.uniform(self.low_db, self.high_db))
        turns = generator.random() < 0.5
        output, level = audio.copy(), np.float32(1.0)
        for late in range(delay, num_samples, delay):
            level *= np.float32(feedback)
            if level < 1e-3:
                break
            tap = audio[::-1] if turns and late // delay % 2 else audio
            output[:, late:] += level * tap[:, : num_samples - late]
        return match_level(output, audio)


@AUGMENTATIONS.register("stutter")
@dataclass(frozen=True, slots=True, kw_only=True)
class Stutter(Augmentation):
    """Chop the sound: here and there a slice is played several times instead of what follows.

    Args:
        min_seconds: Shortest slice, s.
        max_seconds: Longest slice, s.
        max_repeats: The most times that a slice is played again.
        max_places: The most places where that happens.
        max_gap: Largest part of a slice that is silent.
        sample_rate: Hz.
    """

    min_seconds: float = 0.05
    max_seconds: float = 0.3
    max_repeats: int = 6
    max_places: int = 3
    max_gap: float = 0.5
    sample_rate: int = 44100

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the chopped sound."""
        output, num_samples = audio.copy(), audio.shape[-1]
        fade = round(FADE_SECONDS * self.sample_rate)
        for _ in range(generator.integers(1, self.max_places, endpoint=True)):
            length = round(generator.uniform(self.min_seconds, self.max_seconds) * self.sample_rate)
            repeats = int(generator.integers(1, self.max_repeats, endpoint=True))
            sounding = round(length * (1.0 - generator.uniform(0.0, self.max_gap)))
            start = int(generator.integers(0, max(1, num_samples - 2 * length), endpoint=True))
            times = np.arange(length)
            edges = np.minimum(times + 1, sounding - times) / (fade + 1)
            envelope = np.clip(edges, 0.0, 1.0).astype(np.float32)
            cut = output[:, start : start + length]
            piece = cut * envelope[: cut.shape[-1]]
            for place in range(start, start + (1 + repeats) * length, length):
                room = output[:, place : place + length]
                room[:] = piece[:, : room.shape[-1]]
        return match_level(output, audio)
