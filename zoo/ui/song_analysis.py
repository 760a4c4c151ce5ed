"""Beats and key of a result: found out when a page asks for them, and kept beside its files.

C: channels, n: samples of a block
"""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from zoo.audio import resample_blocks
from zoo.errors import AudioError
from zoo.records.files import write_whole
from zoo.records.memory import give_back_memory
from zoo.ui.lanes import ORIGINAL, lane_blocks
from zoo.ui.mixer_state import MixerLane, MixerState
from zoo.ui.request_folders import RequestFolders
from zoo.ui.results import EXPIRED
from zoo.ui.songs import SongError

__all__ = ["ANALYSIS_PATH", "analysis_address", "read_analysis"]

ANALYSIS_PATH = "gradio_api/analysis/{result_id}.json"
KEPT_AS = "analysis.json"
DRUMS = "drums"
NOT_YET = "The song is still being separated; its beats are found out afterwards."


def analysis_address(result_id: str) -> str:
    """Return where a result's beats and key are fetched, relative to the page."""
    return ANALYSIS_PATH.format(result_id=result_id)


def read_analysis(state: MixerState, folders: RequestFolders) -> str:
    """Return a result's :class:`~zoo.analysis.SongAnalysis` as JSON.

    Args:
        state: The result.
        folders: Where its files are.

    Raises:
        SongError: It is not complete, or its files were deleted.
    """
    lanes = {lane.name: lane for lane in state.lanes}
    original = lanes.get(ORIGINAL)
    if state.progress is not None or original is None or original.audio is None:
        raise SongError(NOT_YET)
    folder = Path(original.audio.path).parent
    with folders.at_work(folder):
        try:
            return (folder / KEPT_AS).read_text(encoding="utf-8")
        except FileNotFoundError:
            pass
        try:
            text = _analyse(original, lanes.get(DRUMS), sample_rate=state.sample_rate)
            write_whole(folder / KEPT_AS, text)
        except (AudioError, OSError) as error:
            raise SongError(EXPIRED) from error
        finally:
            give_back_memory()
    return text


def _analyse(original: MixerLane, drums: MixerLane | None, *, sample_rate: int) -> str:
    from zoo.analysis import analyse_song  # takes a second, and no page waits for it

    song = _read_mono(original, sample_rate)
    analysis = analyse_song(song, None if drums is None else _read_mono(drums, sample_rate))
    return json.dumps(asdict(analysis))


def _read_mono(lane: MixerLane, sample_rate: int) -> np.ndarray:
    """Read a lane as (N,), the mean of its channels, at the rate of the analyses."""
    from zoo.analysis import SAMPLE_RATE

    blocks = resample_blocks(
        (block.mean(axis=0, keepdims=True) for block in lane_blocks(lane)),
        from_rate=sample_rate,
        to_rate=SAMPLE_RATE,
        num_channels=1,
    )
    return np.concatenate([block[0] for block in blocks])
