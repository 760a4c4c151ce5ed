"""Decoding once: every file becomes a memory-mapped array that training reads at random.

Shape legend: N samples, C channels (1 or 2), W activity windows of 0.1 s.

Samples are kept as int16 of the file's own peak, 16 bits under whatever level a file has: the noise
of that is 98 dB under its peak, and a lossy codec's overshoot is not clipped.
"""

import dataclasses
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated

import numpy as np
import soxr

from zoo.data.labels import Certainty
from zoo.data.reading import AudioHeader, read_header, read_samples, require_alike
from zoo.data.tracks import Track, TrackFile
from zoo.records.bounds import Above
from zoo.records.files import digest_of, open_whole, remove_stale_partials, write_whole
from zoo.records.json_text import read_json
from zoo.records.reading import Reader, to_plain

logger = logging.getLogger(__name__)

FORMAT_VERSION = 2
ACTIVITY_SECONDS = 0.1
ACTIVE_DBFS = -50.0
Progress = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class DecodedFile:
    """The decoded samples of one source of one track.

    Args:
        path: The ``.npy`` file of int16 samples, shape (N, C).
        peak: The level that 32767 stands for, full scale = 1.
        num_samples: Length in samples at ``sample_rate``.
        sample_rate: Hz.
        start: Its first sample in the ``.npy`` file.
    """

    path: Path
    peak: float
    num_samples: int
    sample_rate: int
    start: int = 0

    @cached_property
    def _samples(self) -> np.ndarray:
        return np.load(self.path, mmap_mode="r", allow_pickle=False)[self.start :]

    @cached_property
    def _levels(self) -> np.ndarray:
        window = ACTIVITY_SECONDS * self.sample_rate
        first, last = (round(end / window) for end in (self.start, self.start + self.num_samples))
        return np.load(_levels_path(self.path), allow_pickle=False)[first:last]

    @cached_property
    def active_windows(self) -> np.ndarray:
        """Indices of the windows of 0.1 s that are louder than -50 dBFS."""
        return np.flatnonzero(self._levels > 10 ** (ACTIVE_DBFS / 20))

    @cached_property
    def active_level(self) -> float:
        """RMS level of those windows, full scale = 1; 0 for a file that is never so loud."""
        active = self._levels[self.active_windows].astype(np.float64)
        return float(np.sqrt(np.mean(active**2))) if len(active) else 0.0

    @property
    def active_seconds(self) -> float:
        """How long the source sounds, in seconds."""
        return len(self.active_windows) * ACTIVITY_SECONDS

    def cut(self, start: int, end: int, *, gain: float = 1.0) -> "DecodedFile":
        """Return the part between two samples, times a gain."""
        return dataclasses.replace(
            self,
            start=self.start + start,
            num_samples=max(0, min(end, self.num_samples) - start),
            peak=self.peak * gain,
        )

    def read(self, start: int, length: int) -> np.ndarray:
        """Read ``length`` samples from ``start``; zeros stand for what lies outside the file.

        Args:
            start: First sample, may be negative.
            length: Samples to return.

        Shape:
            - Output: (2, length) float32; a mono file fills both channels.
        """
        chunk = np.zeros((2, length), dtype=np.float32)
        first, last = max(start, 0), min(start + length, self.num_samples)
        if first < last:
            samples = self._samples[first:last].astype(np.float32) * (self.peak / 32767)
            chunk[:, first - start : last - start] = samples.T  # (N, C) -> (C, N)
        return chunk


@dataclass(frozen=True, kw_only=True)
class DecodedTrack:
    """One decoded track; sources without a file are silent.

    Args:
        name: The track's name.
        group: The track's group.
        num_samples: Common length of its files.
        files: Decoded file of each source that is there.
        labels: Decoded label of each source of a sum, where there are labels.
        certainty: How certain the teacher was of them.
    """

    name: str
    group: str
    num_samples: int
    files: Mapping[str, DecodedFile]
    labels: Mapping[str, DecodedFile] = field(default_factory=dict)
    certainty: Certainty | None = None

    def read(self, sources: Sequence[str], start: int, length: int) -> np.ndarray:
        """Read aligned sources.

        Shape:
            - Output: (S, 2, length) float32, zeros for a source without a file.
        """
        silence = np.zeros((2, length), dtype=np.float32)
        return np.stack(
            [
                self.files[source].read(start, length) if source in self.files else silence
                for source in sources
            ]
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Facts:
    """What is written of a decoded file when its samples and levels are whole."""

    peak: Annotated[float, Above(0)]
    num_samples: Annotated[int, Above(0)]
    header: AudioHeader


def decode_tracks(
    tracks: Sequence[Track],
    *,
    cache_directory: str | Path,
    sample_rate: int,
    progress: Progress | None = None,
) -> tuple[DecodedTrack, ...]:
    """Decode every file of the tracks into ``cache_directory``, unless it is there already.

    A file is known by its path, size and time of change, so an edited file is decoded anew. Files
    of another rate than ``sample_rate`` are resampled.

    Args:
        tracks: What to decode.
        cache_directory: Where decoded samples are kept between runs, 10 MB a stereo minute.
        sample_rate: Hz of the decoded samples.
        progress: Called with (files done, files in all).

    Raises:
        AudioError: If a file cannot be decoded or the files of a track differ in length, rate or
            channels.
    """
    directory = Path(cache_directory)
    directory.mkdir(parents=True, exist_ok=True)
    remove_stale_partials(directory)
    total, done = sum(len(track.files) + len(track.labels) for track in tracks), 0

    def decode(given: Mapping[str, TrackFile]) -> dict[str, DecodedFile]:
        nonlocal done
        places = {file: directory / _file_name(file, sample_rate) for file in given.values()}
        require_alike({file: _header(file, path) for file, path in places.items()})
        files = {}
        for source, file in given.items():
            files[source] = _decode_file(file, places[file], sample_rate)
            done += 1
            if progress is not None:
                progress(done, total)
        return files

    decoded = []
    for track in tracks:
        files = decode(track.files)
        decoded.append(
            DecodedTrack(
                name=track.name,
                group=track.group,
                num_samples=max(file.num_samples for file in files.values()),
                files=files,
                labels=decode(track.labels),
                certainty=track.certainty,
            )
        )
    return tuple(decoded)


def _file_name(file: TrackFile, sample_rate: int) -> str:
    """Name the decoded form of a file by what it is made of."""
    status = file.path.stat()
    identity = [str(file.path.resolve()), file.stream, status.st_size, status.st_mtime_ns]
    return f"{digest_of([FORMAT_VERSION, sample_rate, *identity])[:32]}.npy"


def _header(file: TrackFile, path: Path) -> AudioHeader:
    """Return the header of a file, without opening it if it is decoded already."""
    facts = _read_facts(path)
    return read_header(file) if facts is None else facts.header


def _read_facts(path: Path) -> _Facts | None:
    """Return what is known of a decoded file; None if it is not decoded."""
    facts_path = path.with_suffix(".json")
    try:
        plain = read_json(facts_path)
        return Reader(error=ValueError, origin=str(facts_path)).record(_Facts, plain)
    except FileNotFoundError:
        return None
    except ValueError as error:
        logger.warning("%s; decoding its file again", error)
        return None


def _decode_file(file: TrackFile, path: Path, sample_rate: int) -> DecodedFile:
    """Decode one file, or find it decoded."""
    facts = _read_facts(path) or _write_decoded(file, path, sample_rate)
    return DecodedFile(
        path=path, peak=facts.peak, num_samples=facts.num_samples, sample_rate=sample_rate
    )


def _write_decoded(file: TrackFile, path: Path, sample_rate: int) -> _Facts:
    """Write samples, levels and, last, the facts that say that the other two are whole."""
    logger.info("decoding %s", file)
    header = read_header(file)
    samples = read_samples(file)  # (N, C)
    if header.sample_rate != sample_rate:
        samples = soxr.resample(samples, header.sample_rate, sample_rate, quality="VHQ")
    peak = max(float(np.abs(samples).max(initial=0.0)), 1e-6)
    window = round(ACTIVITY_SECONDS * sample_rate)
    whole = samples[: len(samples) // window * window]
    levels = np.sqrt((whole.reshape(-1, window * samples.shape[1]) ** 2).mean(axis=1))
    _write_array(path, np.round(samples * (32767 / peak)).astype(np.int16))
    _write_array(_levels_path(path), levels.astype(np.float32))
    facts = _Facts(peak=peak, num_samples=len(samples), header=header)
    write_whole(path.with_suffix(".json"), json.dumps(to_plain(facts)))
    return facts


def _write_array(path: Path, array: np.ndarray) -> None:
    with open_whole(path) as stream:
        np.save(stream, array, allow_pickle=False)


def _levels_path(path: Path) -> Path:
    """Return where the levels of a decoded file are."""
    return path.with_suffix(".levels.npy")
