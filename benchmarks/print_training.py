"""Print the SDR that a training measured on the way, as a table in Markdown.

    python -m benchmarks.print_training benchmarks/runs/house_small_training.jsonl

Takes a folder of ``python -m zoo train`` or a ``metrics.jsonl`` kept of one. ``--steps`` prints
these steps only, ``--tracks`` a line for each track of the last step.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.draw_training import Record, read_run
from zoo.records.tables import markdown_table


def step_table(records: Sequence[Record], steps: Sequence[int] = ()) -> str:
    """Return a line for each validation, or for those at the given steps.

    Raises:
        ValueError: If a step was not validated.
    """
    scores = {record["step"]: record for record in records if "sdr" in record}
    if missing := [step for step in steps if step not in scores]:
        known = ", ".join(str(step) for step in scores)
        raise ValueError(f"no validation at step {missing[0]}; there are {known}")
    chosen = [scores[step] for step in steps or scores]
    sources = list(chosen[0]["sdr"]) if chosen else []
    rows = [
        [f"{record['step']:,}", record["run"], *(f"{record['sdr'][name]:.2f}" for name in sources)]
        for record in chosen
    ]
    align = ("right", "", *["right"] * len(sources))
    return markdown_table(("step", "run", *sources), rows, align=align)


def track_table(records: Sequence[Record]) -> str:
    """Return a line for each track of the last validation."""
    scores = [record for record in records if "sdr" in record]
    if not scores:
        raise ValueError("nothing was validated")
    tracks = scores[-1]["tracks"]
    sources = [name for name in scores[-1]["sdr"] if name != "mean"]
    rows = [
        [track, *(f"{values[name]:.2f}" if name in values else "-" for name in sources)]
        for track, values in tracks.items()
    ]
    return markdown_table(("track", *sources), rows, align=("", *["right"] * len(sources)))


def main(argv: Sequence[str] | None = None) -> int:
    """Print one table."""
    parser = argparse.ArgumentParser(description="print the SDR of a training step by step")
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--steps", type=int, nargs="+", default=(), help="only these steps")
    parser.add_argument("--tracks", action="store_true", help="the tracks of the last step")
    arguments = parser.parse_args(argv)
    try:
        records = read_run(arguments.run)
        table = track_table(records) if arguments.tracks else step_table(records, arguments.steps)
        print(table)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
