"""The songs that ship with the package, their true stems, and a cache of their separations."""

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path

from zoo.audio import read_audio
from zoo.records.files import hash_file
from zoo.ui.mixer_state import MixerState

__all__ = ["EXAMPLES", "ExampleCache", "ExampleSong", "find_example"]

FOLDER = Path(str(resources.files("zoo"))) / "examples"


@dataclass(frozen=True, kw_only=True)
class ExampleSong:
    """A song that ships with the package.

    Attributes:
        title: Of the song.
        label: For the page.
        path: Of the mixture.
        stems: Where known, by source.
    """

    title: str
    label: str
    path: Path
    stems: dict[str, Path] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the mixture's file, by which an upload of it is recognised."""
        return hash_file(self.path)

    def true_stems(self) -> dict:
        """Read the known stems, (C, N) float32 by source; empty where none are known."""
        return {source: read_audio(path)[0] for source, path in self.stems.items()}


DEMO = FOLDER / "demo_song"
EXAMPLES = (
    ExampleSong(
        title="Demo song",
        label="Our demo song: voice, drums, bass, piano (26 s)",
        path=DEMO / "mixture.ogg",
        stems={name: DEMO / f"{name}.ogg" for name in ("vocals", "drums", "bass", "other")},
    ),
    ExampleSong(
        title="Sectoid - Feelings",
        label="Sectoid, Feelings: a rock band (25 s)",
        path=FOLDER / "sectoid_excerpt.ogg",
    ),
)


def find_example(digest: str) -> ExampleSong | None:
    """Return the example with this SHA-256, or None."""
    return next((example for example in EXAMPLES if example.digest == digest), None)


class ExampleCache:
    """Results for the examples, by everything that they depend on.

    Only examples are kept, so no visitor's song can reach another visitor. A result whose files
    have been deleted by their age is forgotten.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._states: dict[Hashable, MixerState] = {}

    def get(self, key: Hashable) -> MixerState | None:
        """Return what was kept, if its files still exist."""
        with self._lock:
            state = self._states.get(key)
        if state is None:
            return None
        files = [lane.audio for lane in state.lanes] + [lane.picture for lane in state.lanes]
        if all(file is not None and Path(file.path).exists() for file in files):
            return state
        return None

    def put(self, key: Hashable, state: MixerState) -> None:
        """Keep a complete result."""
        with self._lock:
            self._states[key] = state
