"""BSS Eval v4.

Shape legend: C channels, N samples, S sources, W windows, F frequencies.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.metrics.distortion_filters import NUM_TAPS, fit_filters
from zoo.metrics.protocol import PROTOCOLS, Protocol, Quantity, Scores, Signals
from zoo.metrics.signals import require_equal_shapes

__all__ = ["BSSEVAL", "BssEvalWindows", "bss_eval_v4", "median_over_windows"]

WINDOW_SECONDS = 1.0
SILENCE_BLOCK = 1 << 16  # samples that are looked at together; most signals need one look


@dataclass(frozen=True, slots=True, kw_only=True)
class BssEvalWindows:
    """BSS Eval v4 of every window, in dB; NaN where a window is left out.

    Shape:
        - sdr, isr, sir, sar: (S, W).
    """

    sdr: np.ndarray
    isr: np.ndarray
    sir: np.ndarray
    sar: np.ndarray


def bss_eval_v4(
    targets: Sequence[np.ndarray] | np.ndarray,
    estimates: Sequence[np.ndarray] | np.ndarray,
    *,
    sample_rate: int,
) -> BssEvalWindows:
    """Compute BSS Eval v4 in windows of one second without overlap.

    With s a target, e its estimate, o the best fit of e by s through filters and a that by all
    targets, the error e - s is the sum of o - s (spatial), a - o (interference) and e - a
    (artifacts). SDR is the ratio of s to e - s, ISR of s to o - s, SIR of o to a - o and SAR of a
    to e - a. Filters are fitted once to the whole track, which is what version 4 changed, and
    applied to the targets of each window as if silence surrounded it; their tails count.

    In a window in which a target or an estimate is silent, no source has a score; samples after the
    last whole window have none. The museval package does the same and its numbers are these. It
    refuses tracks with a silent source, though; here a source whose target or estimate is silent
    throughout gets NaN and takes no part. It also gives some 300 dB, a rounding error, to a single
    window without error, which has an SDR of ``inf`` here.

    Source: Stöter, Liutkus, Ito, "The 2018 Signal Separation Evaluation Campaign"; for the ratios
    Vincent et al., "First stereo audio source separation evaluation campaign", 2007.

    Args:
        targets: The true sources of one track.
        estimates: Their estimates, in the same order.
        sample_rate: Hz.

    Shape:
        - targets, estimates: (S, C, N), or S arrays (C, N).

    Raises:
        ValueError: If the shapes differ.

    Example:
        >>> target = np.random.default_rng(0).standard_normal((1, 2, 4000))
        >>> bss_eval_v4(target, 0.9 * target, sample_rate=2000).sdr.round(6)
        array([[20., 20.]])
    """
    if len(targets) != len(estimates):
        raise ValueError(
            f"{len(targets)} targets and {len(estimates)} estimates; give one for each"
        )
    for signal in (*targets, *estimates):
        require_equal_shapes(targets[0], signal)
    num_samples = targets[0].shape[1]
    window = round(WINDOW_SECONDS * sample_rate)
    values = np.full((4, len(targets), max(1, num_samples // window)), np.nan)
    audible = [
        index
        for index, pair in enumerate(zip(targets, estimates, strict=True))
        if not any(map(_is_silent, pair))
    ]
    if audible:
        values[:, audible] = _score_windows(
            [targets[index] for index in audible],
            [estimates[index] for index in audible],
            window=min(window, num_samples),
        )
    return BssEvalWindows(sdr=values[0], isr=values[1], sir=values[2], sar=values[3])


def median_over_windows(values: np.ndarray) -> float:
    """Aggregate the windows of one source, as museval does: infinite windows are left out.

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


def _score_windows(
    targets: Sequence[np.ndarray], estimates: Sequence[np.ndarray], *, window: int
) -> np.ndarray:
    """Return SDR, ISR, SIR and SAR, (4, S, W), in windows of so many samples."""
    num_sources, num_samples = len(targets), targets[0].shape[1]
    own, joint = fit_filters(targets, estimates)
    n_fft = _fast_length(window + NUM_TAPS - 1)  # nothing wraps around
    own, joint = np.fft.rfft(own, n_fft), np.fft.rfft(joint, n_fft)
    values = np.full((4, num_sources, num_samples // window), np.nan)
    for index in range(values.shape[2]):
        part = slice(index * window, (index + 1) * window)
        target = np.stack([signal[:, part] for signal in targets]).astype(np.float64)
        estimate = np.stack([signal[:, part] for signal in estimates]).astype(np.float64)
        if any(map(_is_silent, (*target, *estimate))):
            continue
        spectrum = np.fft.rfft(target, n_fft)  # (S, C, F)
        spatial = np.einsum("sdcf,scf->sdf", own, spectrum)
        explained = np.einsum("dcf,cf->df", joint, spectrum.reshape(len(joint), -1))
        explained = explained.reshape(spectrum.shape)
        artifacts = np.fft.rfft(estimate, n_fft) - explained
        energy = np.sum(target**2, axis=(1, 2))
        with np.errstate(divide="ignore"):
            values[:, :, index] = 10 * np.log10(
                [
                    energy / np.sum((estimate - target) ** 2, axis=(1, 2)),
                    energy / _energy(spatial - spectrum, n_fft),
                    _energy(spatial, n_fft) / _energy(explained - spatial, n_fft),
                    _energy(explained, n_fft) / _energy(artifacts, n_fft),
                ]
            )
    return values


def _energy(spectrum: np.ndarray, n_fft: int) -> np.ndarray:
    """Sum the squares of real signals over samples and channels by Parseval's theorem.

    Shape:
        - spectrum: (S, C, F), by ``rfft``.
        - output: (S,).
    """
    density = np.sum(np.abs(spectrum) ** 2, axis=1)  # (S, F)
    once = density[:, 0] + (density[:, -1] if n_fft % 2 == 0 else 0)
    return (2 * np.sum(density, axis=1) - once) / n_fft


def _fast_length(length: int) -> int:
    """Return the least length from this one on that has no prime factor above 7."""
    while True:
        rest = length
        for factor in (2, 3, 5, 7):
            while rest % factor == 0:
                rest //= factor
        if rest == 1:
            return length
        length += 1


def _is_silent(signal: np.ndarray) -> bool:
    """Whether BSS Eval calls a signal (C, N) silent: its channels cancel everywhere."""
    return not any(
        np.any(np.sum(signal[:, start : start + SILENCE_BLOCK], axis=0, dtype=np.float64))
        for start in range(0, signal.shape[1], SILENCE_BLOCK)
    )


def _score(targets: Signals, estimates: Signals, sample_rate: int) -> Scores:
    windows = bss_eval_v4(
        list(targets.values()),
        [estimates[name] for name in targets],
        sample_rate=sample_rate,
    )
    return {
        f"bsseval_{kind}": {
            name: median_over_windows(row)
            for name, row in zip(targets, getattr(windows, kind), strict=True)
        }
        for kind in ("sdr", "sir", "sar", "isr")
    }


# Files written before the protocol had one name call it museval, after the reference package.
BSSEVAL = PROTOCOLS.add(
    "bsseval",
    Protocol(
        name="bsseval",
        title="BSS Eval v4",
        definition=(
            "windows of one second without overlap, median over windows, then median over tracks; "
            "the numbers are those of the museval package"
        ),
        track_statistic="median",
        quantities=(
            Quantity(name="bsseval_sdr", label="SDR"),
            Quantity(name="bsseval_sir", label="SIR"),
            Quantity(name="bsseval_sar", label="SAR"),
            Quantity(name="bsseval_isr", label="ISR"),
        ),
        score=_score,
        version="2",
    ),
    aliases=("museval",),
)
