"""Which sources a separation computes, and what the stems it makes are called."""

from collections.abc import Sequence
from dataclasses import dataclass

from zoo.errors import UnknownNameError

__all__ = ["StemSelection", "complement_name", "select_stems"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StemSelection:
    """What is wanted of a network.

    Attributes:
        sources: What the network computes.
        stems: What the user gets: the sources, and in two-stem mode everything else.
        is_full: Whether the sources account for the whole mixture; one source alone never does.
    """

    sources: tuple[str, ...]
    stems: tuple[str, ...]
    is_full: bool


def complement_name(source: str) -> str:
    """Return the name of the stem that holds everything but one source.

    >>> complement_name("vocals")
    'no_vocals'
    """
    return f"no_{source}"


def select_stems(
    known: Sequence[str],
    *,
    model: str,
    sources: str | Sequence[str] | None = None,
    two_stems: str | None = None,
) -> StemSelection:
    """Check what is asked of a network.

    Args:
        known: The sources it has.
        model: Its name, for messages.
        sources: The sources wanted, None for all.
        two_stems: Instead: this source and everything else.

    Raises:
        UnknownNameError: A source that the network has not.
        ValueError: No source, one twice, or both ``sources`` and ``two_stems``.
    """
    if two_stems is not None and sources is not None:
        raise ValueError("got both sources and two_stems; two_stems names the one source")
    if sources is None:
        sources = known if two_stems is None else two_stems
    wanted = (sources,) if isinstance(sources, str) else tuple(sources)
    if not wanted or len(set(wanted)) != len(wanted):
        raise ValueError(f"got the sources {list(wanted)}; expected one or more, each once")
    for name in wanted:
        if name not in known:
            raise UnknownNameError(f"source of {model}", name, list(known))
    return StemSelection(
        sources=wanted,
        stems=wanted if two_stems is None else (*wanted, complement_name(two_stems)),
        is_full=len(known) > 1 and set(wanted) == set(known),
    )
