"""Our metrics against arithmetic and against the reference packages."""

import importlib.util

import numpy as np
import pytest

from zoo.metrics import level_below, mdx_sdr, si_sdr

torchmetrics_installed = importlib.util.find_spec("torchmetrics") is not None


def _signals():
    """Return targets and estimates (S, C, N) with leakage, a filter and noise."""
    rng = np.random.default_rng(0)
    targets = rng.standard_normal((2, 2, 6000)) * 0.1
    targets *= np.array([0.5, 2.0])[:, None, None]
    leaked = 0.15 * (targets.sum(axis=0) - targets)
    estimates = 0.9 * targets + leaked + 0.2 * np.roll(targets, 1, axis=-1)
    return targets, estimates + 0.01 * rng.standard_normal(targets.shape)


class TestMdxSdr:
    def test_is_the_formula_of_the_challenge(self):
        targets, estimates = _signals()
        for target, estimate in zip(targets, estimates, strict=True):
            expected = 10 * np.log10(
                (np.sum(np.square(target)) + 1e-7) / (np.sum(np.square(target - estimate)) + 1e-7)
            )
            assert mdx_sdr(target, estimate) == pytest.approx(expected, abs=1e-12)

    def test_silence_scores_zero_and_twice_the_target_too(self):
        target = np.sin(np.arange(2 * 4000.0)).reshape(2, 4000)
        assert mdx_sdr(target, np.zeros_like(target)) == 0.0
        assert mdx_sdr(target, 2 * target) == 0.0

    def test_error_of_a_tenth_is_twenty_decibels(self):
        target = np.ones((1, 1000))
        assert mdx_sdr(target, 0.9 * target) == pytest.approx(20.0, abs=1e-6)

    def test_silent_target_is_scored_against_delta(self):
        estimate = np.full((2, 500), 0.1)  # energy 10
        assert mdx_sdr(np.zeros((2, 500)), estimate) == pytest.approx(-80.0, abs=1e-6)

    def test_sums_a_long_float32_signal_without_losing_digits(self):
        target = np.full((2, 2_000_000), 0.1, dtype=np.float32)
        estimate = (target.astype(np.float64) * 0.999).astype(np.float32)
        error = float(target[0, 0]) - float(estimate[0, 0])
        energy, distortion = 4_000_000 * float(target[0, 0]) ** 2, 4_000_000 * error**2
        exact = 10 * np.log10((energy + 1e-7) / (distortion + 1e-7))
        assert mdx_sdr(target, estimate) == pytest.approx(exact, abs=1e-9)

    def test_does_not_change_its_arguments(self):
        targets, estimates = _signals()
        before = targets.copy(), estimates.copy()
        mdx_sdr(targets[0], estimates[0])
        assert np.array_equal(before[0], targets)
        assert np.array_equal(before[1], estimates)

    def test_refuses_other_shapes(self):
        with pytest.raises(ValueError, match=r"\(2, 10\) and \(1, 10\)"):
            mdx_sdr(np.zeros((2, 10)), np.zeros((1, 10)))


class TestSiSdr:
    def test_known_value(self):
        target, noise = np.array([[1.0, 1.0, 0.0]]), np.array([[0.0, 0.0, 1.0]])
        assert si_sdr(target, target + noise) == pytest.approx(10 * np.log10(2), abs=1e-12)

    @pytest.mark.parametrize("scale", [1e-3, 0.5, 7.0, -2.0])
    def test_does_not_depend_on_the_level_of_the_estimate(self, scale):
        targets, estimates = _signals()
        expected = si_sdr(targets[0], estimates[0])
        assert si_sdr(targets[0], scale * estimates[0]) == pytest.approx(expected, abs=1e-9)

    def test_limits(self):
        target = np.array([[1.0, -1.0, 1.0, -1.0]])
        assert si_sdr(target, 0.3 * target) == np.inf or si_sdr(target, 0.3 * target) > 300
        assert si_sdr(target, np.ones((1, 4))) == -np.inf
        assert np.isnan(si_sdr(target, np.zeros((1, 4))))
        assert np.isnan(si_sdr(np.zeros((1, 4)), target))

    @pytest.mark.skipif(not torchmetrics_installed, reason="torchmetrics is not installed")
    def test_equals_torchmetrics(self):
        import torch
        from torchmetrics.functional.audio import (
            scale_invariant_signal_distortion_ratio,
            signal_noise_ratio,
        )

        targets, estimates = _signals()
        for target, estimate in zip(targets, estimates, strict=True):
            flat = torch.from_numpy(estimate.ravel()), torch.from_numpy(target.ravel())
            expected = scale_invariant_signal_distortion_ratio(*flat).item()
            assert si_sdr(target, estimate) == pytest.approx(expected, abs=1e-9)
            expected = signal_noise_ratio(*flat).item()
            assert mdx_sdr(target, estimate) == pytest.approx(expected, abs=1e-6)


def test_level_below():
    mixture = np.ones((2, 10))
    assert level_below(0.1 * mixture, mixture) == pytest.approx(20.0, abs=1e-9)
    assert level_below(2 * mixture, mixture) == pytest.approx(-6.0206, abs=1e-4)
    assert level_below(0 * mixture, mixture) == np.inf
    assert level_below(mixture, 0 * mixture) == -np.inf
