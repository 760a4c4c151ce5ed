"""Whole runs of a tiny network: they learn, stop, go on, branch, and fail kindly."""

import dataclasses
import importlib.util
import json
import os
import signal
import subprocess
import sys

import pytest
import torch
import yaml
from accelerate.state import AcceleratorState

import zoo
from tests.training_data import SOURCES, SPEC, make_config, make_tracks
from zoo.cli import main
from zoo.data import Example, ReplayDataset, decode_tracks, find_tracks
from zoo.errors import WeightsError
from zoo.networks.builder import load_into
from zoo.records.reading import to_plain
from zoo.specs.loading import load_spec
from zoo.training.checkpoints import latest_checkpoint, list_checkpoints, load_checkpoint
from zoo.training.errors import TrainingError
from zoo.training.initial_weights import read_initial_weights
from zoo.training.losses import LOSSES
from zoo.training.session import DataFolders, branch_run, find_data, resume_run, start_run
from zoo.training.trainer import Trainer
from zoo.training.validation import mean_scores, validate
from zoo.weights.checkpoints import read_checkpoint, write_safetensors
from zoo.weights.entries import WeightsEntry


@pytest.fixture(autouse=True)
def fresh_accelerator():
    """Let each test choose its precision; accelerate keeps the first choice of a process."""
    AcceleratorState._reset_state(reset_partial_state=True)


@pytest.fixture
def folders(tmp_path):
    return DataFolders(
        train=make_tracks(tmp_path / "train", names=("a/one", "a/two", "b/three")),
        valid=make_tracks(tmp_path / "valid", names=("four",), seed=9),
        cache=tmp_path / "cache",
    )


def start(folders, output, **changes) -> Trainer:
    spec = load_spec(SPEC)
    return start_run(spec, make_config(**changes), folders=folders, output=output, device="cpu")


def stop_after(trainer, step):
    return lambda: trainer.step >= step


def final_state(directory):
    return load_checkpoint(latest_checkpoint(directory / "checkpoints"))


def assert_same(first, second):
    assert first.keys() == second.keys()
    for key in first:
        torch.testing.assert_close(first[key], second[key], rtol=0, atol=0)


def test_a_run_leaves_all_that_tells_what_it_was(tmp_path, folders):
    start(folders, tmp_path / "run").run()
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names >= {
        "spec.yaml", "config.yaml", "data.yaml", "environment.json", "metrics.jsonl",
        "curves.png", "checkpoints", "tensorboard", "weights.safetensors", "last.safetensors",
    }  # fmt: skip
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").open()]
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3, 4, 5, 6]
    assert [line["step"] for line in lines if "sdr" in line] == [3, 6]
    assert set(lines[-1]["sdr"]) == {*SOURCES, "mean"}
    assert set(lines[-1]["tracks"]["four"]) == set(SOURCES)
    network = zoo.build(str(tmp_path / "run" / "last.safetensors"))
    assert network.spec == load_spec(SPEC)
    ema = final_state(tmp_path / "run")["ema"]
    torch.testing.assert_close(network.state_dict()["embedding.weight"], ema["embedding.weight"])


def test_a_resumed_run_takes_the_same_steps(tmp_path, folders):
    start(folders, tmp_path / "whole").run()
    first = start(folders, tmp_path / "cut")
    first.run(should_stop=stop_after(first, 4))
    resumed = resume_run(tmp_path / "cut", device="cpu")
    assert resumed.step == 4
    resumed.run()
    whole, cut = final_state(tmp_path / "whole"), final_state(tmp_path / "cut")
    for part in ("model", "ema"):
        assert_same(whole[part], cut[part])
    curves = []
    for name in ("whole", "cut"):
        lines = [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").open()]
        curves.append([line["loss"] for line in lines if "loss" in line])
    assert curves[0] == curves[1]


def test_training_one_source_at_a_time_and_muon_resume_too(tmp_path, folders):
    changes = {
        "sources_per_mixture": 1,
        "loss": "spec_mse",
        "optimizer": {"name": "muon", "learning_rate": 0.003, "options": {"nesterov": True}},
        "precision": "bfloat16",
        "channels_last": True,
        "gradient_clip": 1.0,
        "workers": 1,
        "schedule": {"name": "cosine", "total_steps": 4, "warmup_steps": 2},
    }
    start(folders, tmp_path / "whole", **changes).run()
    first = start(folders, tmp_path / "cut", **changes)
    first.run(should_stop=stop_after(first, 2))
    resume_run(tmp_path / "cut", device="cpu").run()
    assert_same(final_state(tmp_path / "whole")["model"], final_state(tmp_path / "cut")["model"])


def test_a_cooldown_branches_off_and_leaves_the_run(tmp_path, folders):
    start(folders, tmp_path / "run").run()
    before = latest_checkpoint(tmp_path / "run" / "checkpoints").read_bytes()
    branch = branch_run(tmp_path / "run", changes={}, cooldown_steps=4)
    resume_run(branch, device="cpu").run()
    lines = [json.loads(line) for line in (branch / "metrics.jsonl").open()]
    rates = [line["learning_rate"] / 0.003 for line in lines if "loss" in line]
    assert rates == pytest.approx([1 - (step / 4) ** 0.5 for step in range(4)])
    assert latest_checkpoint(tmp_path / "run" / "checkpoints").read_bytes() == before
    for steps, message in ((0, "at least 1 step"), (4, "holds a run already")):
        with pytest.raises(TrainingError, match=message):
            branch_run(tmp_path / "run", changes={}, cooldown_steps=steps)


def test_a_branch_goes_on_with_another_recipe_and_leaves_the_run(tmp_path, folders):
    start(folders, tmp_path / "run").run()
    before = latest_checkpoint(tmp_path / "run" / "checkpoints")
    step = load_checkpoint(before)["step"]
    changes = {
        "loss": "normalised_rms_wave",
        "consistent_share": 0.5,
        "schedule.total_steps": step + 2,
        "optimizer.learning_rate": 1e-4,
    }
    branch = branch_run(tmp_path / "run", changes=changes, output=tmp_path / "branch")
    trainer = resume_run(branch, device="cpu")
    assert trainer.step == step
    trainer.run()
    assert (trainer.step, trainer.config.loss) == (step + 2, "normalised_rms_wave")
    assert latest_checkpoint(tmp_path / "run" / "checkpoints") == before
    assert "l1_wave" in (tmp_path / "run" / "config.yaml").read_text()
    for key in ("model", "initial_weights", "initial_low_band"):
        with pytest.raises(ValueError, match=f"{key}: a branch keeps the network"):
            branch_run(tmp_path / "run", changes={key: "other"}, output=tmp_path / "other")
    with pytest.raises(ValueError, match="unknown key"):
        branch_run(tmp_path / "run", changes={"los": "sdr"}, output=tmp_path / "other")


@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_a_branch_may_have_another_optimizer(tmp_path, folders, weight_decay):
    start(
        folders, tmp_path / "run", optimizer={"name": "adamw", "weight_decay": weight_decay}
    ).run()
    step = load_checkpoint(latest_checkpoint(tmp_path / "run" / "checkpoints"))["step"]
    changes = {"optimizer.weight_decay": 0.5, "schedule.total_steps": step + 1}
    trainer = resume_run(branch_run(tmp_path / "run", changes=changes), device="cpu")
    trainer.run()
    state = final_state(trainer.folder.directory)["optimizer"]
    assert 0.5 in {group["weight_decay"] for group in state["param_groups"]}
    assert {int(part["step"]) for part in state["state"].values()} == {1}


def test_a_run_starts_from_weights_of_a_mapping_with_a_mask_of_zero(tmp_path, folders):
    start(folders, tmp_path / "mapping").run()
    weights = tmp_path / "mapping" / "last.safetensors"
    mapping = zoo.build(str(weights))
    spec = load_spec({**SPEC, "estimate": "mapping_and_mask"})
    masked = load_into(zoo.build(spec), read_initial_weights(spec, str(weights)).state)
    mixture = torch.randn(1, 2, 2000, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(masked(mixture), mapping(mixture), rtol=0, atol=0)

    config = make_config(initial_weights=str(weights))
    start_run(spec, config, folders=folders, output=tmp_path / "masked", device="cpu").run()
    trained = zoo.build(str(tmp_path / "masked" / "last.safetensors")).state_dict()
    assert bool(trained["unet.exit.weight"].unflatten(0, (-1, 6))[:, 4:].any())
    change = trained["embedding.weight"] - mapping.state_dict()["embedding.weight"]
    assert float(change.abs().max()) < 0.05  # six steps away from where it started
    # The file may be gone by the time that a run is resumed.
    weights.unlink()
    assert resume_run(tmp_path / "masked", device="cpu").step == 6


def test_a_low_band_is_trained_alone_and_then_with_the_rest(tmp_path, folders):
    low_band = {"n_fft": 1024, "hop_length": 256, "num_bins": 256, "num_subbands": 2, "width": 6}
    unet = {**SPEC["unet"], "num_subbands": 2}
    spec = load_spec({**SPEC, "unet": unet, "low_band": low_band})
    outer = dataclasses.replace(spec, low_band=None)
    for part, name in ((outer, "rest"), (spec.low_band_spec, "low")):
        start_run(part, make_config(), folders=folders, output=tmp_path / name, device="cpu").run()
    files = {name: str(tmp_path / name / "last.safetensors") for name in ("rest", "low")}
    changes = {"initial_weights": files["rest"], "initial_low_band": files["low"]}
    run = start_run(
        spec, make_config(**changes), folders=folders, output=tmp_path / "both", device="cpu"
    )
    run.run()
    before = zoo.build(files["low"]).state_dict()
    after = zoo.build(str(tmp_path / "both" / "last.safetensors")).low_band.state_dict()
    change = after["embedding.weight"] - before["embedding.weight"]
    assert 0 < float(change.abs().max()) < 0.05  # six steps away from where it started
    half = 0.5 * before["unet.exit.weight"]
    assert float((after["unet.exit.weight"] - half).abs().max()) < 0.05
    with pytest.raises(WeightsError, match="has no low band to start from"):
        read_initial_weights(outer, files["rest"], low_band=files["low"])
    with pytest.raises(WeightsError, match="which differs from"):
        read_initial_weights(spec, files["low"], low_band=files["rest"])
    with pytest.raises(ValueError, match="initial_low_band needs initial_weights"):
        make_config(initial_low_band=files["low"])


def test_what_a_network_of_the_lowest_bins_cannot_estimate_is_no_part_of_its_loss(
    tmp_path, folders
):
    spec = load_spec({**SPEC, "stft": {"n_fft": 256, "hop_length": 128, "num_bins": 32}})
    trainer = start_run(spec, make_config(), folders=folders, output=tmp_path, device="cpu")
    targets = torch.randn(2, 4, 2, 1920, generator=torch.Generator().manual_seed(0))
    placed = trainer._place(Example(targets, torch.ones(2, 4)))
    assert (placed.certainty == 1).all()
    spectrum = torch.fft.rfft(placed.targets).abs()
    assert float(spectrum[..., 280:].max()) < 0.05 * float(spectrum[..., :220].max())


def test_the_licence_of_initial_weights_goes_with_all_that_comes_of_them(tmp_path, folders):
    spec = load_spec(SPEC)
    entry = WeightsEntry(
        spec=spec.name,
        tag="theirs",
        licence="CC-BY-SA-3.0",
        training_data="Their songs",
        credits=("Somebody",),
    )
    weights = write_safetensors(
        tmp_path / "theirs.safetensors", zoo.build(spec).state_dict(), spec=spec, entry=entry
    )
    start(folders, tmp_path / "run", initial_weights=str(weights)).run()
    branch = branch_run(tmp_path / "run", changes={"schedule.total_steps": 7})
    resume_run(branch, device="cpu").run()
    for file in (tmp_path / "run" / "weights.safetensors", branch / "last.safetensors"):
        derived = read_checkpoint(file).entry
        assert (derived.licence, derived.credits) == ("CC-BY-SA-3.0", ("Somebody",))
        assert "Their songs" in derived.training_data
        assert f"{spec.name}.theirs" in derived.notes
    start(folders, tmp_path / "own").run()
    assert read_checkpoint(tmp_path / "own" / "last.safetensors").entry is None


def test_initial_weights_of_another_network_leave_no_folder(tmp_path, folders):
    start(folders, tmp_path / "run").run()
    config = make_config(initial_weights=str(tmp_path / "run" / "last.safetensors"))
    wider = load_spec({**SPEC, "unet": {**SPEC["unet"], "key_dim": 4}})
    with pytest.raises(WeightsError, match="unet"):
        start_run(wider, config, folders=folders, output=tmp_path / "wider", device="cpu")
    assert not (tmp_path / "wider").exists()


def test_a_nan_loss_stops_and_leaves_the_last_checkpoint(tmp_path, folders, monkeypatch):
    trainer = start(folders, tmp_path / "run")
    trainer.run(should_stop=stop_after(trainer, 2))
    before = latest_checkpoint(tmp_path / "run" / "checkpoints").read_bytes()
    resumed = resume_run(tmp_path / "run", device="cpu")
    monkeypatch.setattr(
        "zoo.training.step.LOSSES", {"l1_wave": lambda data: data.estimates.sum() * torch.nan}
    )
    with pytest.raises(TrainingError, match=r"step 2: the loss is nan.*resume from them"):
        resumed.run()
    assert latest_checkpoint(tmp_path / "run" / "checkpoints").read_bytes() == before


def test_a_gradient_that_is_no_number_stops(tmp_path, folders, monkeypatch):
    monkeypatch.setattr(
        "zoo.training.step.LOSSES", {"l1_wave": lambda data: (data.estimates * 0).sum().sqrt()}
    )
    with pytest.raises(TrainingError, match="norm of the gradient is nan"):
        start(folders, tmp_path / "run").run()


def test_out_of_memory_says_what_to_lower(tmp_path, folders, monkeypatch):
    def exhausted(_data):
        raise torch.OutOfMemoryError("tried to allocate 80 GiB")

    monkeypatch.setattr("zoo.training.step.LOSSES", {"l1_wave": exhausted})
    with pytest.raises(TrainingError, match=r"tried to allocate 80 GiB; lower mixtures \(now 4\)"):
        start(folders, tmp_path / "run").run()


def test_patience_stops_a_run_that_gets_no_better(tmp_path, folders):
    trainer = start(
        folders,
        tmp_path / "run",
        patience=1,
        validate_every=1,
        optimizer={"name": "adamw", "learning_rate": 0.0},
        ema_decay=0.0,
        schedule={"name": "constant", "total_steps": 50},
    )
    trainer._bare_model.eval()
    trainer._model.train = lambda _mode: trainer._model  # batch statistics would change the score
    trainer.run()
    assert trainer.step == 2


def test_wrong_folders_and_checkpoints_are_refused(tmp_path, folders):
    trainer = start(folders, tmp_path / "run")
    with pytest.raises(TrainingError, match="holds a run already"):
        start(folders, tmp_path / "run")
    with pytest.raises(TrainingError, match="no checkpoint"):
        resume_run(tmp_path / "run", device="cpu")
    with pytest.raises(TrainingError, match="holds no run"):
        resume_run(tmp_path / "elsewhere", device="cpu")
    trainer.save()
    other = yaml.safe_load((tmp_path / "run" / "spec.yaml").read_text())
    other["unet"]["width"] = 12
    (tmp_path / "run" / "spec.yaml").write_text(yaml.safe_dump(other))
    with pytest.raises(TrainingError, match="other blocks or sizes"):
        resume_run(tmp_path / "run", device="cpu")


def test_validation_tracks_may_not_be_trained_on(tmp_path, folders):
    overlapping = DataFolders(train=folders.train, valid=folders.train / "b", cache=folders.cache)
    with pytest.raises(ValueError, match="validation must be on other tracks"):
        start(overlapping, tmp_path / "run")


def test_a_musdb18_root_is_split_by_its_package(tmp_path):
    for part, name in (("train", "Leaf - Summerghost"), ("train", "Other"), ("test", "Held out")):
        make_tracks(tmp_path / part, names=(name,), seconds=0.1, seed=len(name))
    train, valid = find_data(
        DataFolders(train=tmp_path, valid=None, cache=tmp_path / "cache"), sources=SOURCES
    )
    assert [track.name for track in train] == ["Other"]
    assert [track.name for track in valid] == ["Leaf - Summerghost"]


def test_a_network_of_one_source_hears_the_band_behind_it(tmp_path, folders):
    spec = {key: value for key, value in SPEC.items() if key != "condition"}
    unet = dict(SPEC["unet"], decoder={"local": "tfc", "frequency": "tdf"})
    for key in ("num_latent_sources", "key_dim"):
        unet.pop(key)
    spec |= {"sources": ["vocals"], "unet": unet}
    seen = []
    config = make_config(
        data={"background": ["drums", "bass", "other"]}, schedule={"total_steps": 1}
    )
    trainer = start_run(
        load_spec(spec), config, folders=folders, output=tmp_path / "run", device="cpu"
    )
    trainer._bare_model.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    trainer.run()
    example = torch.stack([trainer._dataset[index].targets for index in range(4)])
    torch.testing.assert_close(seen[0], example.sum(dim=1))
    assert example.shape[1] == 4


def write_recipe(tmp_path, **changes):
    path = tmp_path / "recipe.yaml"
    spec_path = tmp_path / "generated.yaml"
    spec_path.write_text(yaml.safe_dump(SPEC))
    path.write_text(yaml.safe_dump(to_plain(make_config(model=str(spec_path), **changes))))
    return path


def command(tmp_path, folders, *arguments):
    return [
        "-m", "zoo", "train", "--device", "cpu", "--data", str(folders.train),
        "--valid", str(folders.valid), "--cache", str(folders.cache),
        "--output", str(tmp_path / "run"), *arguments,
    ]  # fmt: skip


def test_two_processes_train_as_one(tmp_path, folders):
    # A checkpoint is due by the clock of each process, and all have to take part in it.
    changes = {
        "schedule": {"total_steps": 3},
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
        "checkpoint_minutes": 0.0,
    }
    start(folders, tmp_path / "alone", **changes).run()
    recipe = write_recipe(tmp_path, **changes)
    launcher = [
        sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2",
        "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
        "--main_process_port", "0", "--num_cpu_threads_per_process", "1",
    ]  # fmt: skip
    subprocess.run(
        launcher + command(tmp_path, folders, "--recipe", str(recipe)), check=True, timeout=240
    )
    alone, together = final_state(tmp_path / "alone"), final_state(tmp_path / "run")
    assert together["step"] == 3
    for key, tensor in alone["model"].items():
        torch.testing.assert_close(together["model"][key], tensor, rtol=1e-4, atol=1e-5, msg=key)


def test_a_killed_process_goes_on_from_its_last_checkpoint(tmp_path, folders):
    recipe = write_recipe(
        tmp_path, schedule={"total_steps": 100_000}, checkpoint_minutes=0.0, validate_every=100_000
    )
    arguments = command(tmp_path, folders, "--recipe", str(recipe))
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("step 8 "):
            break
    process.kill()
    process.wait()
    step = load_checkpoint(latest_checkpoint(tmp_path / "run" / "checkpoints"))["step"]
    assert step >= 6
    assert len(list_checkpoints(tmp_path / "run" / "checkpoints")) <= 3
    resumed = resume_run(tmp_path / "run", device="cpu")
    resumed.run(should_stop=stop_after(resumed, step + 1))
    assert resumed.step == step + 1


def test_the_command_stops_on_a_signal_with_a_checkpoint(tmp_path, folders):
    recipe = write_recipe(tmp_path, schedule={"total_steps": 100_000}, validate_every=100_000)
    arguments = command(tmp_path, folders, "--recipe", str(recipe))
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if line.startswith("step 2 "):
            break
    os.kill(process.pid, signal.SIGTERM)
    rest = process.stdout.read()
    assert process.wait() == 0
    step = load_checkpoint(latest_checkpoint(tmp_path / "run" / "checkpoints"))["step"]
    assert f"stopped after step {step}" in rest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "lightsaft"], "--data is missing"),
        (["--data", "x", "--output", "y"], "no recipe for model None"),
        (["--model", "x", "--data", "x", "--output", "y"], "no recipe for model 'x'"),
        (["--recipe", "house_small", "--cooldown", "5"], "--resume RUN"),
        (["--resume", "x", "--set", "a=1"], "--set cannot change a stopped run; branch off"),
        (["--resume", "x", "--branch", "--data", "y"], "--data cannot change a stopped run"),
        (["--recipe", "house_small", "--branch"], "--resume RUN"),
        (["--recipe", "house_small", "--data", "x", "--output", "y", "--set", "a"], "KEY=VALUE"),
        (
            ["--recipe", "house_small", "--data", "x", "--output", "y", "--set", 'a=!!int ""'],
            "--set a: not valid YAML: line 1: tags such as tag:yaml.org,2002:int are not allowed",
        ),
    ],
)
def test_the_command_refuses_what_makes_no_sense(arguments, message, capsys):
    from zoo.cli import main

    assert main(["train", *arguments]) == 1
    assert message in capsys.readouterr().err


def test_a_missing_accelerate_is_named(monkeypatch, capsys):
    from zoo.cli import main

    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "accelerate" else find_spec(name)
    )
    assert main(["train", "--recipe", "house_small"]) == 1
    assert "needs the accelerate package: pip install accelerate, or" in capsys.readouterr().err


@pytest.mark.slow
def test_a_handful_of_tracks_is_learnt_above_15_db(tmp_path):
    train = make_tracks(tmp_path / "train", names=("one", "two", "three", "four"))
    folders = DataFolders(train=train, valid=None, cache=tmp_path / "cache")
    trainer = start(
        folders,
        tmp_path / "run",
        mixtures=8,
        loss="l1_wave",
        optimizer={"name": "muon", "learning_rate": 0.005, "options": {"nesterov": True}},
        schedule={"name": "cosine", "total_steps": 900, "warmup_steps": 50},
        ema_decay=0.99,
        data={"remix_probability": 0.0, "active_probability": 0.0},
    )
    trainer.run()
    scores = list(
        validate(
            trainer._ema.module,
            decode_tracks(
                find_tracks(train, sources=SOURCES),
                cache_directory=folders.cache,
                sample_rate=trainer.spec.sample_rate,
            ),
            sources=SOURCES,
            sample_rate=trainer.spec.sample_rate,
            seconds=0,
        )
    )
    means = mean_scores(scores, sources=SOURCES)
    assert min(means.values()) > 15, means


def test_weights_for_a_source_that_is_not_there_are_refused(tmp_path, folders):
    with pytest.raises(ValueError, match="source_weights: unknown source 'drumz': did you mean"):
        start(folders, tmp_path / "run", source_weights={"drumz": 1.0})


def test_every_loss_trains(tmp_path, folders):
    for name in LOSSES.names():
        trainer = start(
            folders, tmp_path / name, loss=name, schedule={"total_steps": 1}, validate_every=5
        )
        trainer.run()
        assert trainer.step == 1


def test_fine_tuning_keeps_what_it_began_with_until_something_is_better(tmp_path, capsys):
    mine = make_tracks(tmp_path / "mine", names=("one", "two"))
    held_out = make_tracks(tmp_path / "valid", names=("four",), seed=5)
    old = make_tracks(tmp_path / "old", names=("one", "two"), seed=9)
    spec, recipe, base = tmp_path / "generated.yaml", tmp_path / "recipe.yaml", tmp_path / "base"
    spec.write_text(yaml.safe_dump(SPEC))
    recipe.write_text(yaml.safe_dump(to_plain(make_config(model=str(spec)))))
    where = ["--cache", str(tmp_path / "cache"), "--device", "cpu"]
    first = ["--recipe", str(recipe), "--data", str(old), "--output", str(base)]
    assert main(["train", *first, *where]) == 0
    weights, tuned = str(base / "last.safetensors"), tmp_path / "tuned"
    few = [f"--set={change}" for change in ("schedule.total_steps=4", "validate_every=2")]
    command = ["train", "--recipe", "fine_tune", "--initial", weights, "--data", str(mine)]
    command += [*where, *few, "--set=workers=0"]
    assert main([*command, "--output", str(tmp_path / "no")]) == 1
    assert "give --valid" in capsys.readouterr().err
    command += ["--valid", str(held_out), "--replay", str(old)]
    # Steps that can only do harm.
    harm = ["--set=optimizer.learning_rate=10.0", "--set=schedule.name=constant"]
    assert main([*command, *harm, "--output", str(tuned)]) == 0
    assert "nothing was better than what it began with" in capsys.readouterr().out
    before, kept, last = (
        zoo.build(path).state_dict()
        for path in (weights, tuned / "weights.safetensors", tuned / "last.safetensors")
    )
    assert all(torch.equal(kept[key], before[key]) for key in before)
    assert not torch.equal(last["unet.exit.weight"], before["unet.exit.weight"])
    statistics = [key for key in last if "running_" in key]
    assert statistics
    assert all(torch.equal(last[key], before[key]) for key in statistics)
    assert main([*command, "--model", "lasaft", "--output", str(tmp_path / "x")]) == 1
    assert "leave --model out" in capsys.readouterr().err


def test_replayed_tracks_are_drawn_as_often_as_asked():
    drawn = ReplayDataset(
        dict.fromkeys(range(400), "new"), dict.fromkeys(range(400), "old"), share=0.3
    )
    first = [drawn[index] for index in range(400)]
    assert first == [drawn[index] for index in range(400)]
    assert 0.22 < first.count("old") / 400 < 0.38
