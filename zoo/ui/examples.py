"""The songs that ship with the package, and their true stems."""

from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path

from zoo.audio import read_audio
from zoo.records.files import hash_file

__all__ = ["EXAMPLES", "ExampleSong", "find_example"]

FOLDER = Path(str(resources.files("zoo"))) / "examples"


@dataclass(frozen=True, kw_only=True)
class ExampleSong:
    """A song that ships with the package.

    Attributes:
        title: Of the song.
        label: For the page, the key of a text.
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
        label="example.demo",
        path=DEMO / "mixture.ogg",
        stems={name: DEMO / f"{name}.ogg" for name in ("vocals", "drums", "bass", "other")},
    ),
    ExampleSong(
        title="Sectoid - Feelings",
        label="example.rock",
        path=FOLDER / "sectoid_excerpt.ogg",
    ),
)


def find_example(digest: str) -> ExampleSong | None:
    """Return the example with this SHA-256, or None."""
    return next((example for example in EXAMPLES if example.digest == digest), None)
