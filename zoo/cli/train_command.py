"""``zoo train``: train a network, resume a run, or cool one down."""

import argparse
import importlib.util
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo.training.trainer import Trainer

HELP = "train a network on a folder of tracks"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``zoo train``."""
    new = parser.add_argument_group("a new run")
    new.add_argument("--model", help="name of a spec or path of one; by default the recipe's")
    new.add_argument("--recipe", help="name of a recipe or path of one; by default the model's")
    new.add_argument("--data", type=Path, help="folder of training tracks, or a MUSDB18 root")
    new.add_argument("--valid", type=Path, help="folder of held-out tracks")
    new.add_argument("--output", type=Path, help="folder of the run")
    new.add_argument(
        "--initial",
        metavar="WEIGHTS",
        help="begin with these: NAME.TAG, a checkpoint, a saved folder or a Hub repository; the "
        "model is theirs",
    )
    new.add_argument(
        "--replay",
        type=Path,
        help="tracks that --initial had learnt from, so that they are not forgotten",
    )
    new.add_argument("--cache", type=Path, help="folder of decoded samples, shared by all runs")
    new.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="change a value of the recipe, as in optimizer.learning_rate=0.001 (repeatable); "
        "of a stopped run: branch off with it",
    )
    old = parser.add_argument_group("a run that was stopped")
    old.add_argument("--resume", type=Path, metavar="RUN", help="go on from its newest checkpoint")
    old.add_argument(
        "--cooldown",
        type=int,
        metavar="STEPS",
        help="branch off and let the rate fall to zero in so many steps; RUN stays as it is",
    )
    old.add_argument(
        "--branch",
        action="store_true",
        help="branch off with what --set changes, into --output; RUN stays as it is",
    )
    parser.add_argument("--minutes", type=float, help="stop with a checkpoint after so long")
    parser.add_argument("--device", choices=("auto", "cpu"), default="auto")


def run(arguments: argparse.Namespace) -> int:
    """Train and return the exit status."""
    require_accelerate()
    should_stop = stop_after(arguments.minutes)
    trainer = _resume(arguments) if arguments.resume is not None else _start(arguments)
    trainer.run(should_stop=should_stop)
    if trainer.accelerator.is_main_process:
        directory = trainer.folder.directory
        print(f"stopped after step {trainer.step}; averaged weights: {directory}/last.safetensors")
        scored = [each for each in trainer.folder.read_metrics() if "sdr" in each]
        if scored and max(scored, key=lambda each: each["sdr"]["mean"])["step"] == 0:
            print("nothing was better than what it began with; weights.safetensors is that")
        print(f"go on with: python -m zoo train --resume {directory}")
    return 0


def require_accelerate() -> None:
    """Say what training needs, where it is not installed.

    Raises:
        ImportError: If accelerate is not there.
    """
    if importlib.util.find_spec("accelerate") is None:
        raise ImportError(
            "training needs the accelerate package: pip install accelerate, or "
            "pip install -e '.[training]' in a clone of the repository"
        )


def _resume(arguments: argparse.Namespace) -> "Trainer":
    """Make the trainer of a stopped run or of a cool-down that branches off it."""
    from zoo.training.session import branch_run, resume_run

    branches = arguments.branch or arguments.cooldown is not None
    fixed = ("model", "recipe", "data", "valid", "initial", "replay") + (
        () if branches else ("overrides", "output")
    )
    for name in fixed:
        if getattr(arguments, name):
            hint = "; branch off with --branch" if name in ("overrides", "output") else ""
            option = name.replace("overrides", "set")
            raise ValueError(f"--{option} cannot change a stopped run{hint}")
    directory = arguments.resume
    if branches:
        directory = branch_run(
            directory,
            changes=read_changes(arguments.overrides),
            cooldown_steps=arguments.cooldown,
            output=arguments.output,
        )
    return resume_run(
        directory, listener=ConsoleListener(), on_decoded=_show_decoding, device=arguments.device
    )


def _start(arguments: argparse.Namespace) -> "Trainer":
    """Check the arguments of a new run and make its trainer."""
    from zoo.specs.loading import load_spec
    from zoo.training.recipe import list_recipes, load_recipe, override
    from zoo.training.session import DataFolders, start_run
    from zoo.weights.resolving import resolve_model
    from zoo.weights.settings import read_settings

    for name in ("cooldown", "branch"):
        if getattr(arguments, name):
            raise ValueError(f"--{name} branches off a run: give it with --resume RUN")
    for name in ("data", "output"):
        if getattr(arguments, name) is None:
            raise ValueError(f"--{name} is missing; a new run needs --data and --output")
    recipe = arguments.recipe or (arguments.model if arguments.model in list_recipes() else None)
    if recipe is None:
        raise ValueError(
            f"no recipe for model {arguments.model!r}; give one with --recipe, known: "
            f"{', '.join(list_recipes())}"
        )
    changes = read_changes(arguments.overrides)
    if arguments.model is not None:
        changes["model"] = arguments.model
    initial = None
    if arguments.initial is not None:
        if arguments.model is not None:
            raise ValueError("--initial brings its model; leave --model out")
        initial = resolve_model(arguments.initial).spec
        changes |= {"model": initial.name, "initial_weights": arguments.initial}
    config = override(load_recipe(recipe), changes)
    return start_run(
        initial or load_spec(config.model),
        config,
        folders=DataFolders(
            train=arguments.data,
            valid=arguments.valid,
            replay=arguments.replay,
            cache=arguments.cache or read_settings().cache / "decoded",
        ),
        output=arguments.output,
        listener=ConsoleListener(),
        on_decoded=_show_decoding,
        device=arguments.device,
    )


def read_changes(texts: Sequence[str]) -> dict[str, Any]:
    """Read every ``KEY=VALUE`` of ``--set``; values are YAML."""
    from zoo.records.yaml_text import parse_yaml

    changes: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"--set takes KEY=VALUE, got {text!r}")
        changes[key] = parse_yaml(value, origin=f"--set {key}")
    return changes


class ConsoleListener:
    """Show measurements: a bar on a terminal, a line each elsewhere."""

    def __init__(self) -> None:
        self._bar: Any = None

    def write_record(self, record: dict[str, Any]) -> None:
        """Show one line of measurements."""
        if "loss" in record:
            text = f"loss {record['loss']:.4f}, {record['seconds_per_step']:.2f} s a step"
        else:
            scores = ", ".join(f"{name} {value:.2f}" for name, value in record["sdr"].items())
            text = f"SDR {scores}"
        if not sys.stderr.isatty():
            print(f"step {record['step']} ({record['seconds'] / 60:.1f} min): {text}", flush=True)
            return
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(unit="step", initial=record["step"])
        self._bar.update(record["step"] - self._bar.n)
        if "sdr" in record:
            self._bar.write(f"step {record['step']}: {text}")
        else:
            self._bar.set_postfix_str(text)

    def write_scores(self, step: int, scores: Sequence[Any]) -> None:
        """Take the estimates, which are not shown."""


def stop_after(minutes: float | None) -> Callable[[], bool]:
    """Return whether to stop: the time is up, or a signal asked for it."""
    asked: list[int] = []

    def ask(number: int, _frame: object) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        print("stopping after this step, with a checkpoint; once more to stop now", file=sys.stderr)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    deadline = None if minutes is None else time.monotonic() + 60 * minutes
    return lambda: bool(asked) or (deadline is not None and time.monotonic() > deadline)


def _show_decoding(done: int, total: int) -> None:
    """Say how many files are decoded."""
    if done == total or done % 50 == 0:
        print(f"decoded {done} of {total} files", file=sys.stderr, flush=True)
