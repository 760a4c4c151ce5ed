"""The mixer's pictures: a tone lands on its row and column, levels are true, outlines are peaks."""

import numpy as np
import pytest
from PIL import Image

from zoo.audio.spectrogram import BOTTOM_HZ, TOP_HZ, reference_level
from zoo.ui.lane_picture import ROWS, LanePainter, save_picture

SAMPLE_RATE = 44_100


def tone(frequency, *, seconds=2.0, amplitude=1.0):
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def paint(samples, *, sample_rate=SAMPLE_RATE, block_samples=None):
    painter = LanePainter(
        num_samples=samples.shape[1], num_channels=samples.shape[0], sample_rate=sample_rate
    )
    step = block_samples or samples.shape[1]
    for start in range(0, samples.shape[1], step):
        painter.push(samples[:, start : start + step])
    return painter


def log_spectrogram(samples, *, sample_rate=SAMPLE_RATE):
    return paint(samples, sample_rate=sample_rate).spectrogram.levels()


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


@pytest.mark.parametrize("num_samples", [1, 300, 44_100, 250_001])
@pytest.mark.parametrize("block_samples", [1000, 4096, 65_536])
def test_the_sizes_of_the_blocks_change_nothing(num_samples, block_samples):
    noise = np.random.default_rng(0).standard_normal((2, num_samples)).astype(np.float32)
    whole, parts = paint(noise), paint(noise, block_samples=block_samples)
    np.testing.assert_allclose(
        parts.spectrogram.levels(), whole.spectrogram.levels(), atol=1e-4, rtol=0
    )
    assert parts.outline == whole.outline


def test_a_growing_picture_is_the_final_one_but_for_the_last_window():
    noise = np.random.default_rng(0).standard_normal((1, 4 * SAMPLE_RATE)).astype(np.float32)
    final = log_spectrogram(noise)
    painter = LanePainter(num_samples=4 * SAMPLE_RATE, num_channels=1, sample_rate=SAMPLE_RATE)
    painter.push(noise[:, : 2 * SAMPLE_RATE])
    columns = painter.spectrogram.columns_between(SAMPLE_RATE, 2 * SAMPLE_RATE)
    growing = painter.spectrogram.levels(columns)
    assert (columns.start, columns.stop) == (150, 300)
    assert growing.shape == (ROWS, 150)
    settled = 142  # the last 8 columns' windows of 4,096 samples reach beyond 2 s
    np.testing.assert_allclose(
        growing[:, :settled], final[:, columns][:, :settled], atol=1e-4, rtol=0
    )
    assert np.isfinite(growing).all()
    assert growing[:, settled:].mean() > -60


def test_the_outline_is_the_peak_over_channels_of_equal_stretches():
    samples = np.zeros((2, 800), dtype=np.float32)
    samples[1, 300] = -0.75
    assert paint(samples, block_samples=7).outline == [0.0] * 150 + [0.75] + [0.0] * 249
    assert paint(samples[:, :3]).outline == [0.0, 0.0, 0.0]
