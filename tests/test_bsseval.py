"""BSS Eval v4 against arithmetic and against museval, by its recorded values and by itself."""

import importlib
import json

import numpy as np
import pytest
from memory import peak_bytes

from tests.record_museval import (
    CASE_OF_MEDIANS,
    CASES,
    FILE,
    QUANTITIES,
    RATE,
    make_signals,
    museval_medians,
    museval_scores,
)
from zoo.metrics import bss_eval_v4, median_over_windows

REFERENCE = json.loads(FILE.read_text(encoding="utf-8"))
# Beyond this what is left is rounding errors; museval prints them, and they count as no error.
EXACT_DB = 150.0


def scores(targets, estimates, *, sample_rate=RATE):
    """Return SDR, ISR, SIR and SAR, (4, S, W)."""
    windows = bss_eval_v4(targets, estimates, sample_rate=sample_rate)
    return np.stack([getattr(windows, quantity) for quantity in QUANTITIES])


def assert_equal(ours, expected):
    ours, expected = np.minimum(ours, EXACT_DB), np.minimum(expected, EXACT_DB)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)


@pytest.fixture
def museval():
    """Skip where museval cannot be imported."""
    try:
        importlib.import_module("museval")
    except (ImportError, RuntimeError) as error:  # without ffmpeg it is a RuntimeError
        pytest.skip(f"the recorded values were compared; museval itself is not there: {error}")


@pytest.mark.parametrize("case", CASES)
def test_equals_the_recorded_values_of_museval(case):
    expected = np.array([REFERENCE["cases"][case][quantity] for quantity in QUANTITIES])
    assert_equal(scores(*CASES[case]()), expected)


@pytest.mark.usefixtures("museval")
@pytest.mark.parametrize("case", CASES)
def test_equals_museval(case):
    targets, estimates = CASES[case]()
    assert_equal(scores(targets, estimates), museval_scores(targets, estimates))


def medians(values):
    return [[median_over_windows(windows) for windows in rows] for rows in values]


def test_aggregates_as_museval_did():
    values = scores(*CASES[CASE_OF_MEDIANS]())
    np.testing.assert_allclose(medians(values), REFERENCE["medians"], rtol=0, atol=1e-5)


@pytest.mark.usefixtures("museval")
def test_aggregates_as_musevals_own_store():
    values = scores(*CASES[CASE_OF_MEDIANS]())
    np.testing.assert_allclose(medians(values), museval_medians(values), rtol=0, atol=1e-5)


def test_median_leaves_out_what_is_not_finite():
    assert median_over_windows(np.array([np.nan, 1.0, 2.0, np.inf, 6.0])) == 2.0
    assert np.isnan(median_over_windows(np.array([np.nan, np.inf])))


class TestExactErrors:
    """Signals that are never together within 512 samples are orthogonal at every delay."""

    def setup_method(self):
        rng = np.random.default_rng(0)
        self.targets = np.zeros((2, 2, 8000))
        self.targets[0, :, :1500] = rng.standard_normal((2, 1500))
        self.targets[1, :, 2500:4500] = rng.standard_normal((2, 2000))
        self.noise = np.zeros((2, 8000))
        self.noise[:, 5500:8000] = rng.standard_normal((2, 2500))
        self.filters = rng.standard_normal((2, 2, 512)) * 0.1  # (to, from, tap)

    def filtered(self, signal):
        return np.stack(
            [
                sum(np.convolve(row, taps)[:8000] for row, taps in zip(signal, bank, strict=True))
                for bank in self.filters
            ]
        )

    def score(self, estimate):
        """Return the four scores of the first source in one window of everything."""
        estimates = np.stack([estimate, self.targets[1]])
        return scores(self.targets, estimates, sample_rate=8000)[:, 0, 0]

    def test_filter_is_an_error_of_space_alone(self):
        target, estimate = self.targets[0], self.filtered(self.targets[0])
        expected = 10 * np.log10(np.sum(target**2) / np.sum((estimate - target) ** 2))
        sdr, isr, sir, sar = self.score(estimate)
        assert sdr == pytest.approx(expected, abs=1e-9)
        assert isr == pytest.approx(expected, abs=1e-9)
        assert min(sir, sar) > EXACT_DB

    def test_another_source_is_interference_alone(self):
        target, other = self.targets[0], 0.1 * self.filtered(self.targets[1])
        expected = 10 * np.log10(np.sum(target**2) / np.sum(other**2))
        sdr, isr, sir, sar = self.score(target + other)
        assert sdr == pytest.approx(expected, abs=1e-9)
        assert sir == pytest.approx(expected, abs=1e-9)
        assert min(isr, sar) > EXACT_DB

    def test_noise_is_artifacts_alone(self):
        target = self.targets[0]
        expected = 10 * np.log10(np.sum(target**2) / np.sum((0.1 * self.noise) ** 2))
        sdr, isr, sir, sar = self.score(target + 0.1 * self.noise)
        assert sdr == pytest.approx(expected, abs=1e-9)
        assert sar == pytest.approx(expected, abs=1e-9)
        assert min(isr, sir) > EXACT_DB

    def test_all_at_once_are_told_apart(self):
        target, noise = self.targets[0], 0.1 * self.noise
        spatial, other = self.filtered(target), 0.1 * self.filtered(self.targets[1])
        energies = [np.sum(x**2) for x in (target, spatial - target, spatial, other, noise)]
        s, e_spat, o, e_interf, e_artif = energies
        expected = [
            s / (e_spat + e_interf + e_artif),
            s / e_spat,
            o / e_interf,
            (o + e_interf) / e_artif,
        ]
        np.testing.assert_allclose(
            self.score(spatial + other + noise), 10 * np.log10(expected), rtol=0, atol=1e-9
        )


def test_windows_without_error_are_infinite():
    assert np.isposinf(scores(*CASES["perfect estimates"]())[0]).all()
    sdr = scores(*CASES["window without error"]())[0]
    assert np.isposinf(sdr[0, 0])
    assert np.isfinite(sdr[0, 1:]).all()


def test_one_source_has_no_interference():
    assert np.isposinf(scores(*make_signals(sources=1))[2]).all()


@pytest.mark.parametrize("silent", ["target", "estimate"])
def test_a_source_that_is_silent_throughout_is_left_out_and_the_others_scored_without_it(silent):
    targets, estimates = make_signals()
    (targets if silent == "target" else estimates)[1] = 0
    values = scores(targets, estimates)
    assert np.isnan(values[:, 1]).all()
    np.testing.assert_array_equal(values[:, :1], scores(targets[:1], estimates[:1]))


def test_silence_alone_has_no_score():
    targets, _ = make_signals(samples=RATE)
    values = scores(targets, np.zeros_like(targets))
    assert values.shape == (4, 2, 1)
    assert np.isnan(values).all()


def test_samples_after_the_last_whole_window_count_for_the_filters_alone():
    targets, estimates = make_signals(samples=3 * RATE)
    more = (
        np.pad(targets, ((0, 0), (0, 0), (0, 900))),
        np.pad(estimates, ((0, 0), (0, 0), (0, 900))),
    )
    longer = scores(*more)
    assert longer.shape == (4, 2, 3)
    np.testing.assert_array_equal(longer[0], scores(targets, estimates)[0])


def test_float32_and_separate_arrays_score_as_one_array_of_float64():
    targets, estimates = (x.astype(np.float32) for x in make_signals())
    expected = scores(targets.astype(np.float64), estimates.astype(np.float64))
    np.testing.assert_array_equal(scores(list(targets), list(estimates)), expected)


def score_a_long_track(target, estimate):
    windows = bss_eval_v4(target, estimate, sample_rate=44100)
    assert windows.sdr.shape == (1, 90)
    assert np.median(windows.sdr) == pytest.approx(0.0, abs=0.05)


def test_memory_does_not_grow_with_the_track():
    """A copy of these signals in double precision would be 64 MB."""
    rng = np.random.default_rng(0)
    target = rng.standard_normal((1, 1, 4_000_000), dtype=np.float32)
    estimate = target + rng.standard_normal(target.shape, dtype=np.float32)
    assert peak_bytes(score_a_long_track, target, estimate) < 32e6


def test_does_not_change_its_arguments():
    targets, estimates = make_signals(samples=RATE)
    before = targets.copy(), estimates.copy()
    scores(targets, estimates)
    np.testing.assert_array_equal(before[0], targets)
    np.testing.assert_array_equal(before[1], estimates)


def test_refuses_what_cannot_be_scored():
    targets, estimates = make_signals(samples=RATE)
    with pytest.raises(ValueError, match=r"\(2, 2000\) and \(2, 1999\)"):
        bss_eval_v4(targets, estimates[..., 1:], sample_rate=RATE)
    with pytest.raises(ValueError, match="2 targets and 1 estimates"):
        bss_eval_v4(targets, estimates[:1], sample_rate=RATE)
    targets[0, 0, 100] = np.nan
    with pytest.raises(ValueError, match="samples that are no numbers"):
        bss_eval_v4(targets, estimates, sample_rate=RATE)
