"""What a field may hold beyond its type, given in its annotation: ``Annotated[int, Range(1, 8)]``.

Every bound says in ``problem`` what is wrong with a value of the right type, or None.
"""

import re
from collections.abc import Sequence, Sized
from dataclasses import dataclass
from typing import Any

from blocks.registry import Registry, UnknownNameError


@dataclass(frozen=True, slots=True)
class Range:
    """A number from ``low`` to ``high``, both included."""

    low: float
    high: float

    def problem(self, value: float) -> str | None:
        """Return what is wrong with the value."""
        if self.low <= value <= self.high:
            return None
        return f"must be between {self.low} and {self.high}, got {value}"


@dataclass(frozen=True, slots=True)
class Above:
    """A number greater than ``limit``."""

    limit: float

    def problem(self, value: float) -> str | None:
        """Return what is wrong with the value."""
        return None if value > self.limit else f"must be above {self.limit}, got {value}"


@dataclass(frozen=True, slots=True)
class Length:
    """A text of ``low`` to ``high`` characters, or as many items of a list or mapping."""

    low: int
    high: int

    def problem(self, value: Sized) -> str | None:
        """Return what is wrong with the value."""
        if self.low <= len(value) <= self.high:
            return None
        unit = "characters" if isinstance(value, str) else "items"
        return f"must have {self.low} to {self.high} {unit}, got {len(value)}"


@dataclass(frozen=True, slots=True)
class Matches:
    """A text that a pattern matches as a whole; ``expected`` says in words what it matches."""

    pattern: re.Pattern[str]
    expected: str

    def problem(self, value: str) -> str | None:
        """Return what is wrong with the value."""
        if self.pattern.fullmatch(value):
            return None
        return f"must be {self.expected}, got {value[:80]!r}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of the names of a ``kind`` of thing: a ``Registry``, which may grow, or a sequence."""

    kind: str
    names: Registry[Any] | Sequence[str]

    def problem(self, value: str) -> str | None:
        """Return what is wrong with the value."""
        if value in self.names:
            return None
        return str(UnknownNameError(self.kind, value, list(self.names)))
