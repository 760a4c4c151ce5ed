"""Which sources a separation computes, and what the stems it makes are called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from zoo.errors import UnknownNameError

__all__ = ["StemSelection", "complement_name", "select_stems"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StemSelection:
    """What is wanted of a network.

    Attributes:
        sources: What the network computes.
        stems: What the user gets: the sources, and in two-stem mode everything else.
        parts: The stems that are heard in another stem too, as a guitar is in ``other``. They
            count in no sum.
        is_full: Whether the sources account for the whole mixture; one source alone never does.
    """

    sources: tuple[str, ...]
    stems: tuple[str, ...]
    parts: tuple[str, ...] = ()
    is_full: bool

    @property
    def summands(self) -> list[int]:
        """Places of the stems that add up, with the residual, to the mixture."""
        return [place for place, stem in enumerate(self.stems) if stem not in self.parts]


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
    part_of: Mapping[str, str] = MappingProxyType({}),
    sources: str | Sequence[str] | None = None,
    two_stems: str | None = None,
) -> StemSelection:
    """Check what is asked of a network.

    Args:
        known: The sources it has.
        model: Its name, for messages.
        part_of: By source, the source that holds it (:class:`zoo.Spec`).
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
    wholes = set(known) - part_of.keys()
    return StemSelection(
        sources=wanted,
        stems=wanted if two_stems is None else (*wanted, complement_name(two_stems)),
        parts=tuple(name for name in wanted if part_of.get(name) in wanted),
        is_full=len(wholes) > 1 and wholes <= set(wanted),
    )
