"""Peak memory of separating a file to files, each in a process of its own."""

import multiprocessing
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import soundfile

from zoo.benchmarking.measuring import make_song
from zoo.plugins import load_plugins, named_plugins

__all__ = ["measure_peak_memory"]

SAMPLE_RATE = 44100
LOOP_SECONDS = 10


def measure_peak_memory(
    model: str, *, seconds: float, sources: Sequence[str] | None = None, backend: str = "auto"
) -> int:
    """Separate a generated file and return the peak of the process's resident memory in bytes.

    Args:
        model: Name of a spec; its weights are random.
        seconds: Length of the file.
        sources: The sources wanted, None for all.
        backend: As for :class:`zoo.Separator`.
    """
    with tempfile.TemporaryDirectory(prefix="lightsaft-") as folder:
        song = Path(folder) / "song.wav"
        _write_long_song(song, seconds)
        # A fresh interpreter: a forked one would count what this one holds.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(
            max_workers=1,
            mp_context=context,
            initializer=load_plugins,
            initargs=(named_plugins(),),
        )
        with pool:
            return pool.submit(_separate, model, song, sources, backend).result()


def _write_long_song(path: Path, seconds: float) -> None:
    """Write a song of any length in flat memory: ten seconds, over and over."""
    loop = (make_song(LOOP_SECONDS).T * 2**15).astype(np.int16)
    missing = round(seconds * SAMPLE_RATE)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 2, "PCM_16") as file:
        while missing > 0:
            file.write(loop[:missing])
            missing -= len(loop)


def _separate(model: str, song: Path, sources: Sequence[str] | None, backend: str) -> int:
    import resource

    from zoo.audio import find_format
    from zoo.separation.files import separate_file
    from zoo.separation.job import SeparationJob
    from zoo.separation.separator import Separator

    separator = Separator(model, weights="random", device="cpu", backend=backend)
    job = SeparationJob(separator=separator, audio_format=find_format("wav"), sources=sources)
    separate_file(job, song, song.parent / "stems")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
