"""Training on mixtures of which only sums of sources are known."""

import numpy as np
import pytest
import soundfile
import torch
from accelerate import Accelerator

from tests.training_data import RATE, SOURCES, SPEC, make_config, make_tracks
from zoo.data import MixingConfig, MixingDataset, decode_tracks, find_tracks
from zoo.specs.loading import load_spec
from zoo.training.losses import LOSSES
from zoo.training.partial_truth import PartialTruth
from zoo.training.session import DataFolders, start_run
from zoo.training.step import StepPlan, train_step

SUMS = {"accompaniment": ("drums", "bass", "other")}


class FixedEstimates(torch.nn.Module):
    """Estimates (1, S, C, N) that are parameters, whatever the mixture."""

    def __init__(self, num_samples):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        start = torch.randn(1, 4, 2, num_samples, generator=generator)
        self.estimates = torch.nn.Parameter(start)

    def forward(self, mixture, condition=None):
        return self.estimates.expand(len(mixture), -1, -1, -1)


def gradients(rows, *, loss="spec_mse", **changes):
    """Train a step on rows (B, S + sums, C, N); return the gradient of the estimates (S, C, N)."""
    model = FixedEstimates(rows.shape[-1])
    before = model.estimates.detach().clone()
    config = make_config(loss=loss, gradient_clip=0.0, data={"sums": SUMS}, **changes)
    train_step(
        model,
        torch.optim.SGD(model.parameters(), lr=1.0),
        rows,
        None,
        plan=StepPlan.of_run(load_spec(SPEC), config),
        accelerator=Accelerator(cpu=True),
    )
    return (before - model.estimates.detach())[0]


def noise(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def summed(voice, band):
    """Rows of a mixture that is known by a voice and an accompaniment."""
    return torch.stack([voice, *[torch.zeros_like(voice)] * 3, band])[None]


def test_sources_of_a_sum_learn_from_their_sum_alone():
    voice, band = noise(2, 2, 256)
    found = gradients(summed(voice, band))
    torch.testing.assert_close(found[1], found[2])
    torch.testing.assert_close(found[1], found[3])
    assert found[1].abs().max() > 0
    estimates = FixedEstimates(256).estimates.detach()[0]
    # What is right: a step along the error of the sum. spec_mse is quadratic, so that adding the
    # error itself to a source's estimate leaves nothing to learn.
    perfect = band - estimates[1:].sum(dim=0)
    correlation = -(found[1] * perfect).sum() / (found[1].norm() * perfect.norm())
    assert correlation > 0.9
    assert found[0].abs().max() > 0


def test_the_split_of_a_sum_is_free():
    truth = load_spec(SPEC), make_config(data={"sums": SUMS})
    plan = StepPlan.of_run(*truth)
    voice, band = noise(2, 2, 256)
    split = torch.stack([voice, band + 5.0, -5.0 + 0 * band, 0 * band])[None]
    rows = summed(voice, band)
    data = _loss_input(split, rows[:, :4], rows.sum(dim=1))
    found = plan.partial.losses(LOSSES["l1_wave"], data, rows[:, 4:], torch.ones(4))
    torch.testing.assert_close(found, torch.zeros(1), atol=1e-6, rtol=0)


def test_without_a_voice_the_voice_must_be_silent():
    band = noise(2, 256)
    rows = summed(torch.zeros(2, 256), band)
    plan = StepPlan.of_run(load_spec(SPEC), make_config(data={"sums": SUMS}))
    leaking = torch.stack([0.5 * band, 0.5 * band, 0 * band, 0 * band])[None]
    data = _loss_input(leaking, rows[:, :4], band[None])
    found = plan.partial.losses(LOSSES["l1_wave"], data, rows[:, 4:], torch.ones(4))
    torch.testing.assert_close(found, (0.5 * band).abs().mean()[None])  # twice a half, by two


def test_mixtures_known_apart_count_as_ever_beside_others():
    apart = torch.cat([noise(1, 4, 2, 256, seed=3), torch.zeros(1, 1, 2, 256)], dim=1)
    partial = summed(*noise(2, 2, 256))
    plain = make_config(loss="l1_wave", gradient_clip=0.0)
    model = FixedEstimates(256)
    before = model.estimates.detach().clone()
    train_step(
        model,
        torch.optim.SGD(model.parameters(), lr=1.0),
        apart[:, :4],
        None,
        plan=StepPlan.of_run(load_spec(SPEC), plain),
        accelerator=Accelerator(cpu=True),
    )
    alone = (before - model.estimates.detach())[0]
    torch.testing.assert_close(gradients(apart, loss="l1_wave"), alone)
    both = gradients(torch.cat([apart, partial]), loss="l1_wave")
    torch.testing.assert_close(both, (alone + gradients(partial, loss="l1_wave")) / 2)


def _loss_input(estimates, targets, mixture):
    from zoo.training.losses import LossInput

    return LossInput(
        estimates=estimates, targets=targets, mixture=mixture, n_fft=256, hop_length=128
    )


@pytest.mark.parametrize(
    ("sums", "message"),
    [
        ({"accompaniment": ["drums", "guitar"]}, r"data\.sums\.accompaniment: must be a name"),
        ({"accompaniment": ["drums"]}, "two or more"),
        ({"accompaniment": ["drums", "drums"]}, "two or more"),
        ({"vocals": ["drums", "bass"]}, "a name of its own"),
    ],
)
def test_a_sum_that_is_none_is_refused(sums, message):
    with pytest.raises(ValueError, match=message):
        PartialTruth.of(sums, SOURCES, trains_all=True)


def test_all_sources_of_a_mixture_are_needed():
    with pytest.raises(ValueError, match="set sources_per_mixture to 0"):
        PartialTruth.of(SUMS, SOURCES, trains_all=False)


@pytest.fixture
def folder(tmp_path):
    """Tracks known apart, and one of which only the accompaniment is."""
    root = make_tracks(tmp_path / "data", names=("one", "two"))
    (root / "band").mkdir()
    wave = 0.3 * np.sin(np.arange(2 * RATE) / 5)
    soundfile.write(root / "band" / "accompaniment.wav", np.stack([wave, wave], 1), RATE)
    return root


def test_a_sum_is_drawn_in_place_of_its_sources(folder, tmp_path):
    tracks = decode_tracks(
        find_tracks(folder, sources=(*SOURCES, *SUMS)),
        cache_directory=tmp_path / "cache",
        sample_rate=RATE,
    )
    config = MixingConfig(sums=SUMS, sum_probability=0.5, remix_probability=0.8)
    drawn = MixingDataset(tracks, sources=SOURCES, config=config, chunk_samples=2000, seed=4)
    heard = [drawn[index].abs().amax(dim=(1, 2)) > 0 for index in range(60)]
    with_sum = [rows for rows in heard if rows[4]]
    assert 12 < len(with_sum) < 40
    assert all(rows[0] and not rows[1:4].any() for rows in with_sum)
    assert all(rows[:4].all() for rows in heard if not rows[4])


def test_a_run_learns_from_both(folder, tmp_path):
    config = make_config(data={"sums": SUMS, "sum_probability": 0.5})
    trainer = start_run(
        load_spec(SPEC),
        config,
        folders=DataFolders(
            train=folder,
            valid=make_tracks(tmp_path / "v", names=("x",), seed=7),
            cache=tmp_path / "cache",
        ),
        output=tmp_path / "run",
        device="cpu",
    )
    trainer.run()
    (*_, last) = [each for each in trainer.folder.read_metrics() if "sdr" in each]
    assert last["sdr"].keys() == {*SOURCES, "mean"}
