"""How far an answer of the analysis is to be believed, in a word for people."""

from collections.abc import Mapping
from enum import StrEnum

__all__ = ["Sureness", "judge"]


class Sureness(StrEnum):
    """The word that stands beside an answer."""

    SURE = "sure"
    FAIRLY_SURE = "fairly sure"
    GUESS = "a guess"


def judge(levels: Mapping[Sureness, tuple[float, ...]], *measures: float) -> Sureness | None:
    """Return the first word whose least values all measures reach, or None.

    >>> levels = {Sureness.SURE: (0.7, 0.1), Sureness.GUESS: (0.4, 0.0)}
    >>> judge(levels, 0.8, 0.05).value
    'a guess'
    >>> judge(levels, 0.3, 0.2) is None
    True
    """
    for word, least in levels.items():
        if all(measure >= bound for measure, bound in zip(measures, least, strict=True)):
            return word
    return None
