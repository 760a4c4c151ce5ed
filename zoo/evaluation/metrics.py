"""Metrics of separation: pure functions of arrays, which know no model and no file.

Shape legend: C channels, N samples, S sources, W windows. Results are in dB; a value that is not
defined (the scale of a silent target, BSS Eval of a silent estimate) is NaN, never made up.
"""

from dataclasses import dataclass
from types import ModuleType

import numpy as np

# Added to both sums by the Music Demixing Challenge, so that silence has a score: 0 dB.
MDX_DELTA = 1e-7
BSSEVAL_WINDOW_SECONDS = 1.0


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
    target, estimate = _same_shape(target, estimate)
    signal, distortion = np.sum(target**2), np.sum((target - estimate) ** 2)
    return float(10 * np.log10((signal + MDX_DELTA) / (distortion + MDX_DELTA)))


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
    target, estimate = _same_shape(target, estimate)
    target_energy = np.sum(target**2)
    if target_energy == 0 or not estimate.any():
        return float("nan")
    scaled = np.sum(target * estimate) / target_energy * target
    signal, distortion = np.sum(scaled**2), np.sum((estimate - scaled) ** 2)
    if distortion == 0:
        return float("inf")
    return float(10 * np.log10(signal / distortion)) if signal > 0 else float("-inf")


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
    targets, estimates = _same_shape(targets, estimates)
    museval = _import_museval()
    num_sources, _, num_samples = targets.shape
    window = round(BSSEVAL_WINDOW_SECONDS * sample_rate)
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


def level_below(target: np.ndarray, mixture: np.ndarray) -> float:
    """Compute how far the energy of a target is below that of the mixture, in dB.

    Args:
        target: The true source.
        mixture: What it is a part of.

    Shape:
        - target, mixture: the same, (C, N).

    Returns:
        Positive where the target is the quieter one, ``inf`` for a silent target.

    Example:
        >>> level_below(np.full((1, 8), 0.1), np.full((1, 8), 1.0))
        20.0
    """
    target, mixture = _same_shape(target, mixture)
    target_energy, mixture_energy = np.sum(target**2), np.sum(mixture**2)
    if target_energy == 0:
        return float("inf")
    if mixture_energy == 0:
        return float("-inf")
    return float(10 * np.log10(mixture_energy / target_energy))


def _same_shape(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both in double precision; sums over minutes of float32 samples lose digits."""
    if first.shape != second.shape:
        raise ValueError(
            f"shapes differ: {first.shape} and {second.shape}; score signals of equal length and "
            "channel count"
        )
    return first.astype(np.float64), second.astype(np.float64)


def _is_silent(signal: np.ndarray) -> bool:
    """Whether museval would call a signal (C, N) silent: its channels cancel everywhere."""
    return not np.any(np.sum(signal, axis=0))


def _import_museval() -> ModuleType:
    """Import museval, which is optional."""
    try:
        import museval
    except ImportError as error:
        raise ImportError(
            "BSS Eval needs the museval package: pip install 'lightsaft-zoo[evaluation]', "
            "or leave bsseval out of the metrics"
        ) from error
    return museval
