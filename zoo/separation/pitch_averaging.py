"""Averages the estimates of a chunk that is played at several pitches: slower, better.

A network makes other errors on the same music a semitone lower or higher, because no timbre of its
training recurs exactly there. In the mean of the estimates every error is smaller.

K: chunks, C: channels, L: samples of a chunk, S: sources
"""

from collections.abc import Callable
from fractions import Fraction

import torch
from torch import Tensor
from torchaudio.functional import resample

from zoo.weights.entries import NUM_PITCHES

__all__ = ["average_over_pitches", "play", "playing_speeds"]

LARGEST_DENOMINATOR = 20
FILTER_ZEROS = 32  # zero crossings of the resampler's filter on either side


def playing_speeds(num_pitches: int) -> tuple[Fraction, ...]:
    """Return the playing speeds whose pitches are a semitone apart; the song's own comes first.

    Each speed is a simple ratio near the equally tempered one (17/18 is off by 1.05 % of a
    semitone), because simple ratios keep the resampler's filters short.

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
    """Estimate chunks at several pitches, bring the estimates back to the song's, and average.

    Args:
        process: The network, (K, C, l) -> (K, S, C, l) for any length l.
        chunks: The chunks of the mixture.
        num_pitches: How many pitches; the cost grows with their number. 1 is ``process`` itself.

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
    played = play(chunks, speed)
    estimates = play(process(played), 1 / speed)[..., : chunks.shape[-1]]
    missing = chunks.shape[-1] - estimates.shape[-1]
    return torch.nn.functional.pad(estimates, (0, missing)) if missing else estimates


def play(audio: Tensor, speed: Fraction) -> Tensor:
    """Play audio (..., N) at another speed, (..., N / speed rounded up)."""
    return resample(audio, speed.numerator, speed.denominator, lowpass_filter_width=FILTER_ZEROS)
