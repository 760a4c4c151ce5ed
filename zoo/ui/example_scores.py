"""How good the stems of an example are, whose true stems are known."""

from collections.abc import Iterable

import numpy as np

from zoo.metrics import mdx_sdr
from zoo.ui.examples import find_example
from zoo.ui.lanes import lane_blocks
from zoo.ui.mixer_state import Message, MixerLane, message

__all__ = ["example_scores", "score_lanes"]


def score_lanes(song_digest: str, lanes: Iterable[MixerLane]) -> dict[str, float]:
    """Return the SDR in dB of each stem of an example, by its source; else nothing.

    SDR by the MDX 2021 protocol, over the whole song.
    """
    example = find_example(song_digest)
    if example is None or not example.stems:
        return {}
    truth = example.true_stems()
    return {
        lane.source: mdx_sdr(truth[lane.source], np.concatenate([*lane_blocks(lane)], axis=-1))
        for lane in lanes
        if lane.kind == "stem" and lane.audio is not None and lane.source in truth
    }


def example_scores(song_digest: str, lanes: Iterable[MixerLane]) -> list[Message]:
    """Return the scores in a sentence for listeners, nothing for songs whose stems nobody knows."""
    scores = score_lanes(song_digest, lanes)
    if not scores:
        return []
    listed = [
        message("note.score", source=source, decibels=round(value, 1))
        for source, value in scores.items()
    ]
    return [message("note.scores", scores=listed)]
