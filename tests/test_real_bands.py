"""What real_bands leaves out of the training data, and how it mixes voices in."""

import numpy as np
import pytest
from signals import RATE, noise, tone, write

from benchmarks import real_bands

PLAN = {
    "scored": ["west", "lava", "snowy"],
    "left_out": ["farm"],
    "voices": ["kumi", "scott"],
    "voice_step_seconds": 1,
    "voice_over_accompaniment_db": 3.0,
}


@pytest.fixture
def house(tmp_path):
    root = tmp_path / "house"
    for song in ("west", "lava", "snowy", "farm", "trained"):
        (root / "train" / "accompaniment" / song).mkdir(parents=True)
        write(root / "train" / "accompaniment" / song / "accompaniment.wav", noise(4 * RATE))
    for voice, hertz in (("kumi", 440.0), ("scott", 220.0)):
        (root / "valid" / voice).mkdir(parents=True)
        signal = tone(hertz, num_samples=4 * RATE)
        write(root / "valid" / voice / "vocals.wav", 0.1 * signal)
    return root


def test_training_gets_neither_scored_nor_left_out_songs(house, tmp_path):
    real_bands.link_training_songs(PLAN, house / "train", tmp_path / "train")
    kept = [file.relative_to(tmp_path / "train") for file in (tmp_path / "train").rglob("*.wav")]
    assert [str(file) for file in kept] == ["accompaniment/trained/accompaniment.wav"]


def test_voices_take_turns_and_are_as_loud_as_the_plan_says(house):
    pairs = list(real_bands.held_out_pairs(PLAN, house, RATE))
    assert [pair.name for pair in pairs] == ["west, kumi", "lava, scott", "snowy, kumi"]
    assert [pair.vocals.shape[1] for pair in pairs] == [4 * RATE, 4 * RATE, 3 * RATE]
    for pair in pairs:
        assert pair.vocals.shape == pair.accompaniment.shape
        ratio = np.mean(pair.vocals**2) / np.mean(pair.accompaniment**2)
        assert 10 * np.log10(ratio) == pytest.approx(3.0, abs=1e-3)


def test_the_table_has_every_pair_its_mean_and_its_worst(house, capsys):
    class Halving:
        spec = type("Spec", (), {"sample_rate": RATE})

        def __call__(self, song, *, sources):
            samples, _ = song
            return type("Result", (), {"stems": {sources[0]: 0.1 * samples}})

    pairs = list(real_bands.held_out_pairs(PLAN, house, RATE))
    real_bands.print_scores(Halving(), iter(pairs))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" |")[0] for line in lines[2:]] == [
        *(f"| {pair.name}" for pair in pairs),
        "| mean",
        "| worst",
    ]
    assert all(line.endswith("| 20.0 |") for line in lines[2:])
