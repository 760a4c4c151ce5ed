"""What is left of a separation that the visitor stopped."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from zoo.ui.archive import archive_address
from zoo.ui.lanes import LANE_FORMAT, ORIGINAL, LaneWriter, lane_blocks, write_original
from zoo.ui.mixer_state import MixerState, message

__all__ = ["keep_what_is_done"]


def keep_what_is_done(state: MixerState, folder: Path) -> MixerState:
    """Make a complete state of an unfinished one: the song then ends where the work did.

    The pieces are joined from their files, because the stopped handler is gone with its writers.

    Args:
        state: What the page showed last.
        folder: A new one, for the files.
    """
    growing = [lane for lane in state.lanes if lane.pieces]
    originals = [lane for lane in state.lanes if lane.kind == ORIGINAL]
    changes = {"progress": None, "notes": [message("note.stopped")]}
    if not growing:
        return state.model_copy(update={"lanes": originals, **changes})
    sizes = [block.shape for block in lane_blocks(growing[0])]
    num_samples = sum(length for _, length in sizes)
    shape = {
        "sample_rate": state.sample_rate,
        "num_channels": sizes[0][0],
        "num_samples": num_samples,
    }
    original, top_db = write_original(folder, _cut(lane_blocks(originals[0]), num_samples), **shape)
    empty = [lane.model_copy(update={"pieces": None}) for lane in growing]
    with LaneWriter(
        folder, empty, **shape, top_db=top_db, download=LANE_FORMAT, title=state.title
    ) as writer:
        for blocks in zip(*map(lane_blocks, growing), strict=True):
            named = {lane.name: block for lane, block in zip(empty, blocks, strict=True)}
            writer.write(named, mixture=np.sum(blocks, axis=0))
        writer.commit()
    seconds = num_samples / state.sample_rate
    return state.model_copy(
        update={
            "lanes": [original, *writer.lanes],
            "seconds": seconds,
            "archive": archive_address(state.id),
            **changes,
        }
    )


def _cut(blocks: Iterable[np.ndarray], num_samples: int) -> Iterator[np.ndarray]:
    """Yield the first ``num_samples`` samples."""
    for block in blocks:
        if num_samples <= 0:
            return
        yield block[:, :num_samples]
        num_samples -= block.shape[-1]
