"""Checkpoints of a run: all that a process needs to go on as if it had never stopped.

A checkpoint holds tensors and plain data only and is read with ``weights_only``, so that no file
can run code. It appears under its name in one step: a process killed while writing leaves the last
good one as it was.
"""

import pickle
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from zoo.records.files import open_whole, remove_stale_partials
from zoo.training.errors import TrainingError

PREFIX = "step_"
STATE_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "format": int,
    "spec": dict,
    "config": dict,
    "step": int,
    "best": float,
    "stale_validations": int,
    "seconds": float,
    "model": dict,
    "ema": dict,
    "optimizer": (dict, type(None)),
}
# What torch.load is known to raise for damaged files, beside its own errors.
READ_ERRORS = (
    *(ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError),
    *(OSError, RuntimeError, TypeError, ValueError, pickle.UnpicklingError, struct.error),
)


def checkpoint_path(directory: Path, step: int) -> Path:
    """Return where the checkpoint of a step is kept."""
    return directory / f"{PREFIX}{step:08d}.pt"


def list_checkpoints(directory: Path) -> list[Path]:
    """Return the checkpoints of a folder, the oldest first."""
    return sorted(directory.glob(f"{PREFIX}*.pt"))


def save_checkpoint(state: Mapping[str, Any], directory: Path, *, step: int, keep: int = 3) -> Path:
    """Write a checkpoint and remove all but the newest ones.

    Args:
        state: Tensors and plain data.
        directory: Where checkpoints are kept.
        step: Steps done.
        keep: How many stay.
    """
    directory.mkdir(parents=True, exist_ok=True)
    path = checkpoint_path(directory, step)
    remove_stale_partials(directory)
    with open_whole(path) as file:
        torch.save(dict(state), file)
    for old in list_checkpoints(directory)[:-keep]:
        old.unlink()
    return path


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint onto the CPU.

    Raises:
        TrainingError: If the file cannot be read, or holds something else.
    """
    advice = "remove it to resume from the one before"
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except READ_ERRORS as error:
        raise TrainingError(f"checkpoint {path} cannot be read: {error}; {advice}") from error
    if not isinstance(state, dict):
        raise TrainingError(
            f"checkpoint {path} cannot be read: it holds a {type(state).__name__}, expected the "
            f"state of a run; {advice}"
        )
    for key, kind in STATE_TYPES.items():
        if key not in state or not isinstance(state[key], kind):
            raise TrainingError(
                f"checkpoint {path} cannot be read: it lacks a valid {key!r}; {advice}"
            )
    return state


def latest_checkpoint(directory: Path) -> Path:
    """Return the newest checkpoint of a folder.

    Raises:
        TrainingError: If there is none.
    """
    checkpoints = list_checkpoints(directory)
    if not checkpoints:
        raise TrainingError(f"no checkpoint in {directory}; start the run anew with --output")
    return checkpoints[-1]
