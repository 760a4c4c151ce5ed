"""BSS Eval v4 by the museval package.

Shape legend: C channels, N samples, S sources, W windows.
"""

from dataclasses import dataclass

import numpy as np

from zoo.metrics.protocol import PROTOCOLS, Protocol, Quantity, Scores, Signals
from zoo.metrics.signals import in_double_precision

__all__ = ["BSSEVAL", "BssEvalWindows", "bss_eval_v4", "median_over_windows"]

WINDOW_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BssEvalWindows:
    """BSS Eval v4 of every window, in dB; NaN where museval leaves a window out.

    Shape:
        - sdr, isr, sir, sar: (S, W).
    """

    sdr: np.ndarray
    isr: np.ndarray
    sir: np.ndarray
    sar: np.ndarray


def bss_eval_v4(targets: np.ndarray, estimates: np.ndarray, *, sample_rate: int) -> BssEvalWindows:
    """Compute BSS Eval v4 by the museval package, in windows of one second without overlap.

    museval refuses silent sources. A source whose target or estimate is silent throughout gets NaN
    and takes no part; museval itself gives NaN to every source in a window in which one is silent.
    Source: Stoter, Liutkus, Ito, "The 2018 Signal Separation Evaluation Campaign".

    Args:
        targets: The true sources of one track.
        estimates: Their estimates, in the same order.
        sample_rate: Hz.

    Shape:
        - targets, estimates: (S, C, N).

    Raises:
        ValueError: If the shapes differ.
        ImportError: If museval is not installed.
    """
    targets, estimates = in_double_precision(targets, estimates)
    BSSEVAL.require_package()
    import museval

    num_sources, _, num_samples = targets.shape
    window = round(WINDOW_SECONDS * sample_rate)
    num_windows = max(1, num_samples // window)
    values = np.full((4, num_sources, num_windows), np.nan)
    audible = [
        index
        for index in range(num_sources)
        if not (_is_silent(targets[index]) or _is_silent(estimates[index]))
    ]
    if audible:
        sdr, isr, sir, sar = museval.evaluate(
            targets[audible].transpose(0, 2, 1),  # (S, N, C)
            estimates[audible].transpose(0, 2, 1),
            win=window,
            hop=window,
        )
        values[:, audible] = np.stack([sdr, isr, sir, sar])
    return BssEvalWindows(sdr=values[0], isr=values[1], sir=values[2], sar=values[3])


def median_over_windows(values: np.ndarray) -> float:
    """Aggregate the windows of one source as museval does: infinite windows are left out.

    Args:
        values: Scores in dB.

    Shape:
        - values: (W,).

    Returns:
        The median, NaN if no window is finite.

    Example:
        >>> median_over_windows(np.array([1.0, np.nan, 3.0, np.inf]))
        2.0
    """
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else float("nan")


def _is_silent(signal: np.ndarray) -> bool:
    """Whether museval would call a signal (C, N) silent: its channels cancel everywhere."""
    return not np.any(np.sum(signal, axis=0))


def _score(targets: Signals, estimates: Signals, sample_rate: int) -> Scores:
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


# Files written before the protocol had one name call it by the package, museval.
BSSEVAL = PROTOCOLS.add(
    "bsseval",
    Protocol(
        name="bsseval",
        title="BSS Eval v4",
        definition=(
            "windows of one second without overlap by museval, median over windows, then median "
            "over tracks"
        ),
        track_statistic="median",
        quantities=(
            Quantity(name="bsseval_sdr", label="SDR"),
            Quantity(name="bsseval_sir", label="SIR"),
            Quantity(name="bsseval_sar", label="SAR"),
            Quantity(name="bsseval_isr", label="ISR"),
        ),
        score=_score,
        package="museval",
    ),
    aliases=("museval",),
)
