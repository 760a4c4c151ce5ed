"""The scale-invariant SDR.

Shape legend: C channels, N samples.
"""

import numpy as np

from zoo.metrics.protocol import PROTOCOLS, Protocol, Quantity, Scores, Signals
from zoo.metrics.signals import in_double_precision

__all__ = ["SI", "si_sdr"]


def si_sdr(target: np.ndarray, estimate: np.ndarray) -> float:
    """Compute the scale-invariant SDR, in dB.

    One scale is fitted over all samples and channels and no mean is removed.
    Source: Le Roux et al., "SDR - half-baked or well done?", ICASSP 2019, equation 5.

    Args:
        target: The true source.
        estimate: Its estimate, at any level.

    Shape:
        - target, estimate: the same, (C, N).

    Returns:
        The ratio; NaN if target or estimate is silent, ``-inf`` if they are orthogonal and ``inf``
        if they are proportional.

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> target, noise = np.array([[1.0, 1.0]]), np.array([[0.1, -0.1]])
        >>> round(si_sdr(target, 0.5 * (target + noise)), 3)
        20.0
    """
    target, estimate = in_double_precision(target, estimate)
    target_energy = np.sum(target**2)
    if target_energy == 0 or not estimate.any():
        return float("nan")
    scaled = np.sum(target * estimate) / target_energy * target
    signal, distortion = np.sum(scaled**2), np.sum((estimate - scaled) ** 2)
    if distortion == 0:
        return float("inf")
    return float(10 * np.log10(signal / distortion)) if signal > 0 else float("-inf")


def _score(targets: Signals, estimates: Signals, _: int) -> Scores:
    return {"si_sdr": {name: si_sdr(targets[name], estimates[name]) for name in targets}}


SI = PROTOCOLS.add(
    "si",
    Protocol(
        name="si",
        title="SI-SDR",
        definition=(
            "scale-invariant SDR, one scale for all samples and channels of a track, no mean "
            "removed, mean over tracks"
        ),
        track_statistic="mean",
        quantities=(Quantity(name="si_sdr", label="SI-SDR"),),
        score=_score,
    ),
)
