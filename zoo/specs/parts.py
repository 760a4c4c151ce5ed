"""The parts of a spec beside its U-Net: transform, condition and low band. Each checks itself."""

import re
from dataclasses import dataclass
from typing import Annotated

from blocks.condition import GENERATORS
from zoo.errors import SpecError
from zoo.records.bounds import Matches, OneOf, Range
from zoo.records.reading import check_fields

NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")
Name = Annotated[str, Matches(NAME, "1 to 64 lower-case letters, digits and underscores")]


@dataclass(frozen=True, kw_only=True, slots=True)
class StftSpec:
    """The time-frequency representation.

    Attributes:
        n_fft: Samples a frame.
        hop_length: Samples between frames.
        num_bins: How many of the lowest frequency bins there are estimates of; those above are
            estimated as zero. None: all.
    """

    n_fft: Annotated[int, Range(16, 32768)]
    hop_length: int
    num_bins: int | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_fields(self, error=SpecError)
        check_range("hop_length", self.hop_length, 1, self.n_fft // 2)
        if self.n_fft % 2:
            raise SpecError(f"n_fft: must be even, got {self.n_fft}")
        if self.num_bins is not None:
            check_range("num_bins", self.num_bins, 1, self.n_fft // 2)

    def __str__(self) -> str:
        """Say it in a line, for people."""
        limit = "" if self.num_bins is None else f", lowest {self.num_bins} bins"
        return f"n_fft {self.n_fft}, hop_length {self.hop_length}{limit}"

    @property
    def kept_bins(self) -> int:
        """Bins that a network of sub-bands sees: ``num_bins``, or all but the Nyquist bin."""
        return self.num_bins or self.n_fft // 2


@dataclass(frozen=True, kw_only=True, slots=True)
class ConditionSpec:
    """How the source asked for reaches the network.

    Attributes:
        embed_dim: Width E of the embedding of a source.
        generator: ``per_stage`` or ``shared``: who makes the modulations' weights.
        num_layers: Widths in the dense part of a shared generator, doubling from E.
        dropout: Dropout in a shared generator.
    """

    embed_dim: Annotated[int, Range(1, 1024)]
    generator: Annotated[str, OneOf("generator", GENERATORS)] = "per_stage"
    num_layers: Annotated[int, Range(1, 6)] = 4
    dropout: Annotated[float, Range(0.0, 0.95)] = 0.5

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_fields(self, error=SpecError)


@dataclass(frozen=True, kw_only=True, slots=True)
class LowBandSpec:
    """A second, finer look at the lowest frequencies, where harmonics of sources lie close.

    It is a network with the blocks of the first one, and what the two estimate is added.

    Attributes:
        n_fft: Samples a frame.
        hop_length: Samples between frames.
        num_bins: How many of the lowest bins it sees.
        num_subbands: Sub-bands they are stacked in.
        width: Feature channels of every stage.
    """

    n_fft: int
    hop_length: int
    num_bins: int
    num_subbands: int
    width: int


def check_range(path: str, value: float, low: float, high: float) -> None:
    """Raise SpecError unless low <= value <= high."""
    problem = Range(low, high).problem(value)
    if problem:
        raise SpecError(f"{path}: {problem}")
