"""Scoring one track: every protocol on every source.

Shape legend: C channels, N samples.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from zoo.metrics import Protocol, Scores, level_below

__all__ = ["LEVEL_BELOW", "score_track"]

LEVEL_BELOW = "level_below_mixture"


def score_track(
    targets: Mapping[str, np.ndarray],
    estimates: Mapping[str, np.ndarray],
    *,
    mixture: np.ndarray,
    sample_rate: int,
    protocols: Iterable[Protocol],
) -> Scores:
    """Score the estimates of one track.

    Args:
        targets: The true sources, each (C, N).
        estimates: An estimate (C, N) of each of them.
        mixture: What was separated, (C, N).
        sample_rate: Hz.
        protocols: Which protocols to follow.

    Returns:
        The value of each quantity for each source, in the protocol's unit, and under
        ``LEVEL_BELOW`` how far each source is below the mixture, in dB.

    Raises:
        ValueError: If an estimate is missing or of another shape than its target.
    """
    for source, target in targets.items():
        if source not in estimates:
            raise ValueError(f"no estimate of {source!r}; got {', '.join(estimates) or 'none'}")
        if estimates[source].shape != target.shape:
            raise ValueError(
                f"the estimate of {source!r} has shape {estimates[source].shape}, its target "
                f"{target.shape}; a system must return what it was given: (channels, samples)"
            )
        if not np.isfinite(estimates[source]).all():
            raise ValueError(f"the estimate of {source!r} holds samples that are no numbers")
    scores: Scores = {
        LEVEL_BELOW: {source: level_below(target, mixture) for source, target in targets.items()}
    }
    for protocol in protocols:
        scores |= protocol.score(targets, estimates, sample_rate)
    return scores
