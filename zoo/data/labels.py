"""Labels: a teacher's estimates of sources that nobody has apart, and how certain it was of them.

Beside the file of a sum lie ``SOURCE.label.wav`` for each of its sources and ``certainty.json``.
Only training reads them (:mod:`zoo.training.partial_truth`); nothing is ever scored against them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from zoo.errors import AudioError
from zoo.records.bounds import Above, Range
from zoo.records.files import write_whole
from zoo.records.json_text import read_json
from zoo.records.reading import Reader, to_plain

__all__ = ["CERTAINTY_FILE", "Certainty", "label_path", "read_certainty", "write_certainty"]

CERTAINTY_FILE = "certainty.json"
LABEL_SUFFIX = ".label.wav"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certainty:
    """How certain a teacher was, step by step.

    Args:
        teacher: Its name, for people.
        step_seconds: How long a step is, s.
        sources: By source, a number for each step: 0 counts nothing, 1 as much as the truth.
    """

    teacher: str
    step_seconds: Annotated[float, Above(0)] = 1.0
    sources: Mapping[str, tuple[Annotated[float, Range(0.0, 1.0)], ...]]

    def mean(self, source: str, start: float, end: float) -> float:
        """Return the mean from ``start`` to ``end``, s; 0 where the labels have ended."""
        first = int(start / self.step_seconds)
        last = max(first + 1, round(end / self.step_seconds))
        steps = self.sources[source][first:last]
        return sum(steps) / len(steps) if steps else 0.0


def label_path(folder: Path, source: str) -> Path:
    """Return where the label of a source is."""
    return folder / f"{source}{LABEL_SUFFIX}"


def read_certainty(folder: Path) -> Certainty | None:
    """Read what is said of the labels in a folder; None if it has none.

    Raises:
        AudioError: If it cannot be read, or a label that it speaks of is not there.
    """
    path = folder / CERTAINTY_FILE
    try:
        plain = read_json(path, error=AudioError)
    except FileNotFoundError:
        return None
    found = Reader(error=AudioError, origin=str(path)).record(Certainty, plain)
    for source in found.sources:
        if not label_path(folder, source).is_file():
            raise AudioError(f"{path}: there is no {label_path(folder, source).name} beside it")
    return found


def write_certainty(folder: Path, certainty: Certainty) -> None:
    """Write what is said of the labels in a folder; last, since it is what makes them count."""
    write_whole(folder / CERTAINTY_FILE, json.dumps(to_plain(certainty)) + "\n")
