"""How sure a score is: bootstrap confidence intervals over tracks.

Shape legend: K tracks, S sources, R resamples. NaN stands for a score that does not count.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class BootstrapConfig:
    """Settings of the bootstrap.

    Args:
        confidence: Probability that the interval is meant to cover, in (0, 1).
        num_resamples: How many times the tracks are drawn anew.
        seed: Seed of the draws; the same scores and seed give the same interval.

    Raises:
        ValueError: If a setting is out of its range.
    """

    confidence: float = 0.95
    num_resamples: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings out of their range."""
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence is a probability in (0, 1), got {self.confidence}")
        if self.num_resamples < 1:
            raise ValueError(f"num_resamples must be at least 1, got {self.num_resamples}")


def over_tracks(scores: np.ndarray, statistic: str) -> np.ndarray:
    """Aggregate scores over tracks, leaving NaN out.

    Args:
        scores: Scores in dB.
        statistic: ``"mean"`` or ``"median"``.

    Shape:
        - scores: (..., K, S).
        - Output: (..., S), NaN for a source that counts in no track.

    Raises:
        ValueError: If the statistic is unknown.

    Example:
        >>> over_tracks(np.array([[1.0], [np.nan], [5.0]]), "mean")
        array([3.])
    """
    counts = np.sum(~np.isnan(scores), axis=-2)
    if statistic == "mean":
        totals = np.nansum(scores, axis=-2)
        return np.where(counts > 0, totals / np.maximum(counts, 1), np.nan)
    if statistic == "median":
        ordered = np.sort(scores, axis=-2)  # NaN sorts last
        middle = np.stack([np.maximum(counts - 1, 0) // 2, counts // 2], axis=-2)
        return np.take_along_axis(ordered, middle, axis=-2).mean(axis=-2)
    raise ValueError(f"unknown statistic {statistic!r}; expected 'mean' or 'median'")


def bootstrap_interval(
    statistic: Callable[[np.ndarray], np.ndarray], *, num_tracks: int, config: BootstrapConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the percentile interval of a statistic under resampling of the tracks.

    Tracks are drawn with replacement, all sources and systems of a track together, so that a
    difference between two systems on the same tracks is a paired one.
    Source: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3.

    Args:
        statistic: Maps track indices (R, K) to values (R, S).
        num_tracks: K; with a single track there is nothing to resample.
        config: Confidence, number of resamples and seed.

    Shape:
        - Output: two arrays (S,), NaN where fewer than two tracks are given or none counts.
    """
    if num_tracks < 2:
        undefined = np.full(
            statistic(np.zeros((1, max(num_tracks, 1)), dtype=int)).shape[-1], np.nan
        )
        return undefined, undefined
    draws = np.random.default_rng(config.seed).integers(
        num_tracks, size=(config.num_resamples, num_tracks)
    )
    values = statistic(draws)
    tail = (1 - config.confidence) / 2
    columns = [column[~np.isnan(column)] for column in values.T]
    bounds = np.array(
        [
            np.quantile(column, [tail, 1 - tail]) if column.size else (np.nan, np.nan)
            for column in columns
        ]
    )
    return bounds[:, 0], bounds[:, 1]
