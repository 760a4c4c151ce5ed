"""Tempo, beats and bars of a song.

The tempo is the lag at which the onset envelope resembles itself most, weighted by how common
tempos are; the beats are the path of steady steps along the strongest onsets (Ellis, "Beat tracking
by dynamic programming", Journal of New Music Research 36, 2007, as librosa has it).

T: frames of the onset envelope
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.analysis.compiling import librosa, one_process_at_a_time
from zoo.analysis.features import CHROMA_HOP, ONSET_HOP, SAMPLE_RATE
from zoo.analysis.sureness import Sureness, judge

__all__ = ["BEATS_PER_BAR", "Beats", "find_beats"]

FRAMES_PER_SECOND = SAMPLE_RATE / ONSET_HOP
SLOWEST_BPM, FASTEST_BPM = 55, 210
# Tempos are spread around 120 BPM as Ellis (2007) has it, by an octave as librosa has it.
COMMON_BPM, SPREAD_OCTAVES = 120, 1.0
WINDOW_SECONDS = 8
# Of the tracker: at 100, its default, a noisy start leads it astray; at 800 it loses a song that
# goes from 110 to 130 BPM within 30 s.
TIGHTNESS = 400
# By the pulse clarity. Of 300 pieces of white noise of 4 s and more, none has more than 0.2.
LEVELS = {Sureness.SURE: (0.5,), Sureness.FAIRLY_SURE: (0.3,), Sureness.GUESS: (0.22,)}
# An envelope that moves less, in dB, holds no onsets: steady tones have 0.003, white noise has 0.1.
LEAST_SPREAD_DB = 0.02
# Measured on clicks: the envelope is highest so long after an onset.
ONSET_DELAY_SECONDS = 0.016
# A beat is where a line through the four before and the four after has it: finer than a frame.
SMOOTHED_BEATS = 9
FEWEST_BEATS = 4
TEMPO_BEATS = 32  # over which the tempo is measured: a frame in 32 beats is 0.1 % at 120 BPM
BEATS_PER_BAR = 4
# Bars are sure where the harmony changes on their first beat so many times as much as on any other.
BAR_CONTRAST = 1.5
FEWEST_BARS = 4
SILENT_LEVEL = 1e-4  # of the loudest beat: what is below has no harmony


@dataclass(frozen=True, kw_only=True, slots=True)
class Beats:
    """The beats of a song.

    Attributes:
        bpm: Beats per minute, where the tempo changes that of most of the song.
        times: Of the beats from the start of the song to its end, in seconds; where there are no
            clear onsets they go on in step.
        first_downbeat: Index of the first beat that begins a bar of four.
        knows_bars: Whether the harmony tells where bars begin; else it is a guess.
        sureness: Of the beats.
    """

    bpm: float
    times: tuple[float, ...]
    first_downbeat: int
    knows_bars: bool
    sureness: Sureness


@one_process_at_a_time
def find_beats(envelopes: Sequence[np.ndarray], chroma: np.ndarray) -> Beats | None:
    """Find the beats of a song.

    The measure behind the sureness is the pulse clarity: the autocorrelation of the onset envelope
    at the lag of one beat, 1 being a perfect repetition, averaged over windows of 8 s (after
    Lartillot et al., "Multi-feature modeling of pulse clarity", ISMIR 2008).

    Args:
        envelopes: Onset envelopes (T,) of one song, of some seconds at least: of the mixture and of
            its drums, say. They count alike, because drums are the clearest where they play, and
            the mixture goes on where they do not.
        chroma: Chromagram of its harmony, for the bars.

    Returns:
        The beats, or None where no steady beat was found.
    """
    moving = [one / one.std() for one in envelopes if one.std() >= LEAST_SPREAD_DB]
    if not moving:
        return None
    envelope = np.sum(moving, axis=0)
    likeness = _autocorrelation(envelope)
    lag = _beat_lag(likeness)
    clarity = likeness[lag] / (1 - lag / len(likeness))
    sureness = judge(LEVELS, clarity)
    if sureness is None:
        return None
    _, frames = librosa.beat.beat_track(
        onset_envelope=envelope,
        sr=SAMPLE_RATE,
        hop_length=ONSET_HOP,
        bpm=60 * FRAMES_PER_SECOND / lag,
        tightness=TIGHTNESS,
        units="frames",
        trim=True,
    )
    if len(frames) < FEWEST_BEATS:
        return None
    tracked = _smoothed(frames) / FRAMES_PER_SECOND - ONSET_DELAY_SECONDS
    times, num_before = _continued(tracked, len(envelope) / FRAMES_PER_SECOND)
    downbeat, knows_bars = _find_downbeat(times, chroma)
    return Beats(
        bpm=_tempo(tracked),
        times=tuple(times.tolist()),
        first_downbeat=num_before % BEATS_PER_BAR if downbeat is None else downbeat,
        knows_bars=knows_bars,
        sureness=sureness,
    )


def _autocorrelation(envelope: np.ndarray) -> np.ndarray:
    """Average the autocorrelation of windows, 1 at lag 0; it falls with the lag by the overlap."""
    length = min(round(WINDOW_SECONDS * FRAMES_PER_SECOND), len(envelope))
    windows = np.lib.stride_tricks.sliding_window_view(envelope, length)[:: length // 2]
    moved = windows - windows.mean(axis=1, keepdims=True)
    power = np.square(np.abs(np.fft.rfft(moved, 2 * length)))
    products = np.fft.irfft(power)[:, :length]
    sounding = products[products[:, 0] > 1e-6 * products[:, 0].max()]
    return (sounding / sounding[:, :1]).mean(axis=0)


def _beat_lag(likeness: np.ndarray) -> int:
    """Return the lag of a beat in frames."""
    lags = np.arange(
        int(np.ceil(60 * FRAMES_PER_SECOND / FASTEST_BPM)),
        int(60 * FRAMES_PER_SECOND / SLOWEST_BPM) + 1,
    )
    octaves = np.log2(60 * FRAMES_PER_SECOND / lags / COMMON_BPM)
    weights = np.exp(-0.5 * np.square(octaves / SPREAD_OCTAVES))
    return int(lags[np.argmax(np.maximum(likeness[lags], 0) * weights)])


def _smoothed(frames: np.ndarray) -> np.ndarray:
    """Put every beat on the line through its neighbours.

    The slope is the median of those between all pairs (Theil and Sen), so that a stray beat, as the
    first one often is, bends nothing.
    """
    size = min(SMOOTHED_BEATS, len(frames))
    firsts = np.clip(np.arange(len(frames)) - size // 2, 0, len(frames) - size)
    windows = np.lib.stride_tricks.sliding_window_view(frames, size)[firsts]
    early, late = np.triu_indices(size, k=1)
    slopes = np.median((windows[:, late] - windows[:, early]) / (late - early), axis=1)
    starts = np.median(windows - slopes[:, None] * np.arange(size), axis=1)
    return starts + slopes * (np.arange(len(frames)) - firsts)


def _tempo(times: np.ndarray) -> float:
    """Return 60 by the median distance of beats, measured over many of them."""
    step = min(TEMPO_BEATS, len(times) // 2)
    return float(60 * step / np.median(times[step:] - times[:-step]))


def _continued(times: np.ndarray, seconds: float) -> tuple[np.ndarray, int]:
    """Add beats before the first and after the last, in step; also return how many come before."""
    first_step, last_step = times[1] - times[0], times[-1] - times[-2]
    num_before = max(0, int(times[0] / first_step))
    num_after = max(0, int((seconds - times[-1]) / last_step))
    before = times[0] - first_step * np.arange(num_before, 0, -1)
    after = times[-1] + last_step * np.arange(1, num_after + 1)
    return np.concatenate([before, times, after]), num_before


def _find_downbeat(times: np.ndarray, chroma: np.ndarray) -> tuple[int | None, bool]:
    """Find which of the first four beats begins a bar, and whether the harmony makes that clear.

    Chords change at bar lines more often than elsewhere (Goto, "An audio-based real-time beat
    tracking system for music with or without drum-sounds", Journal of New Music Research 30, 2001).
    """
    middles = (times[:-1] + times[1:]) / 2
    chords = chroma[:, np.round(middles * SAMPLE_RATE / CHROMA_HOP).astype(int)]
    levels = np.linalg.norm(chords, axis=0)
    if len(chords.T) < FEWEST_BARS * BEATS_PER_BAR or not levels.any():
        return None, False
    chords = chords / np.maximum(levels, SILENT_LEVEL * levels.max())
    changes = np.square(np.diff(chords, prepend=chords[:, :1])).sum(axis=0)
    means = np.array([changes[beat::BEATS_PER_BAR].mean() for beat in range(BEATS_PER_BAR)])
    *_, second, best = np.sort(means)
    return int(np.argmax(means)), bool(best > BAR_CONTRAST * second)
