"""The colours of sources and lanes, one place for pictures, mixer and static page.

Every colour has a contrast of at least 2.1 with white and 3 with the dark page, and the twelve of
:data:`MORE_COLORS` are as far from one another, and from all others here, as that allows.
"""

from collections.abc import Sequence

__all__ = ["KIND_COLORS", "MORE_COLORS", "NEUTRAL_COLOR", "SOURCE_COLORS", "source_colors"]

SOURCE_COLORS = {
    "vocals": "#ec4899",
    "drums": "#f59e0b",
    "bass": "#818cf8",
    "other": "#14b8a6",
}
"""Of the sources that most networks have."""
MORE_COLORS = (
    "#8f5924",
    "#0967aa",
    "#ff00ff",
    "#318131",
    "#d60012",
    "#3d4dff",
    "#9b933b",
    "#ab2ba1",
    "#ff5e3d",
    "#d985e0",
    "#1b93bb",
    "#765cc1",
)
"""Of any other sources, in their order in the network."""
KIND_COLORS = {"blend": "#a855f7", "exact": "#22c55e", "rest": "#38bdf8", "minus": "#38bdf8"}
"""Of lanes that are no stems."""
NEUTRAL_COLOR = "#94a3b8"


def source_colors(sources: Sequence[str]) -> dict[str, str]:
    """Return the colour of each source of a network, ``#rrggbb`` by name.

    Args:
        sources: All sources of the network, so that a choice of some does not change a colour. The
            thirteenth that has no colour of its own begins the list of colours again.

    >>> source_colors(["vocals", "piano", "harp"])
    {'vocals': '#ec4899', 'piano': '#8f5924', 'harp': '#0967aa'}
    """
    others = [source for source in sources if source not in SOURCE_COLORS]
    more = {source: MORE_COLORS[i % len(MORE_COLORS)] for i, source in enumerate(others)}
    return {source: more.get(source) or SOURCE_COLORS[source] for source in sources}
