"""``separation.json``: what the stems in a folder were made of.

A record says by content what was asked for, so that an equal request finds its stems complete, and
whose stems they are, so that no other song's replace them.
"""

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import AudioError
from zoo.records.files import digest_of, write_whole

__all__ = ["RECORD_NAME", "SeparationRecord", "place_digest"]

RECORD_NAME = "separation.json"
# Names of model and weights are for people: what they hold decides, under digests of their own.
LABELS = ("model", "weights")


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparationRecord:
    """What a separation made.

    Attributes:
        input: Name of the song's file.
        input_place_sha256: :func:`place_digest` of it.
        request: Everything that decides the content of the stems, with labels for people.
        sample_rate: In Hz.
        num_samples: Length of the song.
        gain: The factor of all stems that keeps every one from clipping.
        peak: Largest magnitude in any stem, before the gain.
        stems: File name and size in bytes of every stem.
        files: Names of all files of ours in the folder, those of earlier requests too.
    """

    input: str
    input_place_sha256: str
    request: Mapping[str, Any]
    sample_rate: int
    num_samples: int
    gain: float
    peak: float
    stems: Mapping[str, Mapping[str, Any]]
    files: tuple[str, ...] = field(default=())

    @classmethod
    def read(cls, folder: Path) -> "SeparationRecord | None":
        """Return the record of a folder; None where there is none that can be read."""
        try:
            values = json.loads((folder / RECORD_NAME).read_text(encoding="utf-8"))
            record = cls(**values | {"files": tuple(map(str, values.get("files", ())))})
            record._check()
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return None
        return record

    def write(self, folder: Path) -> None:
        """Write the record whole.

        Raises:
            AudioError: The folder refuses.
        """
        text = json.dumps(dataclasses.asdict(self), indent=2, allow_nan=False)
        try:
            write_whole(folder / RECORD_NAME, text + "\n")
        except OSError as error:
            raise AudioError(f"cannot write {folder / RECORD_NAME}: {error.strerror}") from error

    @property
    def seconds(self) -> float:
        """Duration of the song."""
        return self.num_samples / self.sample_rate

    @property
    def file_names(self) -> frozenset[str]:
        """Names of all files of ours that the folder has or had."""
        return frozenset(self.files) | {stem["file"] for stem in self.stems.values()}

    def is_complete(self, folder: Path, request: Mapping[str, Any]) -> bool:
        """Whether it is of an equal request and all its files are there."""
        try:
            sizes = {stem["file"]: stem["bytes"] for stem in self.stems.values()}
            is_whole = all((folder / name).stat().st_size == sizes[name] for name in sizes)
        except OSError:
            return False
        return is_whole and _without_labels(self.request) == _without_labels(request)

    def check_owner(self, folder: Path, *, path: Path, input_sha256: str) -> None:
        """Refuse to have the stems of another song replaced: another file in another place.

        Raises:
            AudioError: The folder is another song's.
        """
        is_same_place = self.input_place_sha256 == place_digest(path)
        if self.request.get("input_sha256") != input_sha256 and not is_same_place:
            raise AudioError(
                f"{folder} holds the stems of another song, {self.input}; choose another output "
                "folder, or overwrite them"
            )

    def _check(self) -> None:
        """Raise for values that no record of ours has; a stem's file is no path."""
        for stem in self.stems.values():
            if Path(stem["file"]).name != stem["file"] or not isinstance(stem["bytes"], int):
                raise ValueError(f"no stem of ours: {stem}")
        if not isinstance(self.request, Mapping) or not isinstance(self.input, str):
            raise TypeError("no request of ours")
        if self.sample_rate <= 0 or self.num_samples <= 0 or not self.gain > 0:
            raise ValueError("no measures of a song")


def place_digest(path: Path) -> str:
    """Identify the place of a file without telling it."""
    return digest_of(os.path.realpath(path))


def _without_labels(request: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in request.items() if key not in LABELS}
