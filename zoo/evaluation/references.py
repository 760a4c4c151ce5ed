"""References that need no model: what a separation must beat, and what a mask could reach at best.

Shape legend: C channels, N samples, S sources, F bins, T frames.
"""

import functools
from collections.abc import Mapping

import numpy as np
import torch

from zoo.evaluation.tracks import TrackAudio

SILENCE = "silence"
MIXTURE = "mixture"
BEST_GAIN = "best-gain mixture"
ORACLE_MASK = "oracle ratio mask"
REFERENCES: Mapping[str, str] = {
    SILENCE: "nothing at all as every estimate",
    MIXTURE: "the mixture as every estimate",
    BEST_GAIN: "the mixture times the one gain that fits each target best",
    ORACLE_MASK: "the mixture's spectrogram times each source's true share of magnitude",
}
ORACLE_N_FFT = 2048
ORACLE_OVERLAP = 4  # frames that a sample is in


def reference_estimates(name: str, audio: TrackAudio) -> dict[str, np.ndarray]:
    """Estimate every source of a track by a reference.

    Args:
        name: One of ``REFERENCES``.
        audio: The track; the references know the truth.

    Returns:
        An estimate (C, N) of each source.

    Raises:
        KeyError: If there is no such reference.
    """
    if name == SILENCE:
        return {source: np.zeros_like(audio.mixture) for source in audio.targets}
    if name == MIXTURE:
        return dict.fromkeys(audio.targets, audio.mixture)
    if name == BEST_GAIN:
        return {
            source: best_gain(audio.mixture, target) * audio.mixture
            for source, target in audio.targets.items()
        }
    if name == ORACLE_MASK:
        return oracle_ratio_mask(audio)
    raise KeyError(f"unknown reference {name!r}; known: {', '.join(REFERENCES)}")


def best_gain(mixture: np.ndarray, target: np.ndarray) -> float:
    """Fit the one gain that brings the mixture closest to a target in the least-squares sense.

    Args:
        mixture: What is scaled.
        target: The true source.

    Shape:
        - mixture, target: the same, (C, N).

    Returns:
        The linear gain, 0 for a silent mixture.

    Example:
        >>> best_gain(np.array([[2.0, 2.0]]), np.array([[1.0, 3.0]]))
        1.0
    """
    mixture, target = mixture.astype(np.float64), target.astype(np.float64)
    energy = np.sum(mixture**2)
    return float(np.sum(mixture * target) / energy) if energy > 0 else 0.0


def oracle_ratio_mask(audio: TrackAudio, *, n_fft: int = ORACLE_N_FFT) -> dict[str, np.ndarray]:
    """Separate by the true magnitudes: |S_i| / sum_j |S_j| of each bin, frame and channel.

    It bounds what a network that multiplies the mixture's spectrogram by such a mask could reach; a
    network that maps to the complex spectrogram has no such bound. What a given mixture holds
    beyond the sum of the sources counts as one more source.

    Args:
        audio: The track.
        n_fft: Samples a frame.

    Returns:
        An estimate (C, N) of each source.
    """
    parts = list(audio.every_source.values())
    residual = audio.mixture - functools.reduce(np.add, parts)
    if np.any(residual):
        parts.append(residual)
    estimates = {source: np.zeros_like(audio.mixture) for source in audio.targets}
    for channel, signal in enumerate(audio.mixture):  # a channel at a time: spectrograms are large
        spectrogram = _stft(signal, n_fft)  # (F, T)
        total = torch.full(spectrogram.shape, torch.finfo(torch.float32).tiny)
        for part in parts:
            total += _stft(part[channel], n_fft).abs()
        for source, target in audio.targets.items():
            masked = spectrogram * (_stft(target[channel], n_fft).abs() / total)
            estimates[source][channel] = _istft(masked, n_fft, num_samples=signal.shape[-1])
    return estimates


def _stft(signal: np.ndarray, n_fft: int) -> torch.Tensor:
    """Transform one channel (N,) to its complex spectrogram (F, T)."""
    return torch.stft(
        torch.from_numpy(np.ascontiguousarray(signal, dtype=np.float32)),
        n_fft,
        hop_length=n_fft // ORACLE_OVERLAP,
        window=torch.hann_window(n_fft),
        pad_mode="constant",  # unlike reflection it takes a signal of any length
        return_complex=True,
    )


def _istft(spectrogram: torch.Tensor, n_fft: int, *, num_samples: int) -> np.ndarray:
    """Transform a complex spectrogram (F, T) to one channel (N,)."""
    return torch.istft(
        spectrogram,
        n_fft,
        hop_length=n_fft // ORACLE_OVERLAP,
        window=torch.hann_window(n_fft),
        length=num_samples,
    ).numpy()
