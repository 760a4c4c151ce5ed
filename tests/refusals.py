"""How hostile files are read in tests: in a process of their own, measured, and killed if need be.

A file that is refused costs less than twice its size in memory, and ends.
"""

import multiprocessing
import re
import resource
from collections.abc import Callable
from pathlib import Path

from zoo.errors import WeightsError
from zoo.weights.checkpoints import read_checkpoint

SECONDS = 30  # only a hang takes longer, on a machine that is busy with other things too
MEGABYTES = 64
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["zoo", "zoo.weights.checkpoints"])


def measure(action: Callable[[Path], object], path: Path, results):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        action(path)
        outcome = "accepted"
    except WeightsError as error:
        outcome = str(error)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    results.send((outcome, grown * 1024))


def assert_refused(path: Path, message: str, *, action: Callable[[Path], object] = read_checkpoint):
    """The action ends with a WeightsError of this message, within the bounds of time and memory."""
    receiver, sender = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=measure, args=(action, path, sender))
    process.start()
    sender.close()
    try:
        assert receiver.poll(SECONDS), f"{path.name} takes longer than {SECONDS} s"
        outcome, grown = receiver.recv()
    finally:
        process.kill()
        process.join()
    assert re.search(message, outcome), outcome
    assert len(outcome) < 1000
    assert grown < 2 * path.stat().st_size + (MEGABYTES << 20), f"{path.name}: {grown} bytes"
