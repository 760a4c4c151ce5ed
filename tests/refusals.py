"""How hostile files are read in tests: in a process of their own, measured, and killed if need be.

A file that is refused costs less than twice its size in memory, and ends.
"""

import re
import resource
import time
from collections.abc import Callable
from pathlib import Path

from memory import FORKS
from waiting import PATIENCE

from zoo.errors import WeightsError
from zoo.weights.checkpoints import read_checkpoint

SECONDS = 30  # of the processor, which are about the same on a machine that is busy otherwise
MEGABYTES = 64


def measure(action: Callable[[Path], object], path: Path, results):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    try:
        action(path)
        outcome = "accepted"
    except WeightsError as error:
        outcome = str(error)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    results.send((outcome, grown * 1024, time.process_time() - started))


def assert_refused(path: Path, message: str, *, action: Callable[[Path], object] = read_checkpoint):
    """The action ends with a WeightsError of this message, within the bounds of time and memory."""
    receiver, sender = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=measure, args=(action, path, sender))
    process.start()
    sender.close()
    try:
        assert receiver.poll(PATIENCE), f"{path.name} takes longer than {PATIENCE} s"
        outcome, grown, seconds = receiver.recv()
    finally:
        process.kill()
        process.join()
    assert re.search(message, outcome), outcome
    assert len(outcome) < 1000
    assert seconds < SECONDS, f"{path.name} takes {seconds} s of the processor"
    assert grown < 2 * path.stat().st_size + (MEGABYTES << 20), f"{path.name}: {grown} bytes"
