"""STFT with complex numbers as channels, and the stacking of sub-bands as channels.

Shapes: see the legend in ``blocks.stage``.
"""

import torch
from torch import Tensor, nn

from blocks.layers import check_positive


class STFT(nn.Module):
    """Short-time Fourier transform of all audio channels, complex parts as channels.

    Periodic Hann window of ``n_fft`` samples, centred frames, reflected edges, not normalised. The
    channels are the real parts of all audio channels, then their imaginary parts.

    Args:
        n_fft: Samples a frame; F = n_fft / 2 + 1.
        hop_length: Samples between frames.

    Shape:
        (B, C, N) -> (B, 2 C, T, F) with T = 1 + N // hop_length; ``inverse`` goes back.

    Raises:
        ValueError: For sizes out of range.

    Example:
        >>> stft = STFT(n_fft=2048, hop_length=1024)
        >>> tone = torch.sin(2 * torch.pi * 64 / 2048 * torch.arange(4096)).repeat(1, 2, 1)
        >>> spectrum = stft(tone)
        >>> spectrum.shape
        torch.Size([1, 4, 5, 1025])
        >>> int(spectrum[0, 2, 2].abs().argmax())
        64
        >>> bool(torch.allclose(stft.inverse(spectrum, num_samples=4096), tone, atol=1e-5))
        True
    """

    window: Tensor

    def __init__(self, *, n_fft: int, hop_length: int) -> None:
        super().__init__()
        check_positive(n_fft=n_fft, hop_length=hop_length)
        if n_fft % 2 or hop_length > n_fft // 2:
            raise ValueError(
                f"n_fft must be even and at least twice hop_length, got {n_fft} and {hop_length}"
            )
        self.n_fft = n_fft
        self.hop_length = hop_length
        # Made anew by every instance, so it need not travel with the weights.
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """Transform (B, C, N), N > n_fft / 2, to (B, 2 C, T, F)."""
        batch, channels, num_samples = waveform.shape
        spectrum = torch.stft(
            waveform.reshape(batch * channels, num_samples),
            n_fft=self.n_fft,
            hop_length=self.hop_length,
            window=self.window,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )  # (B * C, F, T)
        parts = torch.view_as_real(spectrum).unflatten(0, (batch, channels))  # (B, C, F, T, 2)
        return parts.permute(0, 4, 1, 3, 2).reshape(
            batch, 2 * channels, spectrum.shape[-1], spectrum.shape[-2]
        )

    def inverse(self, spectrogram: Tensor, *, num_samples: int) -> Tensor:
        """Transform (B, 2 C, T, F) back to (B, C, num_samples).

        Griffin and Lim, "Signal estimation from modified short-time Fourier transform", 1984,
        equation 6: windowed frames are added up and divided by the sum of the squared windows.
        Bins that are left out at the upper end of F are zero, and cost nothing.
        """
        parts = spectrogram.float().unflatten(1, (2, -1))  # (B, 2, C, T, F)
        # One item at a time: frames of a whole batch would not fit the processor's caches.
        waveforms = [
            self._overlap_add(torch.fft.irfft(torch.complex(*item), n=self.n_fft) * self.window)
            for item in parts
        ]
        weights = self._overlap_add(self.window.square().expand(spectrogram.shape[2], -1))
        start = self.n_fft // 2
        weights = weights[start : start + num_samples]
        waveform = torch.stack(waveforms)[..., start : start + num_samples] / weights
        missing = num_samples - waveform.shape[-1]
        return nn.functional.pad(waveform, (0, missing)) if missing else waveform

    def _overlap_add(self, frames: Tensor) -> Tensor:
        """Add up frames that are a hop apart: (..., T, n_fft) -> (..., (T - 1) hop + n_fft)."""
        hops = -(-self.n_fft // self.hop_length)
        missing = hops * self.hop_length - self.n_fft
        pieces = nn.functional.pad(frames, (0, missing)) if missing else frames
        pieces = pieces.unflatten(-1, (hops, self.hop_length))  # (..., T, hops, hop)
        num_frames = frames.shape[-2]
        total = frames.new_zeros((*frames.shape[:-2], num_frames + hops - 1, self.hop_length))
        for place in range(hops):
            total[..., place : place + num_frames, :] += pieces[..., place, :]
        # What is left is behind the last window, where there is nothing to divide by.
        return total.flatten(-2)[..., : (num_frames - 1) * self.hop_length + self.n_fft]


def stack_subbands(spectrogram: Tensor, num_subbands: int) -> Tensor:
    """Cut the frequency axis into equal bands and stack them as channels.

    Shape:
        (B, H, T, F) -> (B, num_subbands * H, T, F / num_subbands), the band varying slowest

    Raises:
        ValueError: If F is no multiple of ``num_subbands``.
    """
    batch, channels, frames, bins = spectrogram.shape
    if bins % num_subbands:
        raise ValueError(f"{bins} bins cannot be cut into {num_subbands} equal sub-bands")
    bands = spectrogram.view(batch, channels, frames, num_subbands, bins // num_subbands)
    return bands.permute(0, 3, 1, 2, 4).reshape(
        batch, num_subbands * channels, frames, bins // num_subbands
    )


def unstack_subbands(stacked: Tensor, num_subbands: int) -> Tensor:
    """Undo ``stack_subbands``.

    Shape:
        (B, num_subbands * H, T, F / num_subbands) -> (B, H, T, F)
    """
    batch, stacked_channels, frames, bins = stacked.shape
    bands = stacked.view(batch, num_subbands, stacked_channels // num_subbands, frames, bins)
    return bands.permute(0, 2, 3, 1, 4).reshape(
        batch, stacked_channels // num_subbands, frames, num_subbands * bins
    )


def complex_product(a: Tensor, b: Tensor) -> Tensor:
    """Multiply two complex tensors whose parts are channels: all real parts, then all imaginary.

    Shape:
        (B, 2 C, T, F), (B, 2 C, T, F) -> (B, 2 C, T, F)
    """
    a_real, a_imag = a.chunk(2, dim=1)
    b_real, b_imag = b.chunk(2, dim=1)
    return torch.cat((a_real * b_real - a_imag * b_imag, a_real * b_imag + a_imag * b_real), dim=1)
