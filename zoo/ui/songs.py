"""A visitor's song: checked against the limits before any work."""

import re
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.audio import AudioInfo, open_audio
from zoo.errors import AudioError
from zoo.publishing.space_config import Limits
from zoo.records.files import hash_file
from zoo.ui.examples import find_example

__all__ = ["Clip", "SongError", "SongFile", "check_song", "read_clip"]

TITLE_LENGTH = 80
# The reader stops a block later than we do, so that a long song gets our words and not its own.
MARGIN_VALUES = 1 << 22
NOT_IN_TITLES = re.compile(r"[^\w\s.,()&'+-]")


class SongError(ValueError):
    """A song that the app will not take; the message is for the visitor."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SongFile:
    """A song on the disk that was read to its end once.

    Attributes:
        path: The upload.
        title: Harmless in a page and in a file name.
        digest: SHA-256 of the file, so that equal songs are known to be equal.
        sample_rate: In Hz.
        num_channels: 1 or 2.
        num_samples: Its exact length.
    """

    path: Path
    title: str
    digest: str
    sample_rate: int
    num_channels: int
    num_samples: int

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.num_samples / self.sample_rate


@dataclass(frozen=True, kw_only=True, slots=True)
class Clip:
    """A part of a song in memory.

    Attributes:
        title: Harmless in a page and in a file name.
        samples: (C, N) float32.
        sample_rate: In Hz.
        digest: Differs between clips that differ.
    """

    title: str
    samples: np.ndarray
    sample_rate: int
    digest: str

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples.shape[-1] / self.sample_rate


def check_song(path: str | Path | None, limits: Limits) -> SongFile:
    """Read a song to its end, in flat memory, and find out whether it is within the limits.

    Its size and its header are looked at first. Only the decoder knows the length of every file.

    Args:
        path: The upload; None where the visitor has chosen nothing.
        limits: What one visitor may ask for.

    Raises:
        SongError: Nothing chosen, too large, too long, or no audio; the message says what to do.
    """
    if path is None:
        raise SongError("Choose a song first: drop a file, record something or click an example.")
    path = Path(path)
    _check_file(path, limits)
    max_values = round(limits.max_megasamples * 1e6)
    try:
        with open_audio(path, max_values=max_values + MARGIN_VALUES) as reader:
            info = reader.info
            _check_header(info, limits)
            for _ in reader.blocks():
                if reader.num_read > limits.max_seconds * info.sample_rate:
                    raise _too_long(None, limits)
                if reader.num_read * info.num_channels > max_values:
                    raise _too_many_samples(info, limits)
    except AudioError as error:
        raise SongError(
            "This file could not be read as audio. WAV, FLAC, MP3, OGG, Opus and AIFF are sure to "
            f"work. ({_without_path(str(error), path)})"
        ) from error
    digest = hash_file(path)
    example = find_example(digest)
    return SongFile(
        path=path,
        title=_title(path.stem) if example is None else example.title,
        digest=digest,
        sample_rate=info.sample_rate,
        num_channels=info.num_channels,
        num_samples=reader.num_read,
    )


def read_clip(song: SongFile, *, start: float, seconds: float) -> Clip:
    """Read a part of a song; of the rest no more than a block is ever in the memory.

    Args:
        song: The song.
        start: Where the clip begins, in seconds; moved back where the song ends too early.
        seconds: Its length.

    Raises:
        SongError: The file is gone.
    """
    length = min(round(seconds * song.sample_rate), song.num_samples)
    first = min(max(round(start * song.sample_rate), 0), song.num_samples - length)
    samples = np.zeros((song.num_channels, length), np.float32)
    position = -first  # of the next block, counted from the start of the clip
    try:
        with open_audio(song.path) as reader:
            for block in reader.blocks():
                end = position + block.shape[-1]
                if end > 0:
                    part = block[:, max(-position, 0) : length - position]
                    samples[:, max(position, 0) : max(position, 0) + part.shape[-1]] = part
                position = end
                if position >= length:
                    break
    except AudioError as error:
        raise SongError("The song is no longer on the server; choose it again.") from error
    return Clip(
        title=song.title,
        samples=samples,
        sample_rate=song.sample_rate,
        digest=f"{song.digest}:{first}:{length}",
    )


def _check_file(path: Path, limits: Limits) -> None:
    try:
        state = path.lstat()
    except OSError as error:
        raise SongError("The song is no longer on the server; choose it again.") from error
    if not stat.S_ISREG(state.st_mode):
        raise SongError("This is no file; choose a song.")
    megabytes = state.st_size / 1e6
    if megabytes > limits.max_megabytes:
        raise SongError(
            f"This file has {megabytes:.0f} MB; this page takes up to {limits.max_megabytes:.0f} "
            "MB. Save it as FLAC or MP3 and try again."
        )


def _check_header(info: AudioInfo, limits: Limits) -> None:
    if info.num_channels > 2:
        raise SongError(f"This file has {info.num_channels} channels; mix it down to stereo first.")
    if info.sample_rate > limits.max_sample_rate:
        raise SongError(
            f"This file has {info.sample_rate / 1000:g} kHz; this page takes up to "
            f"{limits.max_sample_rate / 1000:g} kHz. Convert it to 48 kHz and try again."
        )
    if info.seconds is not None and info.seconds > limits.max_seconds:
        raise _too_long(info.seconds, limits)
    num_values = (info.num_samples or 0) * info.num_channels
    if num_values > limits.max_megasamples * 1e6:
        raise _too_many_samples(info, limits)


def _too_long(seconds: float | None, limits: Limits) -> SongError:
    length = "longer than that" if seconds is None else f"{seconds / 60:.1f} minutes long"
    return SongError(
        f"This page takes songs of up to {limits.max_seconds / 60:g} minutes, and this one is "
        f"{length}. Cut it, or separate it at home; the Script tab says how."
    )


def _too_many_samples(info: AudioInfo, limits: Limits) -> SongError:
    seconds = limits.max_megasamples * 1e6 / (info.sample_rate * info.num_channels)
    return SongError(
        f"At {info.sample_rate / 1000:g} kHz this page takes songs of up to {seconds / 60:.1f} "
        "minutes, and this one is longer. Convert it to 48 kHz and try again."
    )


def _without_path(message: str, path: Path) -> str:
    return message.replace(str(path), "the file").replace(path.name, "the file")


def _title(stem: str) -> str:
    plain = NOT_IN_TITLES.sub(" ", unicodedata.normalize("NFC", stem).replace("_", " "))
    return " ".join(plain.split())[:TITLE_LENGTH].strip(" .") or "Song"
