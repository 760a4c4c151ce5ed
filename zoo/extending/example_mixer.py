"""Examples of what to keep and what to remove, read and mixed at random.

Shape legend: C channels, N samples.
"""

from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from zoo.audio import AudioSource, open_audio, resample
from zoo.errors import ExamplesError
from zoo.specs.spec import Spec

__all__ = ["NUM_CHECKS", "SILENT", "ExampleMixer", "ExampleSounds", "read_examples"]

ExampleSounds: TypeAlias = "AudioSource | list[AudioSource]"
MAX_SECONDS = 120.0  # of each example; more is not read
SILENT = 1e-4  # RMS
GAINS_DB = (-8.0, 4.0)
ALONE = 0.15  # share of the examples without anything to remove, and of those with nothing to keep
NUM_CHECKS = 6
MOST_TRIES = 20


def read_examples(given: ExampleSounds, spec: Spec, *, role: str) -> np.ndarray | None:
    """Read examples as one signal (C, N) at a network's rate and channels; None if there are none.

    Args:
        given: One or several; two minutes of each are read.
        spec: The network's.
        role: What they are for, to begin messages with.

    Raises:
        ExamplesError: If they are silent, or shorter than 1 s in all.
        AudioError: If one cannot be read.
    """
    parts = [_read_one(each, spec) for each in (given if isinstance(given, list) else [given])]
    if not parts:
        return None
    joined = np.concatenate(parts, axis=-1)
    if joined.shape[-1] < spec.sample_rate:
        seconds = joined.shape[-1] / spec.sample_rate
        raise ExamplesError(
            f"{role}: {seconds:.2f} s of examples; at least 1 s is needed, and 10 s are better"
        )
    if _level(joined) < SILENT:
        raise ExamplesError(f"{role}: the examples are silent; give louder ones")
    return joined


def _read_one(source: AudioSource, spec: Spec) -> np.ndarray:
    with open_audio(source) as reader:
        info = reader.info
        left, blocks = round(MAX_SECONDS * info.sample_rate), []
        for block in reader.blocks():
            blocks.append(block[:, :left])
            left -= blocks[-1].shape[-1]
            if left <= 0:
                break
    audio = np.concatenate(blocks, axis=-1)
    audio = resample(audio, from_rate=info.sample_rate, to_rate=spec.sample_rate)
    if audio.shape[0] != spec.channels:
        audio = np.broadcast_to(audio.mean(axis=0), (spec.channels, audio.shape[-1]))
    return np.ascontiguousarray(audio, dtype=np.float32)


class ExampleMixer:
    """Draws chunks of what is wanted, mixed with chunks of what is not.

    Args:
        wanted: (C, N).
        unwanted: (C, N), or None.
        num_samples: Length of a chunk.
        seed: Of the draws.
    """

    def __init__(
        self, wanted: np.ndarray, unwanted: np.ndarray | None, *, num_samples: int, seed: int
    ) -> None:
        self._wanted, self._unwanted, self._length = wanted, unwanted, num_samples
        self._generator = np.random.default_rng([seed, 0])
        checks = np.random.default_rng([seed, 1])
        self.checks = [self._mix(checks, is_mixed=True) for _ in range(NUM_CHECKS)]

    def draw(self) -> tuple[Tensor, Tensor]:
        """Draw a mixture and what of it is wanted, each (1, C, N)."""
        return self._mix(self._generator, is_mixed=False)

    def _mix(self, generator: np.random.Generator, *, is_mixed: bool) -> tuple[Tensor, Tensor]:
        target = self._chunk(self._wanted, generator)
        rest = np.zeros_like(target)
        if self._unwanted is not None:
            rest = self._chunk(self._unwanted, generator)
            chance = generator.random()
            if not is_mixed and chance < ALONE:
                rest = np.zeros_like(rest)
            elif not is_mixed and chance > 1 - ALONE:
                target = np.zeros_like(target)
        mixture = target + rest
        return torch.from_numpy(mixture)[None], torch.from_numpy(target)[None]

    def _chunk(self, signal: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Take a sounding chunk (C, N), at a random level about -20 dBFS."""
        length = min(self._length, signal.shape[-1])
        for _ in range(MOST_TRIES):
            start = int(generator.integers(signal.shape[-1] - length + 1))
            if _level(signal[:, start : start + length]) > SILENT:
                break
        else:
            start = 0
        chunk = signal[:, start : start + length]
        level = _level(chunk)
        gain = 10 ** ((generator.uniform(*GAINS_DB) - 20) / 20) / max(level, SILENT)
        padded = np.zeros((signal.shape[0], self._length), dtype=np.float32)
        padded[:, :length] = gain * chunk
        return padded


def _level(signal: np.ndarray) -> float:
    return float(np.sqrt(np.mean(signal**2)))
