"""FLAC, Vorbis and MP3 by libsndfile."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from zoo.audio.encoders.encoder import Tracks
from zoo.audio.tags import write_tags
from zoo.records.files import native_path

__all__ = ["SndfileEncoding"]

WRITE_SAMPLES = 1 << 16  # the Vorbis encoder's stack does not survive much longer blocks


@dataclass(frozen=True, kw_only=True, slots=True)
class SndfileEncoding:
    """One of libsndfile's encodings.

    Attributes:
        container: libsndfile's name of the container.
        subtype: Its name of the encoding.
        compression_level: From 0 (best quality) to 1 (smallest file).
    """

    container: str
    subtype: str
    compression_level: float | None = None

    def open(self, path: Path, tracks: Tracks) -> "_SndfileEncoder":
        """Create a file."""
        return _SndfileEncoder(self, path, tracks)


class _SndfileEncoder:
    def __init__(self, encoding: SndfileEncoding, path: Path, tracks: Tracks) -> None:
        self._path, self._tags = path, tracks.tags
        self._num_written = 0
        try:
            self._file = soundfile.SoundFile(
                native_path(path),
                "w",
                samplerate=tracks.sample_rate,
                channels=tracks.num_channels,
                format=encoding.container,
                subtype=encoding.subtype,
                compression_level=encoding.compression_level,
            )
        except soundfile.LibsndfileError as error:
            raise OSError(str(error)) from error

    def write(self, blocks: Sequence[np.ndarray]) -> None:
        (block,) = blocks
        frames = np.ascontiguousarray(block.T)
        try:
            for start in range(0, len(frames), WRITE_SAMPLES):
                self._file.write(frames[start : start + WRITE_SAMPLES])
        except soundfile.LibsndfileError as error:
            raise OSError(str(error)) from error
        self._num_written += len(frames)

    def finish(self) -> int:
        try:
            self._file.close()
            found = soundfile.info(native_path(self._path)).frames if self._num_written else 0
        except soundfile.LibsndfileError as error:
            raise OSError(str(error)) from error
        write_tags(self._path, self._tags)
        return found

    def abort(self) -> None:
        self._file.close()
