"""How long a catalogue will take, from the speed of this machine and the lengths of some songs."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from zoo.audio import open_audio
from zoo.catalogue.songs import CatalogueSong
from zoo.catalogue.store import local_copy
from zoo.catalogue.work import CatalogueJob
from zoo.errors import AudioError, CatalogueError

__all__ = ["CatalogueEstimate", "estimate_catalogue"]

MOST_LOOKED_AT = 200  # songs whose lengths are read; the others are taken for as long
NUM_READERS = 8
TRIAL_SECONDS = 12.0
NOISE_LEVEL = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogueEstimate:
    """What a catalogue will take.

    Attributes:
        num_songs: How many songs there are.
        num_looked_at: Of how many the length was read.
        num_unreadable: How many of those cannot be read.
        audio_hours: Of all songs; an estimate where not all were looked at.
        speed: Seconds of audio that this machine separates per second.
        num_workers: How many devices like this one there are.
    """

    num_songs: int
    num_looked_at: int
    num_unreadable: int
    audio_hours: float
    speed: float
    num_workers: int

    @property
    def hours(self) -> float:
        """How long it will take."""
        return self.audio_hours / self.speed / self.num_workers

    def format(self) -> str:
        """Return it as text."""
        is_exact = self.num_looked_at == self.num_songs
        about = "" if is_exact else f" (from {self.num_looked_at} of them)"
        lines = [
            f"{self.num_songs:,} songs, {self.audio_hours:,.2f} hours of audio{about}",
            f"this machine separates {self.speed:.2f} hours of audio per hour",
            f"{self.num_workers} of its kind take {self.hours:,.2f} hours",
        ]
        if self.num_unreadable:
            lines.append(f"{self.num_unreadable} of {self.num_looked_at} cannot be read")
        return "\n".join(lines)


def estimate_catalogue(
    job: CatalogueJob, songs: Sequence[CatalogueSong], *, num_workers: int
) -> CatalogueEstimate:
    """Estimate a run without doing any of it.

    Args:
        job: What is wanted. Its speed is measured on some seconds of noise.
        songs: The catalogue. The lengths of at most 200, evenly spread, are read.
        num_workers: How many devices there will be.

    Raises:
        CatalogueError: None of the songs can be read.
    """
    number = min(len(songs), MOST_LOOKED_AT)
    places = np.linspace(0, len(songs) - 1, number).round().astype(int)
    with ThreadPoolExecutor(NUM_READERS) as threads:
        seconds = list(threads.map(_length, [songs[index] for index in places]))
    known = [each for each in seconds if each is not None]
    if not known:
        raise CatalogueError(f"none of the {number} songs that were looked at can be read")
    return CatalogueEstimate(
        num_songs=len(songs),
        num_looked_at=number,
        num_unreadable=number - len(known),
        audio_hours=float(np.sum(known)) * len(songs) / number / 3600,
        speed=_measure_speed(job),
        num_workers=num_workers,
    )


def _length(song: CatalogueSong) -> float | None:
    """Return the seconds of a song, None where it cannot be read."""
    try:
        with local_copy(song.url) as path, open_audio(path) as reader:
            return reader.info.seconds
    except (AudioError, CatalogueError):
        return None


def _measure_speed(job: CatalogueJob) -> float:
    separator = job.make_separator()
    rate = separator.sample_rate
    shape = (separator.spec.channels, round(TRIAL_SECONDS * rate))
    noise = np.random.default_rng(0).normal(0, NOISE_LEVEL, shape).astype(np.float32)

    def separate(samples: np.ndarray) -> None:
        separator((samples, rate), sources=job.sources, two_stems=job.two_stems)

    separate(noise[:, : rate // 2])  # the first call compiles
    started = time.perf_counter()
    separate(noise)
    return TRIAL_SECONDS / (time.perf_counter() - started)
