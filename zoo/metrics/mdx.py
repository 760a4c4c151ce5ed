"""The SDR of the Music Demixing Challenge.

Shape legend: C channels, N samples.
"""

import numpy as np

from zoo.metrics.protocol import PROTOCOLS, Protocol, Quantity, Scores, Signals
from zoo.metrics.signals import in_double_precision

__all__ = ["MDX", "mdx_sdr"]

# Added to both sums by the Music Demixing Challenge, so that silence has a score: 0 dB.
DELTA = 1e-7


def mdx_sdr(target: np.ndarray, estimate: np.ndarray) -> float:
    """Compute the global SDR of the Music Demixing Challenge 2021, in dB.

    ``10 log10((sum s^2 + 1e-7) / (sum (s - e)^2 + 1e-7))`` over all samples and channels.
    Source: Mitsufuji et al., "Music Demixing Challenge 2021", section 2.

    Args:
        target: The true source.
        estimate: Its estimate, at the same level (a wrong level is an error like any other).

    Shape:
        - target, estimate: the same, (C, N).

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> target = np.full((2, 50), 0.1)
        >>> round(mdx_sdr(target, 0.9 * target), 3)
        20.0
        >>> round(mdx_sdr(target, np.zeros((2, 50))), 3)
        0.0
    """
    target, estimate = in_double_precision(target, estimate)
    signal, distortion = np.sum(target**2), np.sum((target - estimate) ** 2)
    return float(10 * np.log10((signal + DELTA) / (distortion + DELTA)))


def _score(targets: Signals, estimates: Signals, _: int) -> Scores:
    return {"mdx_sdr": {name: mdx_sdr(targets[name], estimates[name]) for name in targets}}


MDX = PROTOCOLS.add(
    "mdx",
    Protocol(
        name="mdx",
        title="MDX SDR",
        definition=(
            "global SDR of the Music Demixing Challenge 2021, one ratio over all samples and "
            "channels of a track, mean over tracks"
        ),
        track_statistic="mean",
        quantities=(Quantity(name="mdx_sdr", label="SDR"),),
        score=_score,
    ),
)
