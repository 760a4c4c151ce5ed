"""Revoicing: the notes of a recording are heard and played on other instruments."""

import numpy as np
import pytest
from plain_instruments import plain_instrument

from zoo.data.augmentations.basic import AUGMENTATIONS
from zoo.data.instruments import Instrument
from zoo.data.revoicing import FRAME, HOP, Revoicing, hear_notes

RATE = 44100
EAR = {"lowest": 45, "highest": 88, "polyphony": 4, "sample_rate": RATE}


def random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def tone(pitch: int, *, seconds: float = 1.0) -> np.ndarray:
    """A note of ten falling harmonics, (2, n)."""
    time = np.arange(round(seconds * RATE)) / RATE
    frequency = 440.0 * 2.0 ** ((pitch - 69) / 12)
    wave = sum(np.sin(2 * np.pi * h * frequency * time) / h for h in range(1, 11))
    return 0.05 * np.stack([wave, 0.5 * wave]).astype(np.float32)


def melody(pitches: list[int], *, seconds: float = 1.0) -> np.ndarray:
    return np.concatenate([tone(pitch, seconds=seconds) for pitch in pitches], axis=1)


@pytest.mark.parametrize("lowest", [45, 26])
def test_a_melody_is_heard_note_by_note(lowest):
    pitches = [lowest + step for step in (0, 7, 12, 3, 19)]
    notes = hear_notes(
        melody(pitches), lowest=lowest, highest=lowest + 30, polyphony=1, sample_rate=RATE
    )
    longest = sorted(notes, key=lambda note: note.length)[-len(pitches) :]
    longest.sort(key=lambda note: note.start)
    assert [note.pitch for note in longest] == pitches
    for place, note in enumerate(longest):
        assert abs(note.start - place * RATE) <= FRAME // 2 + HOP
        assert abs(note.length - RATE) <= FRAME + 2 * HOP


def test_the_notes_of_a_chord_are_heard_together():
    for chord in ([57, 61, 64], [48, 55, 64, 70], [60, 63, 67, 70]):
        audio = sum(tone(pitch) for pitch in chord)
        heard = {note.pitch for note in hear_notes(audio, **EAR) if note.length > RATE // 2}
        assert heard == set(chord)


def test_quieter_notes_have_lower_levels():
    audio = np.concatenate([tone(60), 0.1 * tone(67)], axis=1)
    levels = {note.pitch: note.level for note in hear_notes(audio, **EAR) if note.length > HOP * 20}
    assert levels[60] == pytest.approx(1.0)
    assert 0.05 < levels[67] < 0.5


@pytest.mark.parametrize("length", [2, 1000, RATE, 3 * RATE + 7])
def test_a_part_has_the_length_and_level_of_the_recording(length):
    audio = melody([57, 60, 64, 62])[:, :length]
    part = Revoicing()(audio, random(0))
    assert part.shape == audio.shape
    assert part.dtype == np.float32
    level = np.sqrt(np.mean(np.square(audio, dtype=np.float64)))
    assert np.sqrt(np.mean(np.square(part, dtype=np.float64))) == pytest.approx(level, rel=1e-3)


def test_the_part_plays_what_the_recording_plays(monkeypatch):
    pitches = [57, 64, 60]
    audio = melody(pitches)
    held = plain_instrument(0, attack=0.02, sustain=1.0, release=0.05)
    monkeypatch.setattr(Instrument, "draw", lambda generator: held)
    part = Revoicing(polyphony=1)(audio, random(0))
    for place, pitch in enumerate(pitches):
        sound = part[0, place * RATE + RATE // 4 : place * RATE + 3 * RATE // 4]
        power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), RATE)) ** 2
        frequencies = np.fft.rfftfreq(RATE, 1 / RATE)
        fundamental = 440.0 * 2.0 ** ((pitch - 69) / 12)
        nearest = fundamental * np.maximum(1, np.round(frequencies / fundamental))
        assert power[np.abs(frequencies - nearest) < 10].sum() > 0.99 * power.sum()


def test_silence_stays_silent_and_one_seed_gives_one_part():
    silence = np.zeros((2, RATE), dtype=np.float32)
    assert not Revoicing()(silence, random(0)).any()
    audio, transform = melody([57, 60]), Revoicing()
    before = audio.copy()
    assert np.array_equal(transform(audio, random(3)), transform(audio, random(3)))
    assert not np.array_equal(transform(audio, random(3)), transform(audio, random(4)))
    assert np.array_equal(audio, before)


def test_what_no_note_is_heard_in_is_left_as_it_is():
    short = tone(60)[:, : HOP - 1]
    assert np.array_equal(Revoicing()(short, random(0)), short)


def test_a_range_or_polyphony_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="from 60 to 71; expected an octave at least"):
        Revoicing(lowest=60, highest=71)
    with pytest.raises(ValueError, match="polyphony: got 0; expected 1 or more"):
        Revoicing(polyphony=0)
    assert AUGMENTATIONS["revoicing"] is Revoicing
