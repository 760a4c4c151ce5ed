"""The tracks that something is drawn from, each with its chance."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zoo.data.decoded import DecodedTrack

__all__ = ["Pool", "weigh"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Tracks with the chance of each to be drawn."""

    tracks: tuple[DecodedTrack, ...]
    cumulative: np.ndarray

    def draw(self, generator: np.random.Generator) -> DecodedTrack:
        """Draw one track."""
        return self.tracks[int(np.searchsorted(self.cumulative, generator.random(), side="right"))]


def weigh(
    tracks: Sequence[DecodedTrack],
    seconds: Callable[[DecodedTrack], float],
    group_weights: Mapping[str, float],
) -> Pool:
    """Give each group its share and, inside it, each track a share by how long it sounds."""
    groups: dict[str, float] = {}
    for track in tracks:
        groups[track.group] = groups.get(track.group, 0.0) + seconds(track)
    weights = np.array(
        [
            seconds(track) / max(groups[track.group], 1e-9) * group_weights.get(track.group, 1.0)
            for track in tracks
        ]
    )
    kept = [place for place, weight in enumerate(weights) if weight > 0]
    cumulative = np.cumsum(weights[kept] / max(weights.sum(), 1e-9))
    if len(cumulative):
        cumulative[-1] = 1.0
    return Pool(tracks=tuple(tracks[place] for place in kept), cumulative=cumulative)
