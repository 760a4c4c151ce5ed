"""``python -m zoo extend``: a new source for a trained network."""

import argparse
import sys
from pathlib import Path
from typing import Any

HELP = "teach a trained network a new source, from minutes of examples or from one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``extend``."""
    parser.add_argument(
        "--weights",
        required=True,
        metavar="BASE",
        help="the network: NAME.TAG, a checkpoint, a saved folder or a Hub repository",
    )
    parser.add_argument("--add", required=True, metavar="SOURCE", help="name of the new source")
    parser.add_argument(
        "--part-of", metavar="SOURCE", help="the source it is heard in now (default: other)"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="NEW",
        help="folder of the new network, or a .safetensors file; a run that was stopped goes on "
        "with the same command. With --keep a .json file, for separate --condition",
    )
    learning = parser.add_argument_group("learning from a folder of examples")
    learning.add_argument(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="audio files of nothing but the source, or folders with SOURCE.wav and other stems",
    )
    learning.add_argument(
        "--background",
        type=Path,
        metavar="FOLDER",
        help="songs or stems without the source (default: the other stems of --data, else the "
        "packaged demo song)",
    )
    learning.add_argument(
        "--valid",
        type=Path,
        metavar="FOLDER",
        help="held-out examples (default: a fifth of --data)",
    )
    learning.add_argument(
        "--method",
        default="row",
        help="row (default; leaves the other sources to the last bit), low_rank or decoder",
    )
    learning.add_argument("--minutes", type=float, help="stop learning after so long")
    learning.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="change a value of the recipe, as in mixtures=4 (repeatable)",
    )
    learning.add_argument("--licence", metavar="SPDX", help="licence of the examples")
    learning.add_argument("--training-data", default="", metavar="TEXT", help="what they are")
    learning.add_argument(
        "--credit", action="append", default=[], metavar="TEXT", help="a line to pass on"
    )
    learning.add_argument("--device", choices=("auto", "cpu"), default="auto")
    example = parser.add_argument_group("finding a condition by example, without learning")
    example.add_argument(
        "--keep", type=Path, nargs="+", metavar="FILE", help="solo examples of what is wanted"
    )
    example.add_argument(
        "--remove", type=Path, nargs="+", default=[], metavar="FILE", help="examples of what is not"
    )


def run(arguments: argparse.Namespace) -> int:
    """Extend the network, or find a condition, and say what came of it."""
    if (arguments.data is None) == (arguments.keep is None):
        raise ValueError("give either --data FOLDER to learn from, or --keep FILE to find by")
    return _learn(arguments) if arguments.keep is None else _find(arguments)


def _learn(arguments: argparse.Namespace) -> int:
    from zoo.cli.train_command import ConsoleListener, read_changes, require_accelerate, stop_after
    from zoo.extending.extend import extend

    require_accelerate()
    network = extend(
        arguments.weights,
        arguments.add,
        arguments.data,
        method=arguments.method,
        part_of=arguments.part_of,
        background=arguments.background,
        valid=arguments.valid,
        output=arguments.output,
        minutes=arguments.minutes,
        changes=read_changes(arguments.overrides),
        licence=arguments.licence,
        training_data=arguments.training_data,
        credits=arguments.credit,
        device=arguments.device,
        listener=ConsoleListener(),
        should_stop=stop_after(None),
    )
    metric = network.weights_entry.metrics[0]
    _print_scores({"after": metric.sdr, **metric.beside})
    print(f"python -m zoo separate SONG -m {arguments.output} -s {arguments.add}")
    return 0


def _find(arguments: argparse.Namespace) -> int:
    from zoo.extending.by_example import find_condition

    if arguments.output.suffix != ".json":
        raise ValueError(f"--output: expected a .json file, got {str(arguments.output)!r}")
    found = find_condition(
        arguments.weights,
        arguments.keep,
        arguments.remove,
        source=arguments.add,
        part_of=arguments.part_of,
        progress=_show_progress,
    )
    found.save(arguments.output)
    scores = found.sdr or {}
    print(
        f"{arguments.add} in mixtures of the examples: {scores['found']:.2f} dB; the best source "
        f"of the network alone {scores['nearest']:.2f} dB"
    )
    print(f"python -m zoo separate SONG -m {arguments.weights} --condition {arguments.output}")
    return 0


def _print_scores(rows: dict[str, Any]) -> None:
    from zoo.records.tables import plain_table

    sources = list(rows["after"])
    table = [
        [name, *(f"{values[key]:.2f}" if key in values else "-" for key in sources)]
        for name, values in rows.items()
    ]
    print(plain_table(["MDX SDR on held-out mixtures, dB", *sources], table))


def _show_progress(fraction: float) -> None:
    """Say how far the search is, in tenths."""
    if sys.stderr.isatty():
        print(f"\rsearching: {fraction:.0%}", end="\n" if fraction == 1 else "", file=sys.stderr)
