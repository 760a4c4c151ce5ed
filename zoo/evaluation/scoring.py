"""Scoring one track: every protocol on every source.

Shape legend: C channels, N samples.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from zoo.evaluation.metrics import (
    bss_eval_v4,
    level_below,
    mdx_sdr,
    median_over_windows,
    si_sdr,
)
from zoo.evaluation.protocols import BSSEVAL, MDX, SI, Protocol

LEVEL_BELOW = "level_below_mixture"
Scores = dict[str, dict[str, float]]  # quantity -> source -> dB, NaN where not defined


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
        The value of each quantity for each source, in dB, and under ``LEVEL_BELOW`` how far each
        source is below the mixture.

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
        scores.update(_SCORERS[protocol.name](targets, estimates, sample_rate))
    return scores


def _score_mdx(
    targets: Mapping[str, np.ndarray], estimates: Mapping[str, np.ndarray], sample_rate: int
) -> Scores:
    del sample_rate  # one ratio for the whole track
    return {"mdx_sdr": {name: mdx_sdr(targets[name], estimates[name]) for name in targets}}


def _score_si(
    targets: Mapping[str, np.ndarray], estimates: Mapping[str, np.ndarray], sample_rate: int
) -> Scores:
    del sample_rate  # one ratio for the whole track
    return {"si_sdr": {name: si_sdr(targets[name], estimates[name]) for name in targets}}


def _score_bsseval(
    targets: Mapping[str, np.ndarray], estimates: Mapping[str, np.ndarray], sample_rate: int
) -> Scores:
    windows = bss_eval_v4(
        np.stack([targets[name] for name in targets]),
        np.stack([estimates[name] for name in targets]),
        sample_rate=sample_rate,
    )
    return {
        f"bsseval_{kind}": {
            name: median_over_windows(row)
            for name, row in zip(targets, getattr(windows, kind), strict=True)
        }
        for kind in ("sdr", "sir", "sar", "isr")
    }


_SCORERS = {MDX.name: _score_mdx, SI.name: _score_si, BSSEVAL.name: _score_bsseval}
