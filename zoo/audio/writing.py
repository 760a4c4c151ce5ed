"""Audio out: under its final name a file is complete or absent.

C: channels, N: samples of a signal, n: samples of a block
"""

import os
import secrets
import time
from pathlib import Path
from types import TracebackType

import numpy as np
import soundfile

from zoo.audio.formats import AudioFormat, find_format
from zoo.errors import AudioError
from zoo.records.files import native_path

__all__ = ["PARTIAL_SUFFIX", "AudioWriter", "remove_stale_partials", "write_audio"]

PARTIAL_SUFFIX = ".partial"
STALE_SECONDS = 3600
RIFF_LIMIT = 2**32 - 2**16  # a WAV file counts its bytes in 32 bits; leave room for the header
WRITE_SAMPLES = 1 << 16  # the Vorbis encoder's stack does not survive much longer blocks


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
    ) -> None:
        audio_format.check(sample_rate=sample_rate, num_channels=num_channels)
        self.path, self.audio_format = path, audio_format
        self.num_written = 0
        self._bytes_per_step = num_channels * audio_format.bytes_per_sample
        is_long = (num_samples or 0) * self._bytes_per_step > RIFF_LIMIT
        self._container = "RF64" if is_long else audio_format.container
        self._partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}{PARTIAL_SUFFIX}")
        try:
            self._file = soundfile.SoundFile(
                native_path(self._partial),
                "w",
                samplerate=sample_rate,
                channels=num_channels,
                format=self._container,
                subtype=audio_format.subtype,
                compression_level=audio_format.compression_level,
            )
        except (soundfile.LibsndfileError, OSError) as error:
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

    def write(self, block: np.ndarray) -> None:
        """Append a block (C, n) float32.

        Raises:
            AudioError: The disk is full, or a WAV file of unforeseen length reaches 4 GiB.
        """
        size = (self.num_written + block.shape[-1]) * self._bytes_per_step
        if self._container == "WAV" and size > RIFF_LIMIT:
            raise AudioError(
                f"{self.path.name}: a WAV file holds at most 4 GiB and the length of the input was "
                "not known beforehand; write flac"
            )
        frames = np.ascontiguousarray(block.T)
        try:
            for start in range(0, len(frames), WRITE_SAMPLES):
                self._file.write(frames[start : start + WRITE_SAMPLES])
        except (soundfile.LibsndfileError, OSError) as error:
            raise self._error(f"{error} Is the disk full?") from error
        self.num_written += block.shape[-1]

    def finish(self) -> None:
        """Close the temporary file and check that it holds what was written.

        Raises:
            AudioError: It does not, as on a full disk.
        """
        try:
            self._file.close()
            found = soundfile.info(native_path(self._partial)).frames if self.num_written else 0
        except (soundfile.LibsndfileError, OSError) as error:
            raise self._error(f"{error} Is the disk full?") from error
        if found < self.num_written:
            raise self._error(f"{found} of {self.num_written} samples arrived. Is the disk full?")

    def commit(self) -> None:
        """Give the file its final name."""
        try:
            self.finish()
            self._partial.replace(self.path)
        except OSError as error:
            self.discard()
            raise self._error(error) from error
        except AudioError:
            self.discard()
            raise

    def discard(self) -> None:
        """Remove the temporary file."""
        self._file.close()
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


def remove_stale_partials(folder: Path) -> None:
    """Remove temporary files that killed runs left in a folder, an hour after their last write."""
    for partial in folder.glob(f".*{PARTIAL_SUFFIX}"):
        if time.time() - partial.stat().st_mtime > STALE_SECONDS:
            partial.unlink(missing_ok=True)
