"""The results that this server holds, by the id with which pages and links refer to them."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Hashable
from pathlib import Path

from zoo.ui.mixer_state import MixerState
from zoo.ui.songs import SongError

__all__ = ["EXPIRED", "ResultStore"]

MOST_RESULTS = 2000
EXPIRED = "This result was deleted by its age; separate the song again."


class ResultStore:
    """Remembers the last state of every separation.

    A page sends an id and never a state, so nothing comes back that the server did not make. An id
    is a secret of 160 bits: who has it was given the link.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: OrderedDict[str, MixerState] = OrderedDict()
        self._examples: dict[Hashable, str] = {}

    def put(self, state: MixerState) -> None:
        """Keep a state under its id, in place of an earlier one."""
        with self._lock:
            self._states[state.id] = state
            self._states.move_to_end(state.id)
            while len(self._states) > MOST_RESULTS:
                self._states.popitem(last=False)

    def put_example(self, key: Hashable, result_id: str) -> None:
        """Remember what was made of an example, by everything that it depends on.

        Of examples only, so no visitor's song can reach another visitor.
        """
        with self._lock:
            self._examples[key] = result_id

    def get_example(self, key: Hashable) -> MixerState | None:
        """Return what was made of an example, if its files still exist."""
        with contextlib.suppress(SongError):
            return self.get(self._examples.get(key))
        return None

    def get(self, result_id: object) -> MixerState:
        """Return the state of an id.

        Raises:
            SongError: No such id, or its files were deleted by their age.
        """
        with self._lock:
            state = self._states.get(result_id) if isinstance(result_id, str) else None
        if state is None or not _has_files(state):
            raise SongError(EXPIRED)
        return state


def _has_files(state: MixerState) -> bool:
    files = [file for lane in state.lanes for file in (lane.audio, lane.picture)]
    files += [piece.audio for lane in state.lanes for piece in lane.pieces or []]
    return all(Path(file.path).exists() for file in files if file is not None)
