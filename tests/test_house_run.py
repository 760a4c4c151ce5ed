"""The script that trains the house weights again, on a plan of a tiny network."""

import dataclasses

import pytest
import torch
import yaml
from accelerate.state import AcceleratorState

import zoo
from benchmarks import house_run
from benchmarks.house_run import RUNS_FILE, Mean, Plan, Run, part_of, read_plan
from tests.training_data import SPEC, make_config, make_tracks
from zoo.records.reading import to_plain
from zoo.specs.loading import load_spec
from zoo.training.initial_weights import read_initial_weights
from zoo.training.recipe import load_recipe, override
from zoo.weights.checkpoints import read_checkpoint, write_safetensors


def test_every_run_of_the_plan_has_a_config_and_starts_from_an_earlier_one():
    configs, plan = {}, read_plan()
    for run in plan.runs:
        before = configs[run.branch_of] if run.branch_of else load_recipe(run.recipe)
        for place in filter(None, (run.initial, run.initial_low_band)):
            assert place.partition("/")[0] in configs
        configs[run.name] = override(before, run.changes)
    assert [run.name for run in plan.runs][-1] == "end"
    assert configs["last"].loss == "normalised_rms_wave"
    assert configs["end"].source_weights == {"drums": 0.4, "other": 2.5}
    for place in (plan.mean.first, plan.mean.second):
        assert place.partition("/")[0] in configs


def test_the_parts_of_the_network():
    spec = load_spec("lightsaft_tfctdf_small")
    parts = {
        name: part_of(spec, name)
        for name in ("mapping", "without_low_band", "low_band", "without_level", "whole")
    }
    assert parts["whole"] == spec
    assert [(part.estimate, part.low_band is None) for part in parts.values()] == [
        ("mapping", True),
        ("mapping_and_mask", True),
        ("mapping_and_mask", True),
        ("mapping_and_mask", False),
        ("mapping_and_mask", False),
    ]
    assert parts["low_band"].stft.n_fft == 8192
    levels = [part.input_level_dbfs for part in parts.values()]
    assert levels == [None, None, None, None, -14]
    with pytest.raises(ValueError, match="has no low band"):
        part_of(parts["mapping"], "low_band")


@pytest.fixture
def plan(tmp_path, monkeypatch):
    """Write a plan with every kind of run, its recipe and its tracks."""
    monkeypatch.setenv("LIGHTSAFT_ZOO_CACHE", str(tmp_path / "cache"))
    AcceleratorState._reset_state(reset_partial_state=True)  # that of another test's run
    (tmp_path / "generated.yaml").write_text(yaml.safe_dump(SPEC))
    config = dataclasses.replace(make_config(), model=str(tmp_path / "generated.yaml"))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(to_plain(config)))
    make_tracks(tmp_path / "data" / "train", names=("one", "two"))
    make_tracks(tmp_path / "data" / "valid", names=("three",), seed=9)
    runs = (
        Run(name="first", recipe=str(recipe), stop_step=2),
        Run(name="branch", branch_of="first", stop_step=3, changes={"loss": "sdr"}),
        Run(name="cool", branch_of="branch", cooldown_steps=2),
        Run(name="again", recipe=str(recipe), initial="cool/last.safetensors", stop_step=1),
    )
    mean = Mean(first="again/last.safetensors", second="cool/last.safetensors", second_share=0.25)
    path = tmp_path / "plan.yaml"
    path.write_text(yaml.safe_dump(to_plain(Plan(runs=runs, mean=mean))))
    return path


def test_the_runs_follow_one_another_and_end_in_a_mean(plan, tmp_path, capsys):
    command = ["--plan", str(plan), "--data", str(tmp_path / "data"), "--device", "cpu"]
    command += ["--output", str(tmp_path / "runs")]
    assert house_run.main(command) == 0
    printed = capsys.readouterr().out
    assert [line for line in printed.splitlines() if "complete" in line] == [
        f"{name}: complete" for name in ("first", "branch", "cool", "again")
    ]
    states = [
        read_checkpoint(tmp_path / "runs" / name).state_dict
        for name in ("mean.safetensors", "again/last.safetensors", "cool/last.safetensors")
    ]
    key = "embedding.weight"
    mean, first, second = (state[key] for state in states)
    assert not torch.equal(first, second)
    torch.testing.assert_close(mean, 0.75 * first + 0.25 * second)
    checkpoints = sorted((tmp_path / "runs" / "first" / "checkpoints").iterdir())
    assert house_run.main(command) == 0  # nothing is trained twice
    assert sorted((tmp_path / "runs" / "first" / "checkpoints").iterdir()) == checkpoints
    assert checkpoints[-1].stem.endswith("2")


def test_the_list_of_runs_and_missing_folders(capsys):
    assert house_run.main(["--list"]) == 0
    assert "| last | branch of rms |  | 3500 |" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="2"):
        house_run.main([])
    with pytest.raises(ValueError, match="both: give either recipe or branch_of"):
        Run(name="both", recipe="house_small", branch_of="rms")


def test_every_run_can_start_from_the_weights_before_it(tmp_path):
    """Check in seconds what would otherwise fail after hours of training."""
    specs = {}
    for run in read_plan().runs:
        specs[run.name] = (
            specs[run.branch_of]
            if run.branch_of
            else part_of(load_spec(load_recipe(run.recipe).model), run.part)
        )
        folder = tmp_path / run.name
        folder.mkdir()
        network = zoo.build(specs[run.name])
        for name in ("last", "weights"):
            write_safetensors(
                folder / f"{name}.safetensors", network.state_dict(), spec=specs[run.name]
            )
        if run.initial:
            initial = read_initial_weights(
                specs[run.name],
                str(tmp_path / run.initial),
                low_band=str(tmp_path / run.initial_low_band) if run.initial_low_band else "",
            )
            assert initial.state.keys() == network.state_dict().keys()
    mean = read_plan().mean
    assert house_run.write_mean(mean, tmp_path).is_file()


def test_the_last_run_starts_from_weights_that_are_bundled(tmp_path):
    plan = read_plan(RUNS_FILE.with_name("house_real_runs.yaml"))
    (run,) = plan.runs
    config = load_recipe(run.recipe)
    network, folder = zoo.build(config.model), tmp_path / run.name
    before = read_initial_weights(network.spec, config.initial_weights).state
    folder.mkdir()
    write_safetensors(folder / "last.safetensors", network.state_dict(), spec=network.spec)
    mean = read_checkpoint(house_run.write_mean(plan.mean, tmp_path)).state_dict
    for key in ("embedding.weight", "unet.exit.bias"):
        torch.testing.assert_close(mean[key], 0.75 * network.state_dict()[key] + 0.25 * before[key])
