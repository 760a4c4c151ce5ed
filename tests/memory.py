"""Processes of their own for what is measured, and how much memory a function takes in one."""

import multiprocessing
import tracemalloc
from collections.abc import Callable

# Forks of a server in which nothing runs: what the threads of other tests do is not in them.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["zoo", "zoo.weights.checkpoints", "zoo.ui.songs", "zoo.audio.spectrogram_figure"]
)


def measure(work: Callable[..., object], arguments: tuple, peaks):
    work(*arguments)  # what is imported and made once is not counted
    tracemalloc.start()
    work(*arguments)
    peaks.send(tracemalloc.get_traced_memory()[1])


def peak_bytes(work: Callable[..., object], *arguments: object) -> int:
    """Return the peak of what a function of a module allocates, in a process of its own."""
    receiver, sender = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=measure, args=(work, arguments, sender))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    finally:
        process.join()
