"""Estimates averaged over the pitches that a chunk is played at: slower, better.

A network errs differently on the same music a semitone lower or higher, where no timbre of its
training recurs exactly; the mean of the estimates has less of every error.

K: chunks, C: channels, L: samples of a chunk, S: sources
"""

from collections.abc import Callable
from fractions import Fraction

import torch
from torch import Tensor
from torchaudio.functional import resample

from zoo.weights.entries import NUM_PITCHES

__all__ = ["average_over_pitches", "playing_speeds"]

LARGEST_DENOMINATOR = 20
FILTER_ZEROS = 32  # zero crossings of the resampler's filter on either side


def playing_speeds(num_pitches: int) -> tuple[Fraction, ...]:
    """Return the speeds for pitches a semitone apart around that of the song, which comes first.

    Each is the simple ratio next to the equally tempered one (17/18 is 1.05 % of a semitone off),
    which keeps the resampler's filters short.

    Raises:
        ValueError: Not one of :data:`~zoo.weights.entries.NUM_PITCHES`.
    """
    if num_pitches not in NUM_PITCHES:
        raise ValueError(f"got pitches={num_pitches}; expected 1, 3, 5 or 7")
    speeds = [Fraction(1)]
    for semitones in range(1, num_pitches // 2 + 1):
        higher = Fraction(2 ** (semitones / 12)).limit_denominator(LARGEST_DENOMINATOR)
        speeds += [1 / higher, higher]
    return tuple(speeds)


def average_over_pitches(
    process: Callable[[Tensor], Tensor], chunks: Tensor, *, num_pitches: int
) -> Tensor:
    """Estimate chunks at several pitches, play the estimates back at theirs, and average.

    Args:
        process: The network, (K, C, l) -> (K, S, C, l) for any length l.
        chunks: What is to be separated.
        num_pitches: How many pitches, odd; the cost grows with it. 1 is ``process`` itself.

    Raises:
        ValueError: Not one of :data:`~zoo.weights.entries.NUM_PITCHES`.

    Shape:
        (K, C, L) -> (K, S, C, L)
    """
    total: Tensor | None = None
    for speed in playing_speeds(num_pitches):
        estimates = process(chunks) if speed == 1 else _process_at(speed, process, chunks)
        total = estimates if total is None else total + estimates
    assert total is not None
    return total / num_pitches


def _process_at(speed: Fraction, process: Callable[[Tensor], Tensor], chunks: Tensor) -> Tensor:
    played = _play(chunks, speed)
    estimates = _play(process(played), 1 / speed)[..., : chunks.shape[-1]]
    missing = chunks.shape[-1] - estimates.shape[-1]
    return torch.nn.functional.pad(estimates, (0, missing)) if missing else estimates


def _play(audio: Tensor, speed: Fraction) -> Tensor:
    """Play audio (..., N) at another speed, (..., N / speed rounded up)."""
    return resample(audio, speed.numerator, speed.denominator, lowpass_filter_width=FILTER_ZEROS)
