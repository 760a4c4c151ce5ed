"""The picture of a model card: spectrograms of an example and of what the network made of it."""

import io
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from zoo.networks.network import SeparationNetwork

__all__ = ["draw_spectrograms", "example_mixture", "render_picture"]

EXAMPLE_START_SECONDS = 8.0
EXAMPLE_SECONDS = 6.0
NUM_FFT = 1024
FLOOR_DB = -80.0
TOP_HERTZ = 11025.0


def example_mixture(*, sample_rate: int, channels: int) -> Tensor:
    """Read some seconds of the packaged example song, (1, C, N), as a network wants them.

    Args:
        sample_rate: In Hz.
        channels: C; more than the song has are copies of its mean.
    """
    import soundfile
    import soxr

    path = Path(str(resources.files("zoo"))) / "examples" / "demo_song" / "mixture.ogg"
    with soundfile.SoundFile(path) as file:
        file.seek(int(EXAMPLE_START_SECONDS * file.samplerate))
        samples = file.read(int(EXAMPLE_SECONDS * file.samplerate), dtype="float32", always_2d=True)
        rate = file.samplerate
    if rate != sample_rate:
        samples = soxr.resample(samples, rate, sample_rate)
    if samples.shape[1] != channels:
        samples = np.repeat(samples.mean(axis=1, keepdims=True), channels, axis=1)
    return torch.from_numpy(np.ascontiguousarray(samples.T))[None]  # (1, C, N)


def render_picture(network: "SeparationNetwork") -> bytes:
    """Separate the example with a network and draw mixture and estimates as a PNG."""
    spec = network.spec
    device = next(network.parameters()).device
    mixture = example_mixture(sample_rate=spec.sample_rate, channels=spec.channels)
    training = network.training
    try:
        with torch.no_grad():
            estimates = network.eval()(mixture.to(device))[0].cpu()  # (S, C, N)
    finally:
        network.train(training)
    signals = {"mixture": mixture[0], **dict(zip(spec.sources, estimates, strict=True))}
    return draw_spectrograms(signals, sample_rate=spec.sample_rate)


def draw_spectrograms(signals: dict[str, Tensor], *, sample_rate: int) -> bytes:
    """Draw one spectrogram a signal, all on one scale in dB, as a PNG.

    Args:
        signals: Title to waveform (C, N).
        sample_rate: In Hz.
    """
    # Figure, not pyplot: pyplot keeps every figure alive and is not thread-safe.
    from matplotlib.figure import Figure

    pictures = {title: _decibels(signal) for title, signal in signals.items()}
    top = max(float(picture.max()) for picture in pictures.values())
    figure = Figure(figsize=(2.6 * len(signals), 3.0), layout="constrained")
    axes = figure.subplots(1, len(signals), sharey=True, squeeze=False)[0]
    for axis, (title, picture) in zip(axes, pictures.items(), strict=True):
        seconds = next(iter(signals.values())).shape[-1] / sample_rate
        axis.imshow(
            picture,
            origin="lower",
            aspect="auto",
            extent=(0.0, seconds, 0.0, sample_rate / 2000),
            vmin=top + FLOOR_DB,
            vmax=top,
            cmap="magma",
        )
        axis.set_ylim(0.0, min(TOP_HERTZ, sample_rate / 2) / 1000)
        axis.set_title(title)
        axis.set_xlabel("s")
    axes[0].set_ylabel("kHz")
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=100, metadata={"Software": None})
    return out.getvalue()


def _decibels(signal: Tensor) -> np.ndarray:
    """Waveform (C, N) -> levels in dB, (bins, frames)."""
    mono = signal.mean(dim=0)
    if mono.shape[0] < NUM_FFT:
        mono = torch.nn.functional.pad(mono, (0, NUM_FFT - mono.shape[0]))
    spectrum = torch.stft(
        mono, NUM_FFT, window=torch.hann_window(NUM_FFT), return_complex=True
    ).abs()
    return (20 * torch.log10(spectrum.clamp_min(1e-6))).numpy()
