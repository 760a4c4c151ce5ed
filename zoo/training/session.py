"""Starting, resuming and cooling down a run: from paths to a trainer."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from zoo.data import Track, decode_tracks, find_tracks, require_disjoint
from zoo.data.decoded import Progress
from zoo.data.musdb18 import find_musdb18_tracks, is_musdb18
from zoo.networks.builder import build_network, load_into
from zoo.records.reading import Reader, to_plain
from zoo.specs.loading import load_spec
from zoo.specs.spec import Spec
from zoo.training.checkpoints import latest_checkpoint, load_checkpoint, save_checkpoint
from zoo.training.config import ScheduleConfig, TrainingConfig
from zoo.training.errors import TrainingError
from zoo.training.initial_weights import read_initial_weights
from zoo.training.listeners import Listener, default_listeners
from zoo.training.recipe import override, parse_config
from zoo.training.run_folder import RunFolder
from zoo.training.trainer import Trainer


@dataclass(frozen=True, slots=True, kw_only=True)
class DataFolders:
    """Where the tracks are.

    Args:
        train: Folder of training tracks.
        valid: Folder of held-out tracks; None trains without validation.
        replay: Folder of tracks that the initial weights had learnt from; None replays nothing.
        cache: Folder of decoded samples, shared by all runs.
    """

    train: Path
    valid: Path | None = None
    replay: Path | None = None
    cache: Path

    def to_dict(self) -> dict[str, str]:
        """Return the paths as plain data."""
        plain = to_plain(self)
        return {key: str(Path(path).resolve()) for key, path in plain.items() if path is not None}


def start_run(
    spec: Spec,
    config: TrainingConfig,
    *,
    folders: DataFolders,
    output: Path,
    listener: Listener | None = None,
    on_decoded: Progress | None = None,
    device: str = "auto",
) -> Trainer:
    """Make the folder of a new run and its trainer.

    Raises:
        TrainingError: If ``output`` holds a run already.
        AudioError: If the data are not right.
        ValueError: If a validation file is trained on.
        WeightsError: If there are no such initial weights, or they are for another network.
    """
    initial = None
    if config.initial_weights:
        initial = read_initial_weights(
            spec, config.initial_weights, low_band=config.initial_low_band
        )
    folder = RunFolder(output)
    accelerator = make_accelerator(config, device=device)
    if accelerator.is_main_process:
        folder.create(spec=spec.to_dict(), config=to_plain(config))
        folder.write_data(folders.to_dict())
        if initial is not None and initial.entry is not None:
            folder.write_origin(initial.entry)
    job = _Job(spec=spec, config=config, folders=folders, folder=folder)
    state = None if initial is None else initial.state
    return _make_trainer(job, accelerator, listener, on_decoded, initial=state)


def resume_run(
    directory: Path,
    *,
    listener: Listener | None = None,
    on_decoded: Progress | None = None,
    device: str = "auto",
) -> Trainer:
    """Make the trainer of a run that was stopped, at its newest checkpoint.

    Raises:
        TrainingError: If the folder holds no run or no checkpoint, or one of another spec.
    """
    folder = RunFolder(directory)
    spec = load_spec(folder.read_yaml("spec.yaml"))
    config = parse_config(
        folder.read_yaml("config.yaml"), origin=str(folder.directory / "config.yaml")
    )
    folders = _read_folders(folder)
    accelerator = make_accelerator(config, device=device)
    job = _Job(spec=spec, config=config, folders=folders, folder=folder)
    trainer = _make_trainer(job, accelerator, listener, on_decoded)
    trainer.restore_latest()
    return trainer


def branch_run(
    directory: Path,
    *,
    changes: Mapping[str, Any],
    cooldown_steps: int | None = None,
    output: Path | None = None,
) -> Path:
    """Branch a run off that goes on with another recipe, and leave the first one as it is.

    Args:
        directory: The run to branch from, at its newest checkpoint.
        changes: Values of the recipe that differ, by dotted keys. An optimizer that is another one
            by more than its rate starts without momentum.
        cooldown_steps: In how many steps the branch's rate falls to zero; None leaves the schedule.
        output: Folder of the branch; by default one inside ``directory``.

    Returns:
        The branch's folder, ready for ``resume_run``.

    Raises:
        TrainingError: If there is no such run, or ``cooldown_steps`` is under 1.
        ValueError: If a change does not fit, or is of the network itself.
    """
    if cooldown_steps is not None and cooldown_steps < 1:
        raise TrainingError(f"a cool-down takes at least 1 step, got {cooldown_steps}")
    for fixed in ("model", "initial_weights", "initial_low_band"):
        if fixed in changes:
            raise ValueError(
                f"{fixed}: a branch keeps the network and the weights of its run; start a new run "
                "for others"
            )
    folder = RunFolder(directory)
    before = parse_config(folder.read_yaml("config.yaml"))
    config = override(before, changes)
    state = load_checkpoint(latest_checkpoint(folder.checkpoints))
    # A rate is set at every step; anything else of an optimizer comes with its state.
    rate = before.optimizer.learning_rate
    if dataclasses.replace(config.optimizer, learning_rate=rate) != before.optimizer:
        state["optimizer"] = None
    start, kind = state["step"], "branch"
    if cooldown_steps is not None:
        kind = "cooldown"
        schedule = ScheduleConfig(
            name="cooldown", start_step=start, total_steps=start + cooldown_steps
        )
        config = dataclasses.replace(config, schedule=schedule, patience=0)
    branch = RunFolder(output or folder.directory / f"{kind}_{start:08d}")
    branch.create(spec=folder.read_yaml("spec.yaml"), config=to_plain(config))
    branch.write_data(folder.read_yaml("data.yaml"))
    origin = folder.read_origin()
    if origin is not None:
        branch.write_origin(origin)
    # The branch chooses among its own weights, which a rate or a loss of its own has shaped.
    save_checkpoint(
        state | {"config": to_plain(config), "best": float("-inf")}, branch.checkpoints, step=start
    )
    return branch.directory


def find_data(
    folders: DataFolders, *, sources: tuple[str, ...]
) -> tuple[tuple[Track, ...], tuple[Track, ...]]:
    """Find the training and the validation tracks.

    A MUSDB18 or MUSDB18-HQ root given for training without a folder for validation is split as the
    ``musdb`` package does, 86 to 14; its test tracks are never touched.

    Raises:
        AudioError: If a folder holds no track.
        ValueError: If a validation file is trained on.
    """
    if folders.valid is None and is_musdb18(folders.train):
        train, valid = (
            find_musdb18_tracks(folders.train, split=split, sources=sources)
            for split in ("train", "valid")
        )
        return train, valid
    train = find_tracks(folders.train, sources=sources)
    valid = find_tracks(folders.valid, sources=sources) if folders.valid else ()
    require_disjoint(train, valid)
    return train, valid


def make_accelerator(config: TrainingConfig, *, device: str) -> Accelerator:
    """Choose device, precision and processes as ``accelerate launch`` and the config say.

    Args:
        config: The run's config.
        device: ``auto`` or ``cpu``.
    """
    precision = "bf16" if config.precision == "bfloat16" else "no"
    return Accelerator(
        cpu=device == "cpu" or not torch.cuda.is_available(), mixed_precision=precision
    )


def _read_folders(folder: RunFolder) -> DataFolders:
    reader = Reader(error=TrainingError, origin=str(folder.directory / "data.yaml"))
    return reader.record(DataFolders, folder.read_yaml("data.yaml"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """What a run is given."""

    spec: Spec
    config: TrainingConfig
    folders: DataFolders
    folder: RunFolder


def _make_trainer(
    job: _Job,
    accelerator: Accelerator,
    listener: Listener | None,
    on_decoded: Progress | None,
    *,
    initial: Mapping[str, Tensor] | None = None,
) -> Trainer:
    """Decode the data, build the network as the run begins and join the two."""
    spec, config = job.spec, job.config
    sources = (*spec.sources, *config.data.background, *config.data.sums)
    train, valid = find_data(job.folders, sources=sources)
    replay = find_tracks(job.folders.replay, sources=sources) if job.folders.replay else ()
    require_disjoint(replay, valid)
    if config.validate_start and not valid:
        raise TrainingError(
            "this recipe keeps what it begins with until something better comes, so it needs "
            "held-out tracks to choose by: give --valid"
        )
    with accelerator.main_process_first():
        train_tracks, valid_tracks, replay_tracks = (
            decode_tracks(
                tracks,
                cache_directory=job.folders.cache,
                sample_rate=spec.sample_rate,
                progress=on_decoded,
            )
            for tracks in (train, valid, replay)
        )
    with torch.random.fork_rng():
        torch.manual_seed(config.seed)
        model = build_network(spec)
    if initial is not None:
        load_into(model, initial).train()
    listeners = [] if listener is None else [listener]
    if accelerator.is_main_process:
        listeners += default_listeners(
            job.folder, sources=spec.sources, sample_rate=spec.sample_rate
        )
    return Trainer(
        model,
        config=config,
        train_tracks=train_tracks,
        valid_tracks=valid_tracks,
        replay_tracks=replay_tracks,
        folder=job.folder,
        accelerator=accelerator,
        listeners=listeners,
    )
