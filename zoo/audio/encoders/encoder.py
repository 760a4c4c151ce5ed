"""What every encoder is: it takes tracks block by block and finishes one file.

C: channels, n: samples of a block
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from zoo.audio.tags import Tags

__all__ = ["Encoder", "Encoding", "Tracks"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tracks:
    """What a file is to hold.

    Attributes:
        names: One of each track; most formats hold a single one and no name.
        sample_rate: In Hz.
        num_channels: Of each track, 1 or 2.
        num_samples: How many are expected, if known.
        tags: Of the file.
    """

    names: tuple[str, ...] = ("",)
    sample_rate: int
    num_channels: int
    num_samples: int | None = None
    tags: Tags = field(default_factory=Tags)


class Encoder(Protocol):
    """Writes one file. What it raises besides ``AudioError`` is an ``OSError``."""

    def write(self, blocks: Sequence[np.ndarray]) -> None:
        """Append a block (C, n) float32 to every track."""
        ...

    def finish(self) -> int:
        """Complete the file, and return how many samples it holds."""
        ...

    def abort(self) -> None:
        """Release what is held, whatever the file looks like. May follow ``finish``."""
        ...


class Encoding(Protocol):
    """One way to encode; the data of a format."""

    def open(self, path: Path, tracks: Tracks) -> Encoder:
        """Create a file."""
        ...
