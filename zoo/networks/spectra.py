"""What surrounds the U-Net of a network: padding, transform, sub-bands, masks, and back.

Shapes: see the legend in ``blocks.stage``; P are the parts that a U-Net puts out (2 C, or 3 C where
``estimate`` is ``mapping_and_mask``), K the sub-bands, F the bins that there are estimates of.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from blocks import STFT, complex_product, stack_subbands, unstack_subbands
from blocks.condition import expand_batch
from zoo.specs.spec import Spec

__all__ = ["analyse", "enter_unet", "leave_unet", "num_bins", "padded_length", "synthesise"]


def num_bins(spec: Spec) -> int:
    """Return the number of the lowest frequency bins that there are estimates of."""
    return spec.stft.n_fft // 2 + 1 if spec.sees_all_bins else spec.stft.kept_bins


def padded_length(spec: Spec, num_samples: int) -> int:
    """Return the least length from ``num_samples`` up whose spectrogram has fitting frames.

    Frames must be a multiple of 2**depth, and samples more than half a frame for the reflected
    edges.
    """
    hop, multiple = spec.stft.hop_length, spec.frame_multiple
    # Windows that overlap by three quarters and more reach samples behind the last centre.
    is_enough = num_samples > spec.stft.n_fft // 2 and 4 * hop <= spec.stft.n_fft
    if is_enough and (1 + num_samples // hop) % multiple == 0:
        return num_samples
    needed = max(num_samples, spec.stft.n_fft // 2 + 1)
    frames = -(-needed // hop) + 1
    return (-(-frames // multiple) * multiple - 1) * hop


def analyse(stft: STFT, spec: Spec, mixture: Tensor) -> Tensor:
    """Pad a mixture with zeros to fitting frames and transform it.

    Shape:
        (B, C, N) -> (B, 2 C, T, F)
    """
    num_samples = mixture.shape[-1]
    padded = F.pad(mixture, (0, padded_length(spec, num_samples) - num_samples))
    return stft(padded)[..., : num_bins(spec)]


def synthesise(
    stft: STFT, spec: Spec, estimate: Tensor, *, num_conditions: int, num_samples: int
) -> Tensor:
    """Transform estimates back; bins that there are no estimates of are zero.

    Shape:
        (B * Q, 2 C, T, F) -> (B, Q, C, N)
    """
    waveform = stft.inverse(estimate, num_samples=padded_length(spec, num_samples))
    return waveform[..., :num_samples].unflatten(0, (-1, num_conditions))


def enter_unet(spec: Spec, spectrogram: Tensor) -> Tensor:
    """Bring a spectrogram into the form that the U-Net sees: (B, 2 C, T, F) -> (B, K * 2 C, ...).

    Where the U-Net sees all bins, that is the spectrogram itself.
    """
    if spec.sees_all_bins:
        return spectrogram
    return stack_subbands(spectrogram, spec.unet.num_subbands)


def leave_unet(spec: Spec, estimate: Tensor, spectrogram: Tensor) -> Tensor:
    """Turn what the U-Net puts out into spectrograms of the sources.

    Args:
        spec: The network.
        estimate: The U-Net's output.
        spectrogram: The mixture's, which a mask is for.

    Shape:
        (B * Q, K * P, T, F / K), (B or B * Q, 2 C, T, F) -> (B * Q, 2 C, T, F)
    """
    if not spec.sees_all_bins:
        estimate = unstack_subbands(estimate, spec.unet.num_subbands)
    if spec.estimate == "mapping":
        return estimate
    mixture = expand_batch(spectrogram, estimate.shape[0])
    if spec.estimate == "masking":
        return complex_product(estimate, mixture)
    parts = mixture.shape[1]
    mapped, seen = (each.unflatten(1, (2, -1)) for each in (estimate[:, :parts], mixture))
    mask = estimate[:, None, parts:]  # (B * Q, 1, C, T, F), for real and imaginary parts alike
    return torch.addcmul(mapped, mask, seen).flatten(1, 2)
