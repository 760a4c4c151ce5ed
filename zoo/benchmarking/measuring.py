"""Times of cases that take turns, so that what else the machine does hits all alike."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from zoo.benchmarking.cases import Case

__all__ = ["Measurement", "make_song", "time_interleaved"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """What was measured of a case.

    Attributes:
        case: What ran.
        first_use_seconds: The first, cold output: it compiles and allocates.
        run_seconds: A whole song, one entry a round.
        first_output_seconds: From the call to the first output, one entry a round.
        audio_seconds: Length of the song.
    """

    case: Case
    audio_seconds: float
    first_use_seconds: float
    run_seconds: list[float] = field(default_factory=list)
    first_output_seconds: list[float] = field(default_factory=list)

    @property
    def real_time_factor(self) -> float:
        """Seconds of work per second of audio, in the fastest round."""
        return min(self.run_seconds) / self.audio_seconds

    def times_as_fast_as(self, other: "Measurement") -> float:
        """Return the median over the rounds of how many times as fast this one was."""
        ratios = np.divide(other.run_seconds, self.run_seconds)
        return float(np.median(ratios))


def make_song(seconds: float, *, sample_rate: int = 44100) -> np.ndarray:
    """Return a stereo song of noise and tones, (2, N) float32, the same every time."""
    generator = np.random.default_rng(0)
    time_axis = np.arange(round(seconds * sample_rate)) / sample_rate
    tones = sum(np.sin(2 * np.pi * frequency * time_axis) for frequency in (55, 220, 880, 3520))
    noise = generator.standard_normal((2, time_axis.size))
    return (0.05 * np.asarray(tones) + 0.05 * noise).astype(np.float32)


def time_interleaved(
    cases: Sequence[Case],
    *,
    seconds: float,
    rounds: int,
    report: Callable[[str], None] = lambda line: None,
) -> list[Measurement]:
    """Time every case once a round.

    Args:
        cases: What to time.
        seconds: Length of the song.
        rounds: How often.
        report: Called with a line of text before every step.

    Raises:
        ValueError: Less than one round or second.
    """
    if rounds < 1 or seconds < 1:
        raise ValueError(f"got rounds={rounds}, seconds={seconds}; expected at least 1 of each")
    song = make_song(seconds)
    measurements = []
    for case in cases:
        report(f"first use: {case.name}, {case.num_sources} source(s), {case.backend}")
        _, first = _time_once(case, song)
        measurements.append(Measurement(case=case, audio_seconds=seconds, first_use_seconds=first))
    for index in range(rounds):
        report(f"round {index + 1} of {rounds}")
        for measurement in measurements:
            whole, first = _time_once(measurement.case, song)
            measurement.run_seconds.append(whole)
            measurement.first_output_seconds.append(first)
    return measurements


def _time_once(case: Case, song: np.ndarray) -> tuple[float, float]:
    """Return the seconds of a run and those until its first output."""
    started = time.perf_counter()
    first: float | None = None
    for _ in case.run(song):
        if first is None:
            first = time.perf_counter() - started
    whole = time.perf_counter() - started
    return whole, whole if first is None else first
