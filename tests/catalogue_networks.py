"""Networks for the tests of catalogues, made in workers by name; files tell what they do."""

import functools
import os
import resource
import signal
import time
from pathlib import Path

from fake_networks import Gains

import zoo

PATIENCE = 600  # longer than a test waits before it opens the gate


class Watched(Gains):
    """Leaves a file for each chunk, and waits in a chunk until a gate of that name is there.

    Args:
        folder: For the files: ``chunk-PID-NUMBER``, and the gate.
        gate: Name of a file to wait for; None to wait for nothing.
        poison: A peak by which it knows the song that kills its process.
    """

    def __init__(self, folder, *, gate=None, poison=None):
        super().__init__()
        self.folder, self.gate, self.poison = Path(folder), gate, poison
        self.count = 0

    def forward(self, mixture, *, sources):
        self.count += 1
        (self.folder / f"chunk-{os.getpid()}-{self.count}").touch()
        if self.poison is not None and abs(mixture.abs().max().item() - self.poison) < 1e-3:
            os.kill(os.getpid(), signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE
        while self.gate and not (self.folder / self.gate).exists():
            assert time.monotonic() < deadline, "nobody opened the gate"
            time.sleep(0.02)
        return super().forward(mixture, sources=sources)


def make_watched(folder, gate=None, poison=None, most_bytes=None):
    if most_bytes is not None:
        # A disk that refuses: every write beyond so many bytes of a file fails.
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, resource.RLIM_INFINITY))
    return zoo.Separator(Watched(folder, gate=gate, poison=poison), device="cpu")


def watched(folder, **options):
    """Return what makes a separator whose network leaves its traces in a folder."""
    folder.mkdir(exist_ok=True)
    return functools.partial(make_watched, str(folder), **options)


def chunks(folder):
    return sorted(path.name for path in folder.glob("chunk-*"))


def processes(folder):
    return sorted({int(name.split("-")[1]) for name in chunks(folder)})
