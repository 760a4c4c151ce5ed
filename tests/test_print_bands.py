"""Levels and errors of estimates by band."""

import numpy as np
import pytest

from benchmarks import print_bands

RATE = 44100


def tone(frequency: float) -> np.ndarray:
    wave = np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE)
    return np.stack([wave, wave]).astype(np.float32)


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
