"""The mixer's pictures: a tone lands on its row and column, levels are true, outlines are peaks."""

import numpy as np
import pytest
from PIL import Image

from zoo.ui.spectrogram import (
    BOTTOM_HZ,
    ROWS,
    TOP_HZ,
    log_spectrogram,
    outline,
    reference_level,
    save_picture,
)

SAMPLE_RATE = 44_100


def tone(frequency, *, seconds=2.0, amplitude=1.0):
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def row_of(frequency):
    share = np.log(frequency / BOTTOM_HZ) / np.log(TOP_HZ / BOTTOM_HZ)
    return ROWS - 1 - int(share * ROWS)


@pytest.mark.parametrize("frequency", [440.0, 1000.0, 5000.0, 12_000.0])
def test_a_tone_is_brightest_on_the_row_of_its_frequency(frequency):
    picture = log_spectrogram(tone(frequency)[None], sample_rate=SAMPLE_RATE)
    assert picture.shape == (ROWS, 600)
    middle = picture[:, 300]
    assert abs(int(np.argmax(middle)) - row_of(frequency)) <= 1


def test_half_the_amplitude_is_six_decibels_less_and_channels_add():
    loud = log_spectrogram(tone(1000.0)[None], sample_rate=SAMPLE_RATE)
    soft = log_spectrogram(tone(1000.0, amplitude=0.5)[None], sample_rate=SAMPLE_RATE)
    opposed = np.stack([tone(1000.0), -tone(1000.0)])
    both = log_spectrogram(opposed, sample_rate=SAMPLE_RATE)
    row = row_of(1000.0)
    assert loud[row, 300] - soft[row, 300] == pytest.approx(6.0206, abs=1e-3)
    assert both[row, 300] - loud[row, 300] == pytest.approx(3.0103, abs=1e-3)


def test_sound_appears_at_its_time_and_silence_is_the_floor():
    samples = np.zeros((1, 2 * SAMPLE_RATE), dtype=np.float32)
    samples[0, SAMPLE_RATE:] = tone(1000.0, seconds=1.0)
    picture = log_spectrogram(samples, sample_rate=SAMPLE_RATE)
    row = row_of(1000.0)
    assert picture[row, 270] == pytest.approx(-120.0, abs=1e-4)
    assert picture[row, 330] > -20.0


@pytest.mark.parametrize(("samples", "columns"), [(1, 600), (8 * 60 * 8000, 3000)])
def test_the_width_is_bounded_at_any_length(samples, columns):
    noise = np.random.default_rng(0).standard_normal((2, samples)).astype(np.float32)
    assert log_spectrogram(noise, sample_rate=8000).shape == (ROWS, columns)


def test_the_picture_is_black_below_the_range_and_bright_at_the_top(tmp_path):
    levels = np.array([[-100.0, -10.0]])
    save_picture(levels, tmp_path / "a.png", color="#ec4899", top_db=reference_level(levels))
    image = Image.open(tmp_path / "a.png").convert("RGB")
    assert image.size == (2, 1)
    assert image.getpixel((0, 0)) == (9, 10, 18)
    assert image.getpixel((1, 0)) == (251, 218, 235)


def test_the_outline_is_the_peak_over_channels_of_equal_stretches():
    samples = np.zeros((2, 400), dtype=np.float32)
    samples[1, 150] = -0.75
    assert outline(samples, points=4) == [0.0, 0.75, 0.0, 0.0]
    assert outline(samples[:, :3], points=400) == [0.0, 0.0, 0.0]
    assert outline(samples[:, :0]) == []
