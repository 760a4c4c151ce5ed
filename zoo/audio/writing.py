"""Audio out: under its final name a file is complete or absent.

C: channels, N: samples of a signal, n: samples of a block
"""

import os
from pathlib import Path
from types import TracebackType

import numpy as np

from zoo.audio.encoders.encoder import Encoder, Tracks
from zoo.audio.formats import AudioFormat, find_format
from zoo.audio.tags import Tags
from zoo.errors import AudioError
from zoo.records.files import commit_partial, partial_path

__all__ = ["AudioWriter", "write_audio"]


class AudioWriter:
    """Writes a signal block by block to a temporary file beside its destination.

    As a context manager it renames the file on success and removes it on any error. Several writers
    whose files belong together are closed one by one with :meth:`commit`.

    Args:
        path: Destination; its folder must exist. Replaced if it exists.
        audio_format: How to write.
        sample_rate: In Hz.
        num_channels: 1 or 2.
        num_samples: How many are expected, if known; more than a WAV file can count are then
            written in its 64-bit form (RF64).
        track_names: One of each track, of a format that holds several.
        tags: Of the file.

    Raises:
        AudioError: The format cannot hold such audio, or the folder cannot be written to.
    """

    def __init__(
        self,
        path: Path,
        *,
        audio_format: AudioFormat,
        sample_rate: int,
        num_channels: int,
        num_samples: int | None = None,
        track_names: tuple[str, ...] = ("",),
        tags: Tags | None = None,
    ) -> None:
        audio_format.check(sample_rate=sample_rate, num_channels=num_channels)
        self.path, self.audio_format = path, audio_format
        self.num_written = 0
        self._is_finished = False
        self._partial = partial_path(path)
        tracks = Tracks(
            names=track_names,
            sample_rate=sample_rate,
            num_channels=num_channels,
            num_samples=num_samples,
            tags=tags or Tags(),
        )
        try:
            self._encoder: Encoder = audio_format.encoding.open(self._partial, tracks)
        except OSError as error:
            self._partial.unlink(missing_ok=True)
            raise self._error(error) from error

    def __enter__(self) -> "AudioWriter":
        """Return the writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit, or discard after an error."""
        if kind is None:
            self.commit()
        else:
            self.discard()

    def write(self, *blocks: np.ndarray) -> None:
        """Append a block (C, n) float32 to every track; most formats have one.

        Raises:
            AudioError: The disk is full, or a WAV file of unforeseen length reaches 4 GiB.
        """
        try:
            self._encoder.write(blocks)
        except OSError as error:
            raise self._error(f"{error} Is the disk full?") from error
        self.num_written += blocks[0].shape[-1]

    def finish(self) -> None:
        """Close the temporary file and check that it holds what was written.

        Raises:
            AudioError: It does not, as on a full disk.
        """
        if self._is_finished:
            return
        self._is_finished = True
        try:
            found = self._encoder.finish()
        except OSError as error:
            raise self._error(f"{error} Is the disk full?") from error
        if found < self.num_written:
            raise self._error(f"{found} of {self.num_written} samples arrived. Is the disk full?")

    def commit(self) -> None:
        """Give the file its final name."""
        try:
            self.finish()
            commit_partial(self._partial, self.path)
        except OSError as error:
            self.discard()
            raise self._error(error) from error
        except AudioError:
            self.discard()
            raise

    def discard(self) -> None:
        """Remove the temporary file."""
        self._encoder.abort()
        self._partial.unlink(missing_ok=True)

    def _error(self, reason: object) -> AudioError:
        return AudioError(f"cannot write {self.path}: {str(reason).rstrip('.')}")


def write_audio(
    path: str | os.PathLike[str], audio: np.ndarray, sample_rate: int, *, name: str = "wav"
) -> None:
    """Write a whole signal.

    Args:
        path: Destination.
        audio: (C, N) float32.
        sample_rate: In Hz.
        name: One of the format names of :data:`zoo.audio.AUDIO_FORMATS`.

    Raises:
        UnknownNameError: No such format.
        AudioError: What :class:`AudioWriter` raises.
    """
    with AudioWriter(
        Path(path),
        audio_format=find_format(name),
        sample_rate=sample_rate,
        num_channels=audio.shape[0],
        num_samples=audio.shape[1],
    ) as writer:
        writer.write(audio)
