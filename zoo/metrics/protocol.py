"""The protocols that a score can follow; numbers of two protocols never share a column."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from blocks.registry import Registry

__all__ = ["PROTOCOLS", "Protocol", "Quantity", "Scores", "parse_protocols"]

Scores: TypeAlias = dict[str, dict[str, float]]  # quantity -> source -> value, NaN if not defined
Signals: TypeAlias = Mapping[str, np.ndarray]  # source -> (C, N)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One number that a protocol yields for a source of a track.

    Args:
        name: Key in records and reports.
        label: What a person reads.
    """

    name: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """How quantities are computed on a track and averaged over tracks; higher is better.

    Args:
        name: What ``--metrics``, records and manifests call it.
        title: What a person reads.
        definition: One sentence that tells this protocol from every other.
        track_statistic: ``"mean"`` or ``"median"`` over tracks.
        quantities: What it yields, the most important one first.
        score: Maps targets, their estimates (both source to (C, N)) and the sample rate in Hz to
            the value of each quantity for each source. A function of a module, so that it can be
            sent to another process.
        unit: Of every quantity.
        version: Changes when the numbers would; a stored score of another one is not reused.
    """

    name: str
    title: str
    definition: str
    track_statistic: str
    quantities: tuple[Quantity, ...]
    score: Callable[[Signals, Signals, int], Scores]
    unit: str = "dB"
    version: str = "1"


PROTOCOLS: Registry[Protocol] = Registry("metric")


def parse_protocols(text: str) -> tuple[Protocol, ...]:
    """Read a comma-separated list of metric names, such as ``"mdx,si"``.

    Raises:
        UnknownNameError: If a name is not known.
        ValueError: If no name is given.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ValueError(f"no metric given; expected some of {', '.join(PROTOCOLS)}")
    return tuple(dict.fromkeys(PROTOCOLS[name] for name in names))
