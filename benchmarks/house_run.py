"""Train the house weights again, run by run.

    python -m benchmarks.house_run --data house --output runs

``house_runs.yaml`` lists the runs; the last one, on real music, stands in ``house_real_runs.yaml``
(``--plan``). ``--data`` is a folder with ``train/`` and ``valid/``. A run that was stopped goes on
where it stopped, and a run that is complete is left alone, so the same command continues. The last
file written is ``OUTPUT/mean.safetensors``. ``--list`` prints the runs.
"""

import argparse
import dataclasses
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from zoo.records.reading import Reader
from zoo.records.tables import markdown_table
from zoo.records.yaml_text import read_yaml
from zoo.specs.loading import load_spec
from zoo.specs.spec import Spec
from zoo.training.recipe import load_recipe, override
from zoo.training.session import DataFolders, branch_run, resume_run, start_run
from zoo.training.trainer import Trainer
from zoo.weights.checkpoints import write_safetensors
from zoo.weights.resolving import resolve_model
from zoo.weights.settings import read_settings

RUNS_FILE = Path(__file__).with_name("house_runs.yaml")
Part = Literal["mapping", "without_low_band", "low_band", "without_level", "whole"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One run; ``house_runs.yaml`` says what the fields are."""

    name: str
    recipe: str = ""
    branch_of: str = ""
    part: Part = "whole"
    initial: str = ""
    initial_low_band: str = ""
    cooldown_steps: int | None = None
    stop_step: int | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the run starts in one way."""
        if bool(self.recipe) == bool(self.branch_of):
            raise ValueError(f"{self.name}: give either recipe or branch_of")


@dataclass(frozen=True, kw_only=True, slots=True)
class Mean:
    """The mean of two weights; ``second_share`` is between 0 and 1.

    Each is a file of the output folder or a ``NAME.TAG``.
    """

    first: str
    second: str
    second_share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """All runs, in their order, and what is made of the last ones."""

    runs: tuple[Run, ...]
    mean: Mean


def read_plan(path: Path = RUNS_FILE) -> Plan:
    """Read a list of runs.

    Raises:
        ValueError: If a key or value is not right.
    """
    return Reader(error=ValueError, origin=str(path)).record(Plan, read_yaml(path))


def part_of(spec: Spec, part: Part) -> Spec:
    """Return the part of a network that a run trains."""
    without_level = dataclasses.replace(spec, input_level_dbfs=None)
    without_low_band = dataclasses.replace(without_level, low_band=None)
    if part == "low_band":
        if spec.low_band_spec is None:
            raise ValueError(f"{spec.name} has no low band")
        return dataclasses.replace(spec.low_band_spec, input_level_dbfs=None)
    return {
        "mapping": dataclasses.replace(without_low_band, estimate="mapping"),
        "without_low_band": without_low_band,
        "without_level": without_level,
        "whole": spec,
    }[part]


def open_run(run: Run, *, output: Path, folders: DataFolders, device: str = "auto") -> Trainer:
    """Start a run, or open it again where it stopped."""
    directory = output / run.name
    if not (directory / "config.yaml").exists():
        if run.recipe:
            initial = {
                f"initial_{key}": str(output / place)
                for key, place in (("weights", run.initial), ("low_band", run.initial_low_band))
                if place
            }
            config = override(load_recipe(run.recipe), {**run.changes, **initial})
            spec = part_of(load_spec(config.model), run.part)
            return start_run(spec, config, folders=folders, output=directory, device=device)
        branch_run(
            output / run.branch_of,
            changes=run.changes,
            cooldown_steps=run.cooldown_steps,
            output=directory,
        )
    return resume_run(directory, device=device)


def train(
    run: Run,
    *,
    output: Path,
    folders: DataFolders,
    device: str = "auto",
    should_stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Train a run to its end; return whether it got there."""
    trainer = open_run(run, output=output, folders=folders, device=device)
    total = trainer.config.schedule.total_steps
    end = total if run.stop_step is None else min(total, run.stop_step)
    if trainer.step < end:
        trainer.run(should_stop=lambda: should_stop() or trainer.step >= end)
    return trainer.step >= end


def write_mean(mean: Mean, output: Path) -> Path:
    """Write the mean of two weights of the same network."""
    first, second = (
        resolve_model(output / name if (output / name).is_file() else name)
        for name in (mean.first, mean.second)
    )
    others = second.network.state_dict()
    state = {
        name: tensor.lerp(others[name], mean.second_share) if tensor.is_floating_point() else tensor
        for name, tensor in first.network.state_dict().items()
    }
    return write_safetensors(output / "mean.safetensors", state, spec=first.spec, entry=first.entry)


def list_runs(plan: Plan) -> str:
    """Return the runs as a table in Markdown."""
    rows = [
        [run.name, run.recipe or f"branch of {run.branch_of}", run.part if run.recipe else "",
         str(run.stop_step or run.cooldown_steps or "")]
        for run in plan.runs
    ]  # fmt: skip
    return markdown_table(("run", "begins with", "part", "stop or cool-down"), rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Train all runs; Ctrl-C stops with a checkpoint."""
    parser = argparse.ArgumentParser(description="train the house weights again")
    parser.add_argument("--data", type=Path, help="folder with train/ and valid/")
    parser.add_argument("--output", type=Path, help="folder of the runs")
    parser.add_argument("--plan", type=Path, default=RUNS_FILE, help="another list of runs")
    parser.add_argument("--device", choices=("auto", "cpu"), default="auto")
    parser.add_argument("--list", action="store_true", help="print the runs and train nothing")
    arguments = parser.parse_args(argv)
    plan = read_plan(arguments.plan)
    if arguments.list:
        print(list_runs(plan))
        return 0
    if arguments.data is None or arguments.output is None:
        parser.error("--data and --output are needed to train")
    folders = DataFolders(
        train=arguments.data / "train",
        valid=arguments.data / "valid",
        cache=read_settings().cache / "decoded",
    )
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: asked.append(number))
    for run in plan.runs:
        done = train(
            run,
            output=arguments.output,
            folders=folders,
            device=arguments.device,
            should_stop=lambda: bool(asked),
        )
        print(f"{run.name}: {'complete' if done else 'stopped; the same command continues'}")
        if not done:
            return 1
    print(write_mean(plan.mean, arguments.output))
    return 0


if __name__ == "__main__":
    sys.exit(main())
