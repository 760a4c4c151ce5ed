"""Writes the stems of a song as files that belong together: one gain for all; all or none.

C: channels, n: samples of a block
"""

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np

from zoo.audio import (
    AudioFormat,
    AudioInfo,
    AudioWriter,
    StreamResampler,
    Tags,
    resampled_length,
)
from zoo.errors import AudioError

__all__ = ["RANDOM_WEIGHTS_NOTE", "SavedStems", "StemWriter", "make_folder", "note_random_weights"]

logger = logging.getLogger(__name__)

SPOOL_SAMPLES = 1 << 16
BYTES_PER_SAMPLE = 4
MIXTURE = "mixture"
RANDOM_WEIGHTS_NOTE = "RANDOM_WEIGHTS.txt"


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedStems:
    """What was written.

    Attributes:
        paths: The file of every stem. A format that keeps a song in one file has that file for
            every stem, and for ``mixture``, the song itself.
        gain: The factor of all stems. It is 1 unless a stem has a peak beyond full scale and the
            format clips there.
        peak: Largest magnitude in any stem, before the gain.
        sample_rate: Of the files, in Hz: the song's, or the nearest that the format knows.
    """

    paths: dict[str, Path]
    gain: float
    peak: float
    sample_rate: int


class StemWriter:
    """Writes the stems of a song block by block; as a context manager commits or discards.

    A format that clips needs the peak of the whole song before the first sample is encoded. Until
    the song is over its stems are floats in temporary files of the output folder.

    Args:
        folder: Existing folder for the files.
        names: The name of each stem's file, without extension. A format that keeps a song in one
            file takes the same name for all.
        audio_format: How to write. Stems are resampled to the nearest rate that it knows.
        sample_rate: Of the song, in Hz.
        num_channels: 1 or 2.
        num_samples: How many are expected, if known.
        tags: Of the song.

    Raises:
        AudioError: The format cannot hold such stems, or the folder cannot be written to.
    """

    def __init__(
        self,
        folder: Path,
        names: Mapping[str, str],
        *,
        audio_format: AudioFormat,
        sample_rate: int,
        num_channels: int,
        num_samples: int | None = None,
        tags: Tags | None = None,
    ) -> None:
        audio_format.check_stems(tuple(names))
        self._folder, self._format, self._tags = folder, audio_format, tags or Tags()
        self._files = {name: (stem,) for stem, name in names.items()}
        if audio_format.is_multitrack:
            self._files = {next(iter(names.values())): (MIXTURE, *names)}
        self._sample_rate = audio_format.nearest_rate(sample_rate)
        self._num_channels = num_channels
        rates = {"from_rate": sample_rate, "to_rate": self._sample_rate}
        self._num_samples = num_samples and resampled_length(num_samples, **rates)
        self._peak = 0.0
        tracks = [track for tracks in self._files.values() for track in tracks]
        self._resamplers = {
            track: StreamResampler(**rates, num_channels=num_channels) for track in tracks
        }
        self._writers: dict[str, AudioWriter] = {}
        self._spools: dict[str, _Spool] = {}
        try:
            if audio_format.clips:
                for track in tracks:
                    self._spools[track] = _Spool(folder, num_channels)
            else:
                self._open_writers()
        except AudioError:
            self.discard()
            raise

    def __enter__(self) -> "StemWriter":
        """Return the writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Discard what was not committed."""
        self.discard()

    def write(self, stems: Mapping[str, np.ndarray], *, mixture: np.ndarray) -> None:
        """Append a block (C, n) to every stem.

        Args:
            stems: By their names.
            mixture: The song itself, (C, n); formats of one file keep it beside the stems.
        """
        blocks = {MIXTURE: mixture, **stems}
        self._append({t: stream.push(blocks[t]) for t, stream in self._resamplers.items()})

    def commit(self) -> SavedStems:
        """Finish the files and give them their final names.

        Raises:
            AudioError: A file could not be written; none stands under its final name then, unless
                the failure was in renaming.
        """
        self._append({track: stream.finish() for track, stream in self._resamplers.items()})
        gain = 1.0
        if self._format.clips:
            gain = 1.0 / self._peak if self._peak > 1.0 else 1.0
            self._encode_spools(gain)
        for writer in self._writers.values():
            writer.finish()
        paths = {}
        for name, tracks in self._files.items():
            writer = self._writers.pop(name)
            writer.commit()
            paths |= dict.fromkeys(tracks, writer.path)
        return SavedStems(paths=paths, gain=gain, peak=self._peak, sample_rate=self._sample_rate)

    def discard(self) -> None:
        """Remove everything that is not under its final name."""
        for writer in self._writers.values():
            writer.discard()
        for spool in self._spools.values():
            spool.close()
        self._writers, self._spools = {}, {}

    def _append(self, blocks: Mapping[str, np.ndarray]) -> None:
        peaks = [float(np.abs(block).max(initial=0.0)) for block in blocks.values()]
        self._peak = max(self._peak, *peaks)
        if self._format.clips:
            for track, spool in self._spools.items():
                spool.write(blocks[track])
        else:
            for name, tracks in self._files.items():
                self._writers[name].write(*[blocks[track] for track in tracks])

    def _encode_spools(self, gain: float) -> None:
        if gain < 1.0:
            logger.info("%s: all stems turned down by %.2f dB", self._folder, 20 * np.log10(gain))
        self._open_writers()
        for name, tracks in self._files.items():
            spools = [self._spools.pop(track) for track in tracks]
            for blocks in zip(*[spool.read() for spool in spools], strict=True):
                louder = [block * np.float32(gain) if gain < 1.0 else block for block in blocks]
                self._writers[name].write(*louder)
            for spool in spools:
                spool.close()

    def _open_writers(self) -> None:
        for name, tracks in self._files.items():
            is_stem = not self._format.is_multitrack
            self._writers[name] = AudioWriter(
                self._folder / f"{name}{self._format.extension}",
                audio_format=self._format,
                sample_rate=self._sample_rate,
                num_channels=self._num_channels,
                num_samples=self._num_samples,
                track_names=tracks,
                tags=self._tags.of_stem(tracks[0]) if is_stem else self._tags,
            )


class _Spool:
    """Float samples on the disk, in a file that has no name and vanishes with the process."""

    def __init__(self, folder: Path, num_channels: int) -> None:
        self._folder, self._num_channels = folder, num_channels
        try:
            # Unbuffered: a full disk is then an error of write() and never of close().
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  # closed by close
        except OSError as error:
            raise self._error(error) from error

    def write(self, block: np.ndarray) -> None:
        rest = memoryview(block.T.astype(np.float32).tobytes())
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise self._error(error) from error

    def read(self) -> Iterator[np.ndarray]:
        self._file.seek(0)
        while content := self._file.read(SPOOL_SAMPLES * self._num_channels * BYTES_PER_SAMPLE):
            yield np.frombuffer(content, np.float32).reshape(-1, self._num_channels).T

    def close(self) -> None:
        self._file.close()

    def _error(self, error: OSError) -> AudioError:
        return AudioError(f"cannot write to {self._folder}: {error.strerror}. Is the disk full?")


def check_output(audio_format: AudioFormat, stems: Sequence[str], info: AudioInfo) -> None:
    """Refuse what a format cannot hold before anything is computed, and say what it will change.

    Args:
        audio_format: Of the stems.
        stems: Their names.
        info: Of the song.

    Raises:
        AudioError: The format cannot hold such stems.
    """
    audio_format.check_stems(stems)
    rate = audio_format.nearest_rate(info.sample_rate)
    audio_format.check(sample_rate=rate, num_channels=info.num_channels)
    if rate != info.sample_rate:
        logger.warning(
            "%s: %s holds no %d Hz; the stems are resampled to %d Hz",
            *(info.name, audio_format.name, info.sample_rate, rate),
        )


def make_folder(folder: Path) -> Path:
    """Create an output folder if there is none.

    Raises:
        AudioError: It cannot be created or is a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioError(f"cannot create the folder {folder}: {error.strerror}") from error
    return folder


def note_random_weights(folder: Path, model_name: str) -> None:
    """Leave a note in a folder whose stems come from untrained weights."""
    (folder / RANDOM_WEIGHTS_NOTE).write_text(
        f"The stems in this folder were made by {model_name} with RANDOM weights.\n"
        "They are noise that shows that the program runs, and no separation of the song.\n",
        encoding="utf-8",
    )
