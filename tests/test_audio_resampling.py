import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signals import tone

from zoo.audio import resample, resample_blocks, resampled_length

RATES = [8000, 11025, 22050, 32000, 44100, 47999, 48000, 96000, 192000]


@given(
    from_rate=st.sampled_from(RATES),
    to_rate=st.sampled_from(RATES),
    num_samples=st.integers(1, 5000),
    num_channels=st.integers(1, 8),
    sizes=st.lists(st.integers(1, 2000), min_size=1, max_size=5),
)
@settings(max_examples=80, deadline=None)
def test_blocks_give_bit_for_bit_what_the_whole_gives(
    from_rate, to_rate, num_samples, num_channels, sizes
):
    audio = np.random.default_rng(num_samples).standard_normal((num_channels, num_samples))
    audio = audio.astype(np.float32)
    cuts = [0]
    while cuts[-1] < num_samples:
        cuts.append(min(num_samples, cuts[-1] + sizes[len(cuts) % len(sizes)]))
    blocks = [audio[:, start:end] for start, end in itertools.pairwise(cuts)]
    rates = {"from_rate": from_rate, "to_rate": to_rate}
    whole = resample(audio, **rates)
    assert whole.shape == (num_channels, resampled_length(num_samples, **rates))
    assert whole.dtype == np.float32
    streamed = list(resample_blocks(blocks, num_channels=num_channels, **rates))
    np.testing.assert_array_equal(np.concatenate(streamed, axis=1), whole)


@given(num_samples=st.integers(1, 10**9), from_rate=st.sampled_from(RATES))
def test_there_and_back_is_never_too_short(num_samples, from_rate):
    there = resampled_length(num_samples, from_rate=from_rate, to_rate=44100)
    assert resampled_length(there, from_rate=44100, to_rate=from_rate) >= num_samples


@pytest.mark.parametrize("rate", [8000, 48000, 192000])
def test_a_tone_in_both_bands_survives_there_and_back_without_delay(rate):
    audio = tone(1000, num_samples=rate // 2, rate=rate)
    there = resample(audio, from_rate=rate, to_rate=44100)
    np.testing.assert_allclose(
        there[:, 2000:-2000], tone(1000, num_samples=22050)[:, 2000:-2000], atol=1e-4
    )
    back = resample(there, from_rate=44100, to_rate=rate)[:, : audio.shape[1]]
    inner = slice(rate // 20, -rate // 20)
    np.testing.assert_allclose(back[:, inner], audio[:, inner], atol=1e-4)


def test_a_tone_above_the_lower_band_dies():
    there = resample(tone(23_500, num_samples=24_000, rate=48_000), from_rate=48000, to_rate=44100)
    assert float(np.abs(there[:, 2000:-2000]).max()) < 1e-5


def test_equal_rates_pass_unchanged():
    audio = tone(440)
    np.testing.assert_array_equal(resample(audio, from_rate=44100, to_rate=44100), audio)


def test_silence_stays_silence():
    there = resample(np.zeros((2, 5000), np.float32), from_rate=48000, to_rate=44100)
    assert not there.any()
