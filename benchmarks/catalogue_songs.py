"""What benchmarks of catalogues share: songs, and networks that cost next to nothing."""

import dataclasses
import functools
import os
import threading
from pathlib import Path

import numpy as np
import soundfile
import torch
from torch import nn

import zoo

ROOT = Path(__file__).resolve().parents[1]
SONG = ROOT / "zoo" / "examples" / "demo_song" / "mixture.ogg"


class Gain(nn.Module):
    """Every source is the mixture times a quarter."""

    def __init__(self, *, sample_rate: int, channels: int) -> None:
        super().__init__()
        spec = zoo.load_spec("lightsaft_tfctdf_tiny")
        self.spec = dataclasses.replace(
            spec, name="gain", sample_rate=sample_rate, channels=channels
        )

    def forward(self, mixture: torch.Tensor, *, sources: list[str]) -> torch.Tensor:
        """Return (B, S, C, N)."""
        return torch.stack([0.25 * mixture] * len(sources), dim=1)


def make_cheap(sample_rate: int, channels: int) -> zoo.Separator:
    """Return a separator that costs next to nothing, for what surrounds the network."""
    return zoo.Separator(Gain(sample_rate=sample_rate, channels=channels), device="cpu")


def cheap_separator(*, sample_rate: int, channels: int) -> functools.partial[zoo.Separator]:
    """Return what makes such a separator in a worker."""
    return functools.partial(make_cheap, sample_rate, channels)


def cut_songs(folder: Path, *, number: int, seconds: float) -> None:
    """Write excerpts of the demo song, each from another place, as FLAC."""
    folder.mkdir(parents=True, exist_ok=True)
    samples, rate = soundfile.read(SONG, dtype="float32")
    length = min(round(seconds * rate), len(samples))
    for index in range(number):
        start = index * (len(samples) - length) // max(1, number - 1)
        soundfile.write(folder / f"{index:03}.flac", samples[start : start + length], rate)


def write_noises(
    folder: Path, *, number: int, seconds: float, sample_rate: int, broken: frozenset[int]
) -> None:
    """Write songs of noise, mono, a thousand a folder; broken ones are cut off."""
    noise = np.random.default_rng(0).normal(0, 0.1, round(seconds * sample_rate) + number)
    for index in range(number):
        path = folder / f"{index // 1000:04}" / f"{index:07}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = noise[index : index + round(seconds * sample_rate)].astype(np.float32)
        soundfile.write(path, samples, sample_rate, subtype="FLOAT")
        if index in broken:
            os.truncate(path, path.stat().st_size // 2)


class PeakMemory:
    """Watches the resident memory of processes; a context manager.

    Args:
        processes: Returns the ids of the processes to watch, whose memory is summed.
    """

    def __init__(self, processes) -> None:
        self._processes = processes
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.peak = 0

    def __enter__(self) -> "PeakMemory":
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._is_over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._is_over.wait(0.5):
            self.peak = max(self.peak, sum(map(resident_bytes, self._processes())))


def resident_bytes(process: int) -> int:
    """Return the resident memory of a process; 0 once it has ended."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
