"""A visitor's song: checked against the limits before any work, then read once."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.audio import open_audio
from zoo.errors import AudioError
from zoo.publishing.space_config import Limits
from zoo.ui.examples import find_example

__all__ = ["Song", "SongError", "file_digest", "read_song"]

TITLE_LENGTH = 80
NOT_IN_TITLES = re.compile(r"[^\w\s.,()&'+-]")


class SongError(ValueError):
    """A song that the app will not take; the message is for the visitor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Song:
    """A song in memory.

    Attributes:
        title: Harmless in a page and in a file name.
        samples: (C, N) float32.
        sample_rate: In Hz.
        digest: SHA-256 of the file, so that equal songs are known to be equal.
    """

    title: str
    samples: np.ndarray
    sample_rate: int
    digest: str

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples.shape[-1] / self.sample_rate

    def clip(self, *, start: float, seconds: float) -> "Song":
        """Return a part of the song.

        Args:
            start: Where it begins, in seconds; moved back where the song ends too early.
            seconds: Its length.
        """
        length = min(round(seconds * self.sample_rate), self.samples.shape[-1])
        first = min(max(round(start * self.sample_rate), 0), self.samples.shape[-1] - length)
        return Song(
            title=self.title,
            samples=self.samples[:, first : first + length],
            sample_rate=self.sample_rate,
            digest=f"{self.digest}:{first}:{length}",
        )


def read_song(path: str | Path | None, limits: Limits) -> Song:
    """Read a song after its size and its header have been found within the limits.

    Args:
        path: The upload; None where the visitor has chosen nothing.
        limits: What one visitor may ask for.

    Raises:
        SongError: Nothing chosen, too large, too long, or no audio; the message says what to do.
    """
    if path is None:
        raise SongError("Choose a song first: drop a file, record something or click an example.")
    path = Path(path)
    megabytes = path.stat().st_size / 1e6
    if megabytes > limits.max_megabytes:
        raise SongError(
            f"This file has {megabytes:.0f} MB; this page takes up to {limits.max_megabytes:.0f} "
            "MB. Save it as FLAC or MP3 and try again."
        )
    try:
        samples, sample_rate = _read(path, limits)
    except AudioError as error:
        raise SongError(
            "This file could not be read as audio. WAV, FLAC, MP3, OGG, Opus and AIFF are sure to "
            f"work. ({_without_path(str(error), path)})"
        ) from error
    digest = file_digest(path)
    example = find_example(digest)
    title = _title(path.stem) if example is None else example.title
    return Song(title=title, samples=samples, sample_rate=sample_rate, digest=digest)


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(path: Path, limits: Limits) -> tuple[np.ndarray, int]:
    with open_audio(path) as reader:
        info = reader.info
        if info.num_channels > 2:
            raise SongError(
                f"This file has {info.num_channels} channels; mix it down to stereo first."
            )
        if info.seconds is not None and info.seconds > limits.max_seconds:
            raise _too_long(info.seconds, limits)
        blocks, num_samples = [], 0
        for block in reader.blocks():
            blocks.append(block)
            num_samples += block.shape[-1]
            if num_samples > limits.max_seconds * info.sample_rate:
                raise _too_long(None, limits)
    return np.concatenate(blocks, axis=-1), info.sample_rate


def _too_long(seconds: float | None, limits: Limits) -> SongError:
    length = "longer than that" if seconds is None else f"{seconds / 60:.1f} minutes long"
    return SongError(
        f"This page takes songs of up to {limits.max_seconds / 60:g} minutes, and this one is "
        f"{length}. Cut it, or separate it at home: pip install lightsaft-zoo."
    )


def _without_path(message: str, path: Path) -> str:
    return message.replace(str(path), "the file").replace(path.name, "the file")


def _title(stem: str) -> str:
    plain = NOT_IN_TITLES.sub(" ", unicodedata.normalize("NFC", stem).replace("_", " "))
    return " ".join(plain.split())[:TITLE_LENGTH].strip(" .") or "Song"
