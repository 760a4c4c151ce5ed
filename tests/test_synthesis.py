"""Parts by rule: at the level of what they replace, in tune, without aliases, never the same."""

import numpy as np
import pytest
from plain_instruments import plain_instrument

from zoo.data.augmentations.basic import AUGMENTATIONS
from zoo.data.instruments import Note
from zoo.data.synthesis import STYLES, Synthesis, _compose

RATE = 44100
QUIET = 0.02 * np.ones((2, 2 * RATE), dtype=np.float32)


def random(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def spectrum(sound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    window = np.hanning(sound.shape[-1])
    power = np.abs(np.fft.rfft(sound * window)) ** 2
    return np.fft.rfftfreq(sound.shape[-1], 1 / RATE), power


@pytest.mark.parametrize("style", STYLES)
def test_a_part_has_the_length_and_level_of_the_recording(style):
    for seed in range(10):
        part = Synthesis(styles=(style,))(QUIET, random(seed))
        assert part.shape == QUIET.shape
        assert part.dtype == np.float32
        level = np.sqrt(np.mean(part.astype(np.float64) ** 2))
        assert level == pytest.approx(0.02, rel=1e-3) or not part.any()  # all rests


def test_silence_stays_silent_and_one_seed_gives_one_part():
    silence = np.zeros((2, RATE), dtype=np.float32)
    assert not Synthesis()(silence, random(0)).any()
    transform = Synthesis()
    assert np.array_equal(transform(QUIET, random(3)), transform(QUIET, random(3)))
    assert not np.array_equal(transform(QUIET, random(3)), transform(QUIET, random(4)))


@pytest.mark.parametrize("style", STYLES)
def test_notes_stay_in_the_range_and_in_one_scale(style):
    for seed in range(20):
        notes = _compose(
            style, 20 * RATE, lowest=45, highest=88, sample_rate=RATE, generator=random(seed)
        )
        assert notes
        assert all(45 <= note.pitch <= 88 for note in notes)
        assert all(0 <= note.start < 20 * RATE and note.length > 0 for note in notes)
        assert len({note.pitch % 12 for note in notes}) <= 7
        together = max(sum(other.start == note.start for other in notes) for note in notes)
        assert together == 1 or style == "chords"


def test_a_note_has_its_harmonics_and_nothing_between_or_above_them():
    note = Note(start=0, length=RATE, pitch=69, level=1.0)
    for seed in range(5):
        instrument = plain_instrument(seed, attack=0.05, decay=1.0, sustain=0.5, release=0.3)
        sound = instrument.play(note, sample_rate=RATE, generator=random(seed))
        assert sound.shape == (2, RATE + round(0.3 * RATE))
        frequencies, power = spectrum(sound[0])
        nearest = np.abs(frequencies - 440 * np.maximum(1, np.round(frequencies / 440)))
        assert power[nearest > 40].sum() < 1e-4 * power.sum()
        assert power[frequencies > 16_500].sum() < 1e-6 * power.sum()


def test_instruments_differ_in_timbre():
    note = Note(start=0, length=RATE, pitch=57, level=1.0)
    shares = []
    for seed in range(40):
        sound = plain_instrument(seed).play(note, sample_rate=RATE, generator=random(seed))
        frequencies, power = spectrum(sound[0])
        shares.append(power[frequencies < 330].sum() / power.sum())  # of the fundamental
    assert np.quantile(shares, 0.1) < 0.5
    assert np.quantile(shares, 0.9) > 0.95


def test_a_note_dies_away_after_it_is_let_go():
    note = Note(start=0, length=RATE // 2, pitch=60, level=1.0)
    instrument = plain_instrument(0, sustain=1.0, attack=0.01, release=0.2)
    sound = instrument.play(note, sample_rate=RATE, generator=random(0))
    held = np.abs(sound[:, RATE // 4 : RATE // 2]).max()
    assert np.abs(sound[:, -RATE // 50 :]).max() < 0.02 * held


def test_what_cannot_be_played_is_refused_by_name():
    with pytest.raises(ValueError, match=r"styles: got \('fugue',\); expected some of chords"):
        Synthesis(styles=("fugue",))
    with pytest.raises(ValueError, match="styles: got"):
        Synthesis(styles=())
    with pytest.raises(ValueError, match="from 60 to 71; expected an octave at least"):
        Synthesis(lowest=60, highest=71)
    assert AUGMENTATIONS["synthesis"] is Synthesis
