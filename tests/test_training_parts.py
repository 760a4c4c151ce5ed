"""Recipes, losses, schedules, batches and files of a run."""

import json
import math

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from tests.training_data import make_config
from zoo.data import Example
from zoo.data.augmentations.pitch_and_tempo import Speed
from zoo.errors import UnknownNameError, WeightsError
from zoo.records.reading import to_plain
from zoo.specs.loading import load_spec
from zoo.specs.registry import SPECS
from zoo.training.batches import StepSampler
from zoo.training.checkpoints import (
    latest_checkpoint,
    list_checkpoints,
    load_checkpoint,
    save_checkpoint,
)
from zoo.training.config import OptimizerConfig, ScheduleConfig
from zoo.training.curves import draw_curves
from zoo.training.errors import TrainingError
from zoo.training.losses import LOSSES, LossInput
from zoo.training.optimization import make_optimizer
from zoo.training.recipe import list_recipes, load_recipe, override, parse_config
from zoo.training.run_folder import RunFolder
from zoo.training.schedules import SCHEDULES, rate_factor
from zoo.training.step import (
    StepPlan,
    draw_conditions,
    make_consistent,
    train_step,
    weigh_sources,
)
from zoo.training.tensorboard_log import draw_spectrogram


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_parses_names_a_model_and_survives_a_round_trip(name):
    config = load_recipe(name)
    assert config.model in SPECS.names()
    assert parse_config(to_plain(config)) == config
    assert config.loss in LOSSES
    assert config.schedule.name in SCHEDULES
    tiny = torch.nn.Linear(2, 2)
    assert make_optimizer(tiny, config.optimizer).param_groups[0]["lr"] > 0


def test_every_published_network_has_a_recipe():
    papers = {name for name in SPECS.names() if load_spec(name).paper and "_small" not in name}
    papers -= {"lightsaft_tfctdf_tiny"}
    assert papers <= {load_recipe(name).model for name in list_recipes()}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["model"], "my.yaml: must be a mapping, got list"),
        ({}, "model: missing"),
        ({"model": "x", "mixture": 4}, "mixture: unknown key 'mixture': did you mean 'mixtures'"),
        ({"model": "x", "mixtures": "4"}, "mixtures: must be an integer, got str '4'"),
        ({"model": "x", "mixtures": True}, "mixtures: must be an integer, got bool 'True'"),
        ({"model": "x", "mixtures": 0}, "mixtures must be at least 1"),
        ({"model": "x", "ema_decay": 1.0}, "ema_decay must be in"),
        ({"model": "x", "consistent_share": 2.0}, "consistent_share must be in"),
        (
            {"model": "x", "consistent_share": 0.5, "sources_per_mixture": 1},
            "consistent_share needs every source",
        ),
        ({"model": "x", "precision": "half"}, "float32 or bfloat16"),
        ({"model": "x", "schedule": {"total_steps": 0}}, "total_steps must be at least 1"),
        ({"model": "x", "optimizer": {"lr": 1}}, "optimizer.lr: unknown key"),
        (
            {"model": "x", "data": {"group_weights": [1]}},
            "data.group_weights: must be a mapping, got list",
        ),
        (
            {"model": "x", "data": {"augmentations": {}}},
            "data.augmentations: must be a list, got dict",
        ),
        (
            {"model": "x", "data": {"augmentations": ["gain"]}},
            r"data.augmentations\[0\]: must be a mapping with a name, got str 'gain'",
        ),
        (
            {"model": "x", "data": {"augmentations": [{"name": "gain", "low": 1}]}},
            r"data.augmentations\[0\].low: unknown key 'low': did you mean 'low_db'",
        ),
    ],
)
def test_wrong_recipes_are_refused_by_key(values, message):
    with pytest.raises(ValueError, match=message):
        parse_config(values, origin="my.yaml")


def test_unknown_names_list_the_closest():
    message = r"data.augmentations\[0\].name: unknown augmentation 'spede': did you mean 'speed'"
    with pytest.raises(ValueError, match=message):
        parse_config({"model": "x", "data": {"augmentations": [{"name": "spede"}]}})
    with pytest.raises(ValueError, match="house_small"):
        load_recipe("house_smal")
    with pytest.raises(ValueError, match="optimizer 'adamm'"):
        make_optimizer(torch.nn.Linear(2, 2), OptimizerConfig(name="adamm"))
    with pytest.raises(UnknownNameError, match="'cosine'"):
        rate_factor(0, ScheduleConfig(name="cosin"))


def test_a_recipe_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "bad.yaml").write_text("{model: [")
    for name in ("bad.yaml", "missing.yaml"):
        with pytest.raises(ValueError, match=name):
            load_recipe(tmp_path / name)


def test_override_by_dotted_keys():
    changed = override(make_config(), {"optimizer.name": "muon", "mixtures": 8})
    assert (changed.optimizer.name, changed.mixtures) == ("muon", 8)
    assert changed.data.augmentations[2].transform == Speed()
    with pytest.raises(
        ValueError, match="optimiser: unknown key 'optimiser': did you mean 'optimizer'"
    ):
        override(make_config(), {"optimiser.name": "muon"})
    with pytest.raises(ValueError, match="unknown key"):
        override(make_config(), {"optimizer.nam": "muon"})


def loss_input(estimates, targets):
    return LossInput(
        estimates=estimates, targets=targets, mixture=targets.sum(1), n_fft=256, hop_length=128
    )


@pytest.mark.parametrize("name", LOSSES.names())
def test_losses_are_least_for_the_truth_and_have_gradients(name):
    generator = torch.Generator().manual_seed(0)
    targets = 0.1 * torch.randn(2, 3, 2, 8192, generator=generator)
    targets[:, 1] = 0.0  # a silent source
    noise = 0.1 * torch.randn(targets.shape, generator=generator)
    values = []
    for amount in (0.0, 0.1, 0.3, 1.0):
        estimates = (targets + amount * noise).requires_grad_()
        losses = LOSSES[name](loss_input(estimates, targets))
        assert losses.shape == (2, 3)
        loss = losses.mean()
        loss.backward()
        assert torch.isfinite(estimates.grad).all()
        values.append(loss.item())
    assert values == sorted(values)


def test_losses_have_their_values():
    targets = torch.zeros(1, 2, 1, 4096)
    targets[0, 0] = 0.5
    estimates = torch.zeros_like(targets)
    data = loss_input(estimates, targets)
    assert LOSSES["l1_wave"](data).mean().item() == pytest.approx(0.25)
    assert LOSSES["normalised_l1_wave"](data).mean().item() == pytest.approx(0.5)
    assert LOSSES["normalised_rms_wave"](data).mean().item() == pytest.approx(0.5, abs=1e-3)
    # The energy is a quarter a sample; the floor is a thousandth of the mixture's, here the same.
    expected = (10 * math.log10(1) + 10 * math.log10(1)) / 2
    assert LOSSES["sdr"](data).mean().item() == pytest.approx(expected, abs=1e-5)
    perfect = loss_input(targets, targets)
    assert LOSSES["sdr"](perfect).mean().item() == pytest.approx((-30.0043 + 0) / 2, abs=1e-3)


@pytest.mark.parametrize("name", LOSSES.names())
def test_the_loss_of_a_source_does_not_depend_on_the_others(name):
    generator = torch.Generator().manual_seed(0)
    targets, noise = 0.1 * torch.randn(2, 2, 3, 2, 8192, generator=generator)
    data = loss_input(targets + noise, targets)
    worse = loss_input(targets + noise * torch.tensor([1.0, 3.0, 1.0])[:, None, None], targets)
    before, after = LOSSES[name](data), LOSSES[name](worse)
    torch.testing.assert_close(after[:, [0, 2]], before[:, [0, 2]])
    assert (after[:, 1] > before[:, 1]).all()


def test_weights_of_sources_have_a_mean_of_one_and_name_the_networks():
    sources = ("vocals", "drums", "bass", "other")
    assert weigh_sources({}, sources) is None
    weights = weigh_sources({"drums": 0.0, "other": 2.0}, sources)
    torch.testing.assert_close(weights, torch.tensor([1.0, 0.0, 1.0, 2.0]))
    torch.testing.assert_close(weigh_sources({"bass": 3.0}, ("bass",)), torch.ones(1))
    with pytest.raises(ValueError, match="unknown source 'guitar'"):
        weigh_sources({"guitar": 2.0}, sources)
    with pytest.raises(ValueError, match="nothing to train on"):
        weigh_sources(dict.fromkeys(sources, 0.0), sources)
    with pytest.raises(ValueError, match="source_weights must be 0 or more"):
        make_config(source_weights={"drums": -1.0})
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match=r"source_weights\.drums: must be a finite number"):
            make_config(source_weights={"drums": bad})


class Gains(torch.nn.Module):
    """Each source is the mixture times a gain of its own."""

    def __init__(self):
        super().__init__()
        self.gains = torch.nn.Parameter(torch.zeros(3))

    def forward(self, mixture, condition=None):
        asked = torch.eye(3).expand(len(mixture), -1, -1) if condition is None else condition
        return torch.einsum("bqs,s,bcn->bqcn", asked, self.gains, mixture)


@pytest.mark.parametrize("picks", [False, True])
def test_a_source_is_learnt_by_its_weight(picks):
    targets = torch.randn(3, 3, 2, 64, generator=torch.Generator().manual_seed(0))
    condition = torch.eye(3)[:, None] if picks else None
    gradients = {}
    for weights in (None, torch.tensor([0.0, 1.0, 2.0])):
        model = Gains()
        train_step(
            model,
            torch.optim.SGD(model.parameters(), lr=1.0),
            Example(targets, torch.ones(3, 3)),
            condition,
            plan=StepPlan(
                config=make_config(loss="l1_wave", gradient_clip=0.0),
                learned=("a", "b", "c"),
                part_of={},
                stft_sizes=(256, 128),
                source_weights=weights,
            ),
            accelerator=Accelerator(cpu=True),
        )
        gradients[weights is None] = model.gains.detach()
    expected = gradients[True] * torch.tensor([0.0, 1.0, 2.0])
    torch.testing.assert_close(gradients[False], expected)
    assert gradients[True].all()


def test_a_source_with_parts_is_learnt_with_them():
    targets = torch.randn(2, 3, 2, 64, generator=torch.Generator().manual_seed(0))
    gradients = {}
    for part_of in ({}, {"c": "b"}):
        model = Gains()
        plan = StepPlan(
            config=make_config(loss="spec_mse", gradient_clip=0.0),
            learned=("a", "b", "c"),
            part_of=part_of,
            stft_sizes=(32, 8),
        )
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        examples = Example(targets, torch.ones(2, 3))
        train_step(model, optimizer, examples, None, plan=plan, accelerator=Accelerator(cpu=True))
        gradients[len(part_of)] = model.gains.detach()
    assert torch.equal(gradients[0][[0, 2]], gradients[1][[0, 2]])
    # By then, all gains being zero, the gradient is linear in what is wanted.
    torch.testing.assert_close(gradients[1][1], gradients[0][1] + gradients[0][2])


def test_consistent_estimates_sum_to_the_mixture_and_gain_the_same():
    generator = torch.Generator().manual_seed(0)
    targets, estimates = torch.randn(2, 2, 4, 2, 512, generator=generator)
    data = loss_input(estimates, targets)
    consistent = make_consistent(data).estimates
    torch.testing.assert_close(consistent.sum(1), data.mixture)
    shares = consistent - estimates
    torch.testing.assert_close(shares, shares[:, :1].expand_as(shares))


def test_spec_mse_is_the_mean_square_of_the_networks_own_stft():
    generator = torch.Generator().manual_seed(0)
    difference = torch.randn(1, 1, 1, 2048, generator=generator)
    data = loss_input(difference, torch.zeros_like(difference))
    spectrum = torch.stft(
        difference[0, 0], 256, 128, window=torch.hann_window(256), return_complex=True
    )
    expected = 0.5 * spectrum.abs().square().mean()
    assert LOSSES["spec_mse"](data).mean().item() == pytest.approx(expected.item(), rel=1e-5)


def test_schedules_at_their_corners():
    warm = ScheduleConfig(name="cosine", total_steps=100, warmup_steps=10)
    assert [rate_factor(step, warm) for step in (0, 9, 10, 55, 100)] == pytest.approx(
        [0.1, 1.0, 1.0, 0.5, 0.0]
    )
    cool = ScheduleConfig(name="cooldown", start_step=100, total_steps=200)
    assert [rate_factor(step, cool) for step in (100, 125, 200)] == pytest.approx([1.0, 0.5, 0.0])
    line = ScheduleConfig(name="linear", start_step=100, total_steps=200, warmup_steps=10)
    assert [rate_factor(step, line) for step in (4, 50, 100, 125, 200, 201)] == pytest.approx(
        [0.5, 1.0, 1.0, 0.75, 0.0, 0.0]
    )
    at_once = ScheduleConfig(name="linear", total_steps=100, warmup_steps=10)
    assert rate_factor(9, at_once) == pytest.approx(0.91)


def test_processes_share_the_batches_of_one():
    shares = [
        list(StepSampler(2, 5, mixtures=6, process=process, num_processes=3))
        for process in range(3)
    ]
    alone = list(StepSampler(2, 5, mixtures=6, process=0, num_processes=1))
    joined = [[number for share in shares for number in share[step]] for step in range(3)]
    assert joined == alone == [list(range(12, 18)), list(range(18, 24)), list(range(24, 30))]
    with pytest.raises(ValueError, match="6 mixtures cannot be shared by 4"):
        StepSampler(0, 1, mixtures=6, process=0, num_processes=4)


def test_conditions_depend_on_the_example_alone():
    together = draw_conditions(range(8), num_sources=4, num_conditions=2, seed=3)
    assert together.shape == (8, 2, 4)
    assert (together.sum(dim=2) == 1).all()
    assert (together.sum(dim=1) <= 1).all()
    later = draw_conditions(range(5, 8), num_sources=4, num_conditions=2, seed=3)
    assert (together[5:] == later).all()
    assert (together[:, 0].argmax(dim=1) != together[0, 0].argmax()).any()


def run_state(step: int) -> dict:
    """What a run keeps, with next to nothing in it."""
    return {
        **{"format": 1, "spec": {}, "config": {}, "step": step, "best": 0.5, "seconds": 1.5},
        **{"stale_validations": 0, "model": {"x": torch.ones(2)}, "ema": {}, "optimizer": None},
    }


def test_checkpoints_are_whole_or_not_there(tmp_path, monkeypatch):
    for step in range(5):
        save_checkpoint(run_state(step), tmp_path, step=step, keep=2)
    assert [path.name for path in list_checkpoints(tmp_path)] == [
        "step_00000003.pt",
        "step_00000004.pt",
    ]

    def half_written(state, stream):
        stream.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", half_written)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(run_state(5), tmp_path, step=5, keep=2)
    assert load_checkpoint(latest_checkpoint(tmp_path))["step"] == 4


def test_bad_checkpoints_are_named(tmp_path):
    with pytest.raises(TrainingError, match="no checkpoint in"):
        latest_checkpoint(tmp_path)
    (tmp_path / "step_00000001.pt").write_bytes(b"damaged")
    with pytest.raises(TrainingError, match=r"step_00000001\.pt"):
        load_checkpoint(tmp_path / "step_00000001.pt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("spec: a\n", r"origin\.yaml: tag: missing"),
        ("spec: a\nspec: b\n", r"origin\.yaml: not valid YAML: line 2: key 'spec' given twice"),
        ("{spec: a, tag: b, weights: 3}", r"origin\.yaml: tags\.b: must be a mapping, got int '3'"),
    ],
)
def test_a_damaged_record_of_the_origin_is_named(tmp_path, text, message):
    (tmp_path / "origin.yaml").write_text(text)
    with pytest.raises(WeightsError, match=message):
        RunFolder(tmp_path).read_origin()


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        ([1, 2], "it holds a list, expected the state of a run"),
        ({"step": 1}, "it lacks a valid 'format'"),
        (run_state(1) | {"step": "1"}, "it lacks a valid 'step'"),
        (run_state(1) | {"model": [torch.ones(2)]}, "it lacks a valid 'model'"),
    ],
)
def test_a_checkpoint_of_something_else_is_named(tmp_path, saved, message):
    path = tmp_path / "step_00000001.pt"
    torch.save(saved, path)
    with pytest.raises(TrainingError, match=rf"step_00000001\.pt cannot be read: {message}"):
        load_checkpoint(path)


def test_damage_to_a_checkpoint_never_escapes_as_another_error(tmp_path):
    path = save_checkpoint(run_state(1), tmp_path, step=1)
    whole, generator = path.read_bytes(), np.random.default_rng(0)
    start = whole.index(b"\x80\x02") + 2
    refused = 0
    for _ in range(300):
        damaged = bytearray(whole)
        for place in generator.integers(start, start + 400, 2):
            damaged[place] = generator.integers(0, 256)
        path.write_bytes(damaged)
        try:
            load_checkpoint(path)
        except TrainingError:
            refused += 1
    assert refused > 100


def test_a_checkpoint_that_wants_to_run_code_is_refused(tmp_path):
    class Attack:
        def __reduce__(self):
            return (RuntimeError, ("ran",))

    path = tmp_path / "step_00000001.pt"
    torch.save({"step": Attack()}, path)
    with pytest.raises(TrainingError, match="cannot be read"):
        load_checkpoint(path)


def test_a_run_folder_is_made_once_and_its_metrics_survive_a_kill(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.create(spec={"name": "a"}, config={"model": "a"})
    with pytest.raises(TrainingError, match="--resume"):
        folder.create(spec={"name": "a"}, config={"model": "a"})
    for step in (1, 2, 3):
        folder.append_metrics({"step": step})
    folder.append_metrics({"step": 3, "loss": math.nan})
    with folder.metrics_path.open("a") as stream:
        stream.write("null\n[]\n{}\n" + '{"step": null}\n' + "[" * 100_000 + "\n")
        stream.write('{"step": 4, "lo')
    assert [record["step"] for record in folder.read_metrics()] == [1, 2, 3, 3]
    folder.truncate_metrics(2)
    assert [record["step"] for record in folder.read_metrics()] == [1, 2]
    facts = json.loads((folder.directory / "environment.json").read_text())
    assert facts["packages"]["torch"] == torch.__version__.split("+")[0]
    with pytest.raises(TrainingError, match="holds no run"):
        RunFolder(tmp_path / "other").read_yaml("config.yaml")


def test_curves_are_drawn(tmp_path):
    records = [{"step": step, "loss": 1 / step} for step in range(1, 60)]
    records.append({"step": 60, "sdr": {"vocals": 3.0, "mean": 3.0}})
    picture = draw_curves(records, tmp_path / "curves.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    with pytest.raises(TrainingError, match="nothing to draw"):
        draw_curves([], tmp_path / "empty.png")


def test_a_spectrogram_shows_a_tone_in_its_row():
    tone = np.sin(2 * np.pi * 64 / 1024 * np.arange(8192)).astype(np.float32)
    picture = draw_spectrogram(np.stack([tone, tone]))
    assert picture.shape == (513, 17)
    assert picture[:, 8].argmax() == 512 - 64
    assert picture.min() >= 0
    assert picture.max() <= 1
