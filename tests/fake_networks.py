"""Small networks whose output is known, for the tests of the separation engine."""

import dataclasses
import threading

import torch
import torch.nn.functional as F
from torch import nn

import zoo

TINY = zoo.load_spec("lightsaft_tfctdf_tiny")


class Gains(nn.Module):
    """Every source is the mixture times its gain."""

    def __init__(self, gains=None, *, channels=2, sample_rate=44100):
        super().__init__()
        gains = {"vocals": 0.5, "drums": 0.25, "bass": 0.125, "other": 0.125} | (gains or {})
        self.gains = gains
        self.spec = dataclasses.replace(
            TINY, name="gains", channels=channels, sample_rate=sample_rate
        )
        self.shapes = []

    def forward(self, mixture, *, sources):
        self.shapes.append(tuple(mixture.shape))
        return torch.stack([self.gains[name] * mixture for name in sources], dim=1)


class Smoothing(Gains):
    """Every source is the mixture, smoothed over a number of samples, plus an offset."""

    def __init__(self, reach=60, **options):
        super().__init__(**options)
        self.register_buffer("taps", torch.hann_window(2 * reach + 1)[None, None])
        self.taps /= self.taps.sum()

    def forward(self, mixture, *, sources):
        flat = mixture.reshape(-1, 1, mixture.shape[-1])
        smooth = F.conv1d(flat, self.taps, padding=self.taps.shape[-1] // 2) + 0.01
        return super().forward(smooth.reshape(mixture.shape), sources=sources)


class OutOfMemory(Gains):
    """Runs out of memory on more than a number of chunks at once."""

    def __init__(self, most):
        super().__init__()
        self.most = most

    def forward(self, mixture, *, sources):
        estimates = super().forward(mixture, sources=sources)
        if mixture.shape[0] > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return estimates


class OneAtATime(Gains):
    """Fails when two threads are inside."""

    def __init__(self):
        super().__init__()
        self.is_busy = False

    def __deepcopy__(self, memo):
        return OneAtATime()

    def forward(self, mixture, *, sources):
        assert not self.is_busy, "two threads at once"
        self.is_busy = True
        threading.Event().wait(0.005)
        self.is_busy = False
        return super().forward(mixture, sources=sources)


def randomise(network):
    """Give the normalisations statistics, so that no layer is the identity, and set eval mode."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return network.eval()
