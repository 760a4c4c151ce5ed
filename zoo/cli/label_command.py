"""``python -m zoo label``: a teacher's labels for files that hold several sources at once."""

import argparse
import sys
from pathlib import Path

HELP = "label sums of sources by a trained network, for training on music nobody has apart"
DEFAULT_SUM = "accompaniment=drums,bass,other"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``label``."""
    parser.add_argument(
        "data",
        type=Path,
        metavar="DIR",
        help="a folder of training tracks; labels are written beside the files of sums",
    )
    parser.add_argument(
        "--weights",
        required=True,
        metavar="TEACHER",
        help="the teacher: NAME.TAG, a checkpoint, a saved folder or a Hub repository",
    )
    parser.add_argument(
        "--sum",
        action="append",
        dest="sums",
        metavar="NAME=SOURCES",
        help=f"a sum and its sources (default: {DEFAULT_SUM}; repeatable)",
    )
    parser.add_argument(
        "--pitches",
        type=int,
        default=7,
        metavar="N",
        help="how many estimates, a semitone apart, are averaged: 3, 5 or 7 (default: %(default)s)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ... (default: auto)")


def run(arguments: argparse.Namespace) -> int:
    """Label and say how many tracks."""
    from zoo.separation.separator import Separator
    from zoo.training.labelling import label_folder

    sums = dict(_read_sum(text) for text in arguments.sums or [DEFAULT_SUM])
    teacher = Separator(arguments.weights, device=arguments.device, pitches=1)
    labelled = label_folder(
        arguments.data, teacher, sums=sums, pitches=arguments.pitches, progress=_show
    )
    print(f"labelled {labelled} tracks in {arguments.data}")
    return 0


def _read_sum(text: str) -> tuple[str, tuple[str, ...]]:
    """Read ``NAME=SOURCE,SOURCE``."""
    name, equals, members = text.partition("=")
    sources = tuple(each.strip() for each in members.split(",") if each.strip())
    if not (name and equals) or len(set(sources)) < 2:
        raise ValueError(f"--sum takes NAME=SOURCE,SOURCE with two sources or more, got {text!r}")
    return name, sources


def _show(done: int, total: int) -> None:
    """Say how many tracks are done."""
    if done == total or done % 10 == 0:
        print(f"{done} of {total} tracks", file=sys.stderr, flush=True)
