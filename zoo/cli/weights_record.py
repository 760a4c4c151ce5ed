"""Arguments that say what must go along with weights, shared by ``convert`` and ``push``."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.weights.entries import WeightsEntry

DTYPES = ("float32", "float16")


def add_record_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare licence, training data, credits, notes, tag and storage type."""
    record = parser.add_argument_group("record", "what goes along with the weights")
    record.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="YAML with licence, training_data, credits, metrics, notes, as in a manifest",
    )
    record.add_argument("--tag", metavar="TAG", help="name of the weights (default: as they have)")
    record.add_argument("--licence", metavar="SPDX", help="for example CC-BY-SA-4.0")
    record.add_argument("--training-data", metavar="TEXT", help="what they were trained on")
    record.add_argument(
        "--credit", action="append", metavar="TEXT", help="a line to pass on (repeatable)"
    )
    record.add_argument("--notes", metavar="TEXT", help="what a user should know")
    parser.add_argument(
        "--dtype", choices=DTYPES, default="float32", help="how matrices are stored"
    )


def read_record(
    arguments: argparse.Namespace, *, spec_name: str, known: "WeightsEntry | None"
) -> "WeightsEntry | None":
    """Join what the arguments say with what the weights brought along; None if neither says a word.

    Raises:
        ValueError: If something is said, but no licence or no training data.
        WeightsError: If a text is too long or the tag is no name.
    """
    from zoo.records.reading import Reader
    from zoo.records.yaml_text import read_yaml
    from zoo.weights.entries import NAME, parse_entry

    given = {
        "licence": arguments.licence,
        "training_data": arguments.training_data,
        "credits": arguments.credit,
        "notes": arguments.notes,
    }
    given = {key: value for key, value in given.items() if value is not None}
    if arguments.record is not None:
        reader = Reader(error=ValueError, origin=str(arguments.record))
        given = {**reader.mapping(read_yaml(arguments.record), ""), **given}
    if known is None and not given and arguments.tag is None:
        return None
    record = (known.to_dict() if known else {}) | given
    for key in ("licence", "training_data"):
        if not record.get(key):
            raise ValueError(f"these weights bring no record; give --{key.replace('_', '-')} too")
    tag = arguments.tag or (known.tag if known else "mine")
    if NAME.fullmatch(tag) is None:
        raise ValueError(f"--tag: expected lower-case letters, digits, underscores; got {tag!r}")
    return parse_entry(record, spec=spec_name, tag=tag, origin="command line")
