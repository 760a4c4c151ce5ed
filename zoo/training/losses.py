"""Losses by name.

Each gives the loss of every source asked for, (B, Q), so that a recipe can weigh the sources.

Shape legend: B mixtures, Q conditions a mixture, C audio channels, N samples. Estimates and targets
are (B, Q, C, N) waveforms, the mixture is (B, C, N).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from blocks.registry import Registry

LOSSES: Registry["Loss"] = Registry("loss")
SMALLEST_LEVEL = 1e-3
RESOLUTIONS = (512, 1024, 2048, 4096)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossInput:
    """What a loss sees.

    Args:
        estimates: Estimated sources (B, Q, C, N).
        targets: True sources (B, Q, C, N).
        mixture: What was separated (B, C, N).
        n_fft: The network's own STFT size, samples.
        hop_length: The network's own hop, samples.
    """

    estimates: Tensor
    targets: Tensor
    mixture: Tensor
    n_fft: int
    hop_length: int


Loss = Callable[[LossInput], Tensor]


@LOSSES.register("spec_mse")
def spec_mse(data: LossInput) -> Tensor:
    """Mean squared error of the complex spectrogram, the loss of the papers.

    Measured on the spectrogram of the estimated waveform; the papers measure it on the network's
    output, which need not be a spectrogram that a waveform can have.
    """
    difference = data.estimates - data.targets
    spectrum = _stft(difference.flatten(0, 2), n_fft=data.n_fft, hop_length=data.hop_length)
    # The mean over real and imaginary parts, as over the channels of the network's output.
    squares = torch.view_as_real(spectrum).square().flatten(1).mean(dim=1)  # (B Q C)
    return squares.unflatten(0, difference.shape[:3]).mean(dim=2)


@LOSSES.register("l1_wave")
def l1_wave(data: LossInput) -> Tensor:
    """Mean absolute error of the waveform."""
    return (data.estimates - data.targets).abs().mean(dim=(2, 3))


@LOSSES.register("normalised_l1_wave")
def normalised_l1_wave(data: LossInput) -> Tensor:
    """Mean absolute error of the waveform over the mixture's mean magnitude, mixture by mixture.

    A quiet song counts as much as a loud one.
    """
    errors = (data.estimates - data.targets).abs().mean(dim=(2, 3))  # (B, Q)
    levels = data.mixture.abs().mean(dim=(1, 2)).clamp(min=SMALLEST_LEVEL)  # (B,)
    return errors / levels[:, None]


@LOSSES.register("normalised_rms_wave")
def normalised_rms_wave(data: LossInput) -> Tensor:
    """Root mean square error of each source's waveform over that of the mixture.

    SDR is a ratio of energies, so this rewards what SDR rewards; the L1 norm asks for the median
    of what a sound may be, which is quieter than its mean where the network is in doubt.
    """
    errors = (data.estimates - data.targets).square().mean(dim=(2, 3))  # (B, Q)
    levels = data.mixture.square().mean(dim=(1, 2)).clamp(min=SMALLEST_LEVEL**2)  # (B,)
    return (errors / levels[:, None] + 1e-8).sqrt()


@LOSSES.register("multi_resolution_stft")
def multi_resolution_stft(data: LossInput) -> Tensor:
    """Spectral convergence plus log magnitude error, the mean over resolutions that fit.

    Yamamoto et al., "Parallel WaveGAN", ICASSP 2020, equations 3 to 6; the mixture's level takes
    the place of the target's in the first term, because a source may be silent.
    """
    shape = data.estimates.shape[:3]
    estimates, targets = data.estimates.flatten(0, 2), data.targets.flatten(0, 2)
    mixture = data.mixture.flatten(0, 1)
    floor, total = 1e-4, estimates.new_zeros(shape[:2])
    resolutions = [n_fft for n_fft in RESOLUTIONS if n_fft // 2 < mixture.shape[-1]]
    for n_fft in resolutions:
        magnitudes = [
            _stft(signal, n_fft=n_fft, hop_length=n_fft // 4).abs()
            for signal in (estimates, targets, mixture)
        ]
        estimated, true, mixed = magnitudes  # (B Q C, F, T) twice, (B C, F, T)
        levels = mixed.unflatten(0, (shape[0], -1)).square().mean(dim=(1, 2, 3)).sqrt()
        errors = (estimated - true).square().unflatten(0, shape).mean(dim=(2, 3, 4))
        total = total + errors.add(1e-12).sqrt() / levels.clamp(min=SMALLEST_LEVEL)[:, None]
        ratios = ((estimated + floor).log() - (true + floor).log()).abs()
        total = total + ratios.unflatten(0, shape).mean(dim=(2, 3, 4))
    return total / len(resolutions)


@LOSSES.register("sdr")
def sdr(data: LossInput) -> Tensor:
    """Minus the SDR in dB, bounded at 30 dB and defined for silence.

    The mixture's energy, 30 dB down, is added to both energies: a source that is silent asks for
    an estimate under that level and for nothing more.
    """
    energy = data.targets.square().sum(dim=(2, 3))  # (B, Q)
    error = (data.estimates - data.targets).square().sum(dim=(2, 3))
    floor = 1e-3 * data.mixture.square().sum(dim=(1, 2))[:, None] + 1e-7
    return 10 * torch.log10((error + floor) / (energy + floor))


def _stft(signals: Tensor, *, n_fft: int, hop_length: int) -> Tensor:
    """Transform (B, N) to (B, F, T) complex; periodic Hann window, centred, reflected edges."""
    return torch.stft(
        signals.float(),
        n_fft=n_fft,
        hop_length=hop_length,
        window=torch.hann_window(n_fft, device=signals.device),
        return_complex=True,
    )
