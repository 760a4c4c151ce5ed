import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from zoo.separation.silence import mute_silence


def mute(mixture, cuts=()):
    estimates = np.ones((3, *mixture.shape), np.float32)
    edges = [0, *sorted(cuts), mixture.shape[-1]]
    pairs = [(mixture[:, a:b], estimates[..., a:b]) for a, b in itertools.pairwise(edges)]
    blocks = list(mute_silence(pairs, min_samples=4))
    np.testing.assert_array_equal(np.concatenate([block[0] for block in blocks], axis=1), mixture)
    return np.concatenate([block[1] for block in blocks], axis=2)[0, 0]


def expected_mask(mixture):
    is_zero = (mixture == 0).all(axis=0)
    mask = np.ones(mixture.shape[-1], np.float32)
    position = 0
    for value, run in itertools.groupby(is_zero):
        length = len(list(run))
        is_at_an_end = position == 0 or position + length == len(is_zero)
        if value and (length >= 4 or is_at_an_end):
            mask[position : position + length] = 0
        position += length
    return mask


def test_long_runs_and_runs_at_the_ends_are_muted():
    mixture = np.array([[0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0]], np.float32)
    assert mute(mixture).tolist() == [0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0]


def test_one_sounding_channel_is_sound():
    mixture = np.array([[0] * 8, [1] * 8], np.float32)
    assert mute(mixture).tolist() == [1] * 8


@given(
    values=st.lists(st.sampled_from([0, 0, 0, 0, 1]), min_size=1, max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=8),
)
def test_cuts_change_nothing(values, cuts):
    mixture = np.array([values, values], np.float32)
    inner = [cut for cut in cuts if cut <= len(values)]
    np.testing.assert_array_equal(mute(mixture, inner), expected_mask(mixture))
