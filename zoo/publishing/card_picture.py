"""The picture of a model card: spectrograms of an example and of what the network made of it."""

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from zoo.audio.spectrogram_figure import draw_spectrograms, render_figure

if TYPE_CHECKING:
    from zoo.networks.network import SeparationNetwork

__all__ = ["example_mixture", "render_picture"]

EXAMPLE_START_SECONDS = 8.0
EXAMPLE_SECONDS = 6.0
RANGE_DB = 80.0


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
    panels = {title: signal.numpy() for title, signal in signals.items()}
    return render_figure(
        draw_spectrograms(panels, sample_rate=spec.sample_rate, scale="log", range_db=RANGE_DB)
    )
