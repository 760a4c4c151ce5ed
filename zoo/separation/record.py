"""``separation.json``: what the stems in a folder were made of.

A record says by content what was asked for, so that an equal request finds its stems complete, and
whose stems they are, so that no other song's replace them.
"""

import dataclasses
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import AudioError
from zoo.records.files import digest_of, write_whole
from zoo.records.json_text import parse_json, read_json
from zoo.records.reading import MAX_INTEGER

__all__ = ["RECORD_NAME", "SeparationRecord", "file_sizes", "place_digest"]

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
        stems: File name and size in bytes of every stem, and its SHA-256 where that was asked for.
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
        """Return the record of a folder; None where there is none of ours.

        Whatever else has that name counts as none: the song is separated again.
        """
        try:
            return cls._of(read_json(folder / RECORD_NAME))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    @classmethod
    def parse(cls, content: bytes) -> "SeparationRecord | None":
        """Return the record that a file's content is; None where it is none of ours."""
        try:
            return cls._of(parse_json(content, origin=RECORD_NAME))
        except (ValueError, TypeError, KeyError):
            return None

    @classmethod
    def _of(cls, plain: Any) -> "SeparationRecord":
        values: dict[str, Any] = {"files": [], **plain}
        _check(values)
        values["files"] = tuple(values["files"])
        return cls(**values)

    @staticmethod
    def check_place(folder: Path) -> None:
        """Refuse a folder in which no record can be written, before anything is computed.

        Raises:
            AudioError: A folder has the record's name.
        """
        if (folder / RECORD_NAME).is_dir():
            raise AudioError(f"{folder / RECORD_NAME} is a folder; remove it or rename it")

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

    def is_complete(self, request: Mapping[str, Any], *, sizes: Mapping[str, int]) -> bool:
        """Whether it is of an equal request and all its files are there.

        Args:
            request: What is asked for.
            sizes: Bytes of the files that are there, by name.
        """
        stems = self.stems.values()
        is_whole = all(sizes.get(stem["file"]) == stem["bytes"] for stem in stems)
        return is_whole and _without_labels(self.request) == _without_labels(request)

    def check_owner(self, folder: str | Path, *, place: str, input_sha256: str) -> None:
        """Refuse to have the stems of another song replaced: another file in another place.

        Args:
            folder: For the message.
            place: :func:`place_digest` of the song.
            input_sha256: Of its content.

        Raises:
            AudioError: The folder is another song's.
        """
        is_same_place = self.input_place_sha256 == place
        if self.request.get("input_sha256") != input_sha256 and not is_same_place:
            raise AudioError(
                f"{folder} holds the stems of another song, {self.input}; choose another output "
                "folder, or overwrite them"
            )


def place_digest(path: Path) -> str:
    """Identify the place of a file without telling it."""
    return digest_of(os.path.realpath(path))


def file_sizes(folder: Path) -> dict[str, int]:
    """Return the bytes of each file in a folder; none where there is no folder."""
    try:
        return {path.name: path.stat().st_size for path in folder.iterdir() if path.is_file()}
    except OSError:
        return {}


def _without_labels(request: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in request.items() if key not in LABELS}


def _check(values: Any) -> None:
    """Refuse what no record of ours holds.

    Raises:
        ValueError: A value is not of its kind.
        KeyError: A value is missing.
        TypeError: Something that should have names for its values has none.
    """
    stems, request, names = values["stems"], values["request"], values["files"]
    if not (isinstance(stems, dict) and isinstance(request, dict) and isinstance(names, list)):
        raise ValueError("no stems or no request")
    if not all(_is_plain_name(name) for name in (*names, *(s["file"] for s in stems.values()))):
        raise ValueError("a name that is a path")
    if not all(_is_whole(stem["bytes"], low=0) for stem in stems.values()):
        raise ValueError("a stem without a size")
    if not (isinstance(values["input"], str) and isinstance(values["input_place_sha256"], str)):
        raise ValueError("no song")
    if not (_is_whole(values["sample_rate"], low=1) and _is_whole(values["num_samples"], low=1)):
        raise ValueError("no length")
    gain, peak = values["gain"], values["peak"]
    if not (_is_finite(gain) and gain > 0 and _is_finite(peak) and peak >= 0):
        raise ValueError("no levels")


def _is_plain_name(name: object) -> bool:
    """Whether it names a file in its folder; what is no text may be in it, as in names of files."""
    return (
        isinstance(name, str)
        and Path(name).name == name
        and name not in ("", "..")
        and "\0" not in name
    )


def _is_whole(number: object, *, low: int) -> bool:
    return type(number) is int and low <= number < MAX_INTEGER


def _is_finite(number: object) -> bool:
    return type(number) is float and math.isfinite(number)
