"""Levels and errors of estimates by band."""

import pytest
from signals import tone

from benchmarks import print_bands
from tests.evaluation_tracks import SOURCES, make_stems, write_track

RATE = 44100


def test_a_tone_is_in_its_band():
    for band, frequency in enumerate((100, 500, 1500, 3000, 6000, 12000)):
        energies = print_bands.band_energies(tone(frequency), sample_rate=RATE)
        assert energies[band] / energies.sum() == pytest.approx(1.0, abs=1e-3)


def test_missing_highs_show():
    truth, estimate = tone(500) + tone(6000), tone(500)
    energies = [
        print_bands.band_energies(signal, sample_rate=RATE)
        for signal in (truth, estimate, estimate - truth)
    ]
    table = print_bands.format_table([("drums", *energies)]).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[3:-1]] for line in table[2:]]
    assert float(cells[0][1]) == 0.0
    assert float(cells[0][4]) < -60
    assert float(cells[1][4]) == pytest.approx(50.0, abs=0.2)
    assert float(cells[2][4]) == pytest.approx(50.0, abs=0.2)
    assert float(cells[2][1]) == 0.0


def test_the_command_sums_over_all_tracks(tmp_path, capsys):
    for seed in range(2):
        write_track(tmp_path / f"song {seed}", make_stems(seed, rate=RATE), rate=RATE)
    options = ["--model", "lightsaft_tfctdf_tiny", "--weights", "test", "--data", str(tmp_path)]
    assert print_bands.main(options) == 0
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines()[2:]]
    assert [cells[0].strip() for cells in rows[::3]] == list(SOURCES)
    # The vocals of these tracks are noise up to 11 kHz, so a good quarter of them is above 8 kHz.
    energies = [float(cell) for cell in rows[1][2:]]
    assert sum(energies) == pytest.approx(100.0, abs=0.5)
    assert energies[-1] == pytest.approx(100 * (11025 - 8000) / 11025, abs=1.0)
