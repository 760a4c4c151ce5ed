"""What comes over the API, typed and bounded once, at the edge; faults are sentences.

gradio checks some of this for its own page. A caller of the API may send any JSON: lists of any
length, infinities, numbers beyond all bounds, nothing at all.
"""

import math
from collections.abc import Collection, Sequence

from zoo.ui.songs import SongError

__all__ = ["check_choice", "check_number", "check_sources"]

SHOWN_CHARACTERS = 80
MOST = 1e300  # beyond it, arithmetic soon gives infinities


def check_choice(value: object, choices: Collection[str], *, what: str) -> str:
    """Return a text that is one of some choices.

    Args:
        value: What was sent.
        choices: What there is.
        what: Name of the argument, for the message.

    Raises:
        SongError: It is none of them; the message lists them.
    """
    if not isinstance(value, str) or value not in choices:
        raise SongError(f"{what} must be one of {', '.join(choices)}; got {_shown(value)}.")
    return value


def check_number(value: object, *, what: str, low: float = 0.0, high: float = math.inf) -> float:
    """Return a number of a range, its ends included; never an infinity.

    Args:
        value: What was sent.
        what: Name of the argument, for the message.
        low: The least.
        high: The most.

    Raises:
        SongError: It is no number or lies outside.
    """
    number = math.nan if isinstance(value, bool) or not isinstance(value, (int, float)) else value
    if low <= number <= min(high, MOST):  # NaN compares false
        return float(number)
    bounds = f"of at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
    raise SongError(f"{what} must be a number {bounds}; got {_shown(value)}.")


def check_sources(value: object, known: Sequence[str], *, model: str) -> tuple[str, ...]:
    """Return the sources wanted, each once.

    Args:
        value: What was sent.
        known: The sources of the model.
        model: Its name, for the message.

    Raises:
        SongError: None, one twice, one that the model does not know, or no list.
    """
    if not isinstance(value, (list, tuple)):
        raise SongError(f"Stems must be a list of some of {', '.join(known)}; got {_shown(value)}.")
    if not value:
        raise SongError("Choose at least one source to separate.")
    for source in value:
        if not isinstance(source, str) or source not in known:
            raise SongError(
                f"{model} cannot separate {_shown(source)}; it knows {', '.join(known)}."
            )
        if value.count(source) > 1:
            raise SongError(f"{source} is asked for twice; name each source once.")
    return tuple(value)


def _shown(value: object) -> str:
    """Quote what was sent, shortened; of containers only the kind, for they may be endless."""
    if value is None:
        return "nothing"
    if isinstance(value, (str, int, float, bool)):
        try:
            text = repr(value)
        except ValueError:  # an integer of too many digits to print
            return "a number of thousands of digits"
        return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "\u2026"
    return f"a {type(value).__name__}"
