"""Tempo, beats, bars and key of made-up songs whose truth is known; and of what has none."""

import numpy as np
import pytest

pytest.importorskip("librosa", reason="the analysis needs: pip install librosa")

from zoo.analysis import SAMPLE_RATE, Sureness, analyse_song

FIRST_CLICK = 0.3  # seconds


def click_track(bpm, *, seconds=20.0):
    """Returns samples (N,) and the times of the clicks in seconds."""
    samples = np.zeros(round(seconds * SAMPLE_RATE), np.float32)
    times = np.arange(FIRST_CLICK, seconds - 0.1, 60 / bpm)
    time = np.arange(600) / SAMPLE_RATE
    click = 0.5 * np.sin(2 * np.pi * 1000 * time) * np.exp(-150 * time)
    for start in np.round(times * SAMPLE_RATE).astype(int):
        samples[start : start + len(click)] += click
    return samples, times


def chord(notes, *, seconds):
    """Plucked strings of MIDI pitches, five harmonics each."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    waves = [
        np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * harmonic * time) / harmonic**1.5
        for note in notes
        for harmonic in range(1, 6)
    ]
    return (0.05 * np.sum(waves, axis=0) * np.exp(-1.5 * time)).astype(np.float32)


C_MAJOR = [(48, 60, 64, 67), (53, 60, 65, 69), (55, 59, 62, 67), (48, 60, 64, 67)]
A_MINOR = [(45, 60, 64, 69), (50, 62, 65, 69), (52, 59, 64, 68), (45, 60, 64, 69)]


def progression(chords, *, up=0.0, seconds=1.0, times=4):
    notes = [[note + up for note in each] for each in chords]
    return np.concatenate([chord(each, seconds=seconds) for each in notes] * times)


def noise(seconds, seed=0):
    generator = np.random.default_rng(seed)
    return (0.1 * generator.standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32)


@pytest.mark.parametrize("bpm", [90, 120, 133])
def test_the_clicks_of_a_metronome_are_the_beats(bpm):
    samples, times = click_track(bpm)
    beats = analyse_song(samples).beats
    assert beats.bpm == pytest.approx(bpm, rel=0.01)
    assert beats.sureness is Sureness.SURE
    found = np.array(beats.times)
    nearest = np.abs(found[:, None] - times).min(axis=0)
    assert nearest.max() < 0.03
    assert len(found) == pytest.approx(len(times), abs=2)


def test_noise_around_the_clicks_makes_them_less_sure():
    samples, _ = click_track(120)
    beats = analyse_song(samples + 2 * noise(20.0)).beats
    assert beats.bpm == pytest.approx(120, rel=0.01)
    assert beats.sureness is not Sureness.SURE


def test_the_drums_give_the_beats_where_the_mixture_hides_them():
    drums, _ = click_track(133)
    mixture = drums + 10 * noise(20.0)
    assert analyse_song(mixture).beats is None
    assert analyse_song(mixture, drums).beats.bpm == pytest.approx(133, rel=0.01)


@pytest.mark.parametrize(
    ("chords", "up", "tonic", "mode"),
    [
        (C_MAJOR, 0, 0, "major"),
        (A_MINOR, 0, 9, "minor"),
        (C_MAJOR, 6, 6, "major"),
        (A_MINOR, 2, 11, "minor"),
        (C_MAJOR, 0.4, 0, "major"),  # 40 cents sharp, as old records are
    ],
)
def test_the_key_is_that_of_the_chords(chords, up, tonic, mode):
    key = analyse_song(progression(chords, up=up)).key
    assert (key.tonic, key.mode, key.sureness) == (tonic, mode, Sureness.SURE)


def test_the_key_is_found_without_the_drums():
    generator = np.random.default_rng(0)
    harmony = progression(A_MINOR)
    drums = (2 * generator.standard_normal(len(harmony))).astype(np.float32)
    assert analyse_song(harmony + drums).key is None
    assert analyse_song(harmony + drums, drums).key.tonic == 9


@pytest.mark.parametrize("pickup", [0, 1, 3])
def test_bars_begin_where_the_harmony_changes(pickup):
    clicks, _ = click_track(120, seconds=24.0)
    harmony = np.concatenate(
        [
            np.zeros(round((FIRST_CLICK + pickup * 0.5) * SAMPLE_RATE), np.float32),
            progression(C_MAJOR[:3], seconds=2.0, times=4),
        ]
    )[: len(clicks)]
    mixture = clicks.copy()
    mixture[: len(harmony)] += harmony
    beats = analyse_song(mixture, clicks).beats
    assert beats.knows_bars
    starts = np.array(beats.times[beats.first_downbeat :: 4])
    expected = FIRST_CLICK + pickup * 0.5
    assert np.abs((starts - expected + 1) % 2.0 - 1).max() < 0.05


def test_without_harmony_bars_are_not_known():
    assert not analyse_song(click_track(120)[0]).beats.knows_bars


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(10 * SAMPLE_RATE, np.float32),
        np.zeros(1, np.float32),
        np.zeros(0, np.float32),
        np.ones(1, np.float32),
        noise(1.0),
        noise(10.0),
        noise(30.0, seed=1),
        click_track(120, seconds=1.0)[0],
        np.full(5 * SAMPLE_RATE, 0.5, np.float32),
    ],
    ids=["silence", "one", "none", "impulse", "1 s", "10 s", "30 s", "1 s of clicks", "constant"],
)
def test_what_has_no_beat_and_no_key_has_none(samples):
    analysis = analyse_song(samples)
    assert (analysis.beats, analysis.key) == (None, None)


def test_a_steady_tone_has_no_beat():
    time = np.arange(20 * SAMPLE_RATE) / SAMPLE_RATE
    assert analyse_song(np.sin(2 * np.pi * 351 * time).astype(np.float32)).beats is None


def test_silent_drums_change_nothing():
    samples, _ = click_track(120)
    assert analyse_song(samples, np.zeros_like(samples)) == analyse_song(samples)
