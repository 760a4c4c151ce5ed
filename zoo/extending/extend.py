"""Teaching a trained network a new source from examples."""

import contextlib
import math
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from zoo.data.decoded import Progress
from zoo.data.tracks import MIXTURE, Track, TrackFile
from zoo.errors import UnknownNameError
from zoo.extending.examples import (
    BACKGROUND,
    Examples,
    ExampleSource,
    gather_examples,
    read_tracks,
)
from zoo.extending.mixtures import hold_out_background, mix_held_out
from zoo.extending.record import describe_extension, score_extension
from zoo.networks.extending import add_source
from zoo.networks.network import SeparationNetwork
from zoo.publishing.hub import save_pretrained
from zoo.records.reading import to_plain
from zoo.specs.spec import Spec
from zoo.training.checkpoints import list_checkpoints
from zoo.training.config import TrainingConfig
from zoo.training.errors import TrainingError
from zoo.training.initial_weights import derive_entry
from zoo.training.listeners import Listener
from zoo.training.recipe import load_recipe, override
from zoo.training.run_folder import RunFolder
from zoo.training.session import make_accelerator
from zoo.training.trainer import Trainer
from zoo.weights.checkpoints import write_safetensors
from zoo.weights.references import WEIGHTS_FILE
from zoo.weights.resolving import resolve_model
from zoo.weights.settings import read_settings

__all__ = ["RATES", "extend"]

# The rate of each method: the more of the network learns, the smaller its steps.
RATES = {"row": 0.02, "low_rank": 0.005, "decoder": 0.0002}
LEVEL_DBFS = -20.0
BEST_WEIGHTS = "weights.safetensors"
FILE_SUFFIX = ".safetensors"
DEMO_SONG = Path(__file__).parents[1] / "examples" / "demo_song"


def extend(
    network: SeparationNetwork | str | Path,
    source: str,
    tracks: ExampleSource,
    *,
    method: str = "row",
    part_of: str | None = None,
    background: ExampleSource | None = None,
    valid: ExampleSource | None = None,
    output: str | Path | None = None,
    minutes: float | None = None,
    changes: Mapping[str, Any] | None = None,
    licence: str | None = None,
    training_data: str = "",
    credits: Sequence[str] = (),
    device: str = "auto",
    listener: Listener | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> SeparationNetwork:
    """Teach a trained network one more source.

    Args:
        network: A conditioned network with its weights, or anything :func:`zoo.build` takes with
            them. It stays as it is.
        source: Name of the new source: lower-case letters, digits and underscores.
        tracks: Examples of it: a folder of audio files of nothing else; or a folder of tracks, each
            a folder with ``SOURCE.wav`` and maybe files of other sources without it; or files, or
            ``zoo.data.Track`` objects.
        method: ``row`` learns a condition vector and leaves everything else as it is; ``low_rank``
            also learns a low-rank update of what the condition generates, and ``decoder`` the
            decoder, which costs the other sources (docs/extending.md).
        part_of: The source in which it is heard now, ``other`` by default.
        background: What sounds beside it and does not hold it: a folder of songs or of tracks, or
            files; by default the other sources of ``tracks``, or else of the packaged demo song.
        valid: Held-out examples; by default a fifth of ``tracks``.
        output: Folder that gets the weights, their spec and a card, or a ``.safetensors`` file; a
            run that was stopped goes on from there, or from the folder ``.run`` beside the file.
            None keeps nothing.
        minutes: Stop learning after so long; by default when it no longer gains.
        changes: Values of the recipe ``extend`` by dotted keys.
        licence: SPDX identifier of the examples' licence.
        training_data: What the examples are, for the record.
        credits: Lines to pass on with them.
        device: ``auto`` or ``cpu``.
        listener: Hears of losses and scores.
        progress: Called with (files decoded, files in all).
        should_stop: Asked after every step.

    Returns:
        The network with the new source, in eval mode, with the record of its weights.

    Raises:
        ExamplesError: If nothing can be learnt from the examples.
        ValueError: If the source is there already, is no name, or the method or a change is none.
        WeightsError: If the network's weights cannot be had, or their licence forbids derivatives.
        AudioError: If a file cannot be decoded.
        TrainingError: If ``output`` holds another run, or a step fails.
    """
    resolved = resolve_model(network)
    start = add_source(resolved.network, source, part_of=part_of)
    if resolved.entry is not None:
        derive_entry(resolved.entry, start.spec)  # refuses what may not be derived from
    examples = _gather(start.sources, source, tracks, background, valid, progress, start.spec)
    left, held_out = hold_out_background(examples.background, len(examples.valid))
    mixtures = mix_held_out(source, examples.valid, held_out)
    names = examples.background_names(source)
    config = _configure(source, names, method, changes or {})
    with contextlib.ExitStack() as stack:
        kept = Path(
            output or stack.enter_context(tempfile.TemporaryDirectory(prefix="lightsaft-zoo-"))
        )
        is_file = kept.suffix == FILE_SUFFIX
        folder = RunFolder(kept.with_suffix(".run") if is_file else kept)
        if (kept if is_file else kept / WEIGHTS_FILE).exists():
            raise TrainingError(f"{kept} holds a finished network; choose another output")
        trainer = Trainer(
            start,
            config=config,
            train_tracks=(*examples.train, *left),
            valid_tracks=mixtures,
            folder=folder,
            accelerator=make_accelerator(config, device=device),
            listeners=[] if listener is None else [listener],
        )
        _begin_or_resume(trainer)
        trainer.run(should_stop=_until(minutes, should_stop))
        if should_stop():
            raise TrainingError(f"stopped after step {trainer.step}; the same command goes on")
        learnt = resolve_model(folder.directory / BEST_WEIGHTS).network
        others = [name for name in names if name not in learnt.sources]
        scores = score_extension(learnt, resolved.network, source, mixtures, background=others)
        learnt.weights_entry = describe_extension(
            learnt,
            resolved.entry,
            source,
            scores,
            method=method,
            minutes=sum(track.files[source].active_seconds for track in examples.train) / 60,
            num_mixtures=len(mixtures),
            licence=licence,
            training_data=training_data,
            credits_=credits,
        )
        if is_file:
            state, entry = learnt.state_dict(), learnt.weights_entry
            write_safetensors(kept, state, spec=learnt.spec, entry=entry)
            shutil.rmtree(folder.directory)
        else:
            save_pretrained(learnt, kept, picture=False)
            shutil.rmtree(folder.checkpoints)
    return learnt


def _gather(
    sources: Sequence[str],
    source: str,
    tracks: ExampleSource,
    background: ExampleSource | None,
    valid: ExampleSource | None,
    progress: Progress | None,
    spec: Spec,
) -> Examples:
    """Find and decode everything; without any background the packaged demo song is one."""
    beside: tuple[Track, ...] = ()
    found = read_tracks(tracks, known=sources, loose=source)
    if background is not None:
        known = [name for name in sources if name != source]
        beside = read_tracks(background, known=known, loose=BACKGROUND)
    elif all(set(track.files) <= {source} for track in found):
        beside = (_demo_track(without={source, spec.part_of[source]}),)
    return gather_examples(
        source,
        tracks=found,
        background=beside,
        valid=() if valid is None else read_tracks(valid, known=sources, loose=source),
        cache=read_settings().cache / "decoded",
        sample_rate=spec.sample_rate,
        progress=progress,
    )


def _demo_track(without: Collection[str]) -> Track:
    files = {path.stem: path for path in sorted(DEMO_SONG.glob("*.ogg")) if path.stem != MIXTURE}
    return Track(
        name=DEMO_SONG.name,
        group="",
        files={name: TrackFile(path=path) for name, path in files.items() if name not in without},
    )


def _configure(
    source: str, background: Sequence[str], method: str, changes: Mapping[str, Any]
) -> TrainingConfig:
    """Return the recipe for this source, with what sounds beside it."""
    if method not in RATES:
        raise UnknownNameError("method", method, list(RATES))
    own = {
        "learn": method,
        "learn_sources": [source],
        "optimizer.learning_rate": RATES[method],
        "data.background": list(background),
        "data.level_dbfs": dict.fromkeys((source, *background), LEVEL_DBFS),
    }
    return override(load_recipe("extend"), {**own, **changes})


def _begin_or_resume(trainer: Trainer) -> None:
    """Write what the run is given, or go on with the same run where it was stopped."""
    folder, spec, config = trainer.folder, trainer.spec.to_dict(), to_plain(trainer.config)
    if not (folder.directory / "config.yaml").exists():
        folder.create(spec=spec, config=config)
        return
    if (folder.read_yaml("spec.yaml"), folder.read_yaml("config.yaml")) != _as_read(spec, config):
        raise TrainingError(
            f"{folder.directory} holds another run: its source, method or examples differ; choose "
            "another output, or remove it"
        )
    if list_checkpoints(folder.checkpoints):
        trainer.restore_latest()


def _as_read(*values: Any) -> tuple[Any, ...]:
    """Return plain data as they come back from YAML, with lists for tuples."""
    return tuple(yaml.safe_load(yaml.safe_dump(value)) for value in values)


def _until(minutes: float | None, should_stop: Callable[[], bool]) -> Callable[[], bool]:
    deadline = math.inf if minutes is None else time.monotonic() + 60 * minutes
    return lambda: should_stop() or time.monotonic() > deadline
