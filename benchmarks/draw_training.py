"""Draw the curves of a training that went through several runs, each branched off the one before.

    python -m benchmarks.draw_training RUN [RUN ...] --out docs/images/house_small_training.png

A RUN is a folder of ``python -m zoo train`` or a ``metrics.jsonl`` kept of one. What a run measured
after the next one branched off is left out. ``--save FILE`` keeps what was drawn, so that the
picture can be drawn again without the runs; ``--against FILE`` adds the mean SDR of an earlier
training that was kept so.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

Record = dict[str, Any]


def read_run(path: Path) -> list[Record]:
    """Read what a run measured; records without a ``run`` get the folder's name.

    Raises:
        ValueError: If there are no measurements.
    """
    file = path / "metrics.jsonl" if path.is_dir() else path
    try:
        records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise ValueError(f"no measurements in {path}: {error}") from error
    if not records:
        raise ValueError(f"no measurements in {path}: the file is empty")
    return [{"run": path.name} | record for record in records]


def join_runs(runs: Sequence[Sequence[Record]]) -> list[Record]:
    """Join runs in their order, each up to where the next one begins.

    A run that begins no later than the one in front of it is no branch: it started from that one's
    weights (``initial_weights``), and its steps are counted on from there.
    """
    joined: list[Record] = []
    begin = 0
    for records in runs:
        first = min(record["step"] for record in records)
        if joined and first <= begin:
            shift = max(record["step"] for record in joined)
            records = [record | {"step": record["step"] + shift} for record in records]
            first += shift
        joined = [record for record in joined if record["step"] < first] + list(records)
        begin = first
    return joined


def draw(
    records: Sequence[Record], path: Path, *, against: tuple[str, Sequence[Record]] | None = None
) -> None:
    """Draw losses run by run, since their units differ, and the SDR of each source.

    Args:
        records: Measurements, in order.
        path: Where the picture goes.
        against: Name and measurements of an earlier training, of which the mean SDR is drawn.
    """
    figure = Figure(figsize=(11, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    names = list(dict.fromkeys(record["run"] for record in records))
    for name in names:
        losses = [record for record in records if record["run"] == name and "loss" in record]
        steps = [record["step"] for record in losses]
        left.plot(steps, [record["loss"] for record in losses], linewidth=0.8, label=name)
        if name != names[0] and steps:
            for axes in (left, right):
                axes.axvline(steps[0], color="0.6", linestyle=":", linewidth=1)
    left.set(xlabel="step", ylabel="training loss, each run in its own unit")
    scores = [record for record in records if "sdr" in record]
    for source in scores[-1]["sdr"] if scores else ():
        width = 2.0 if source == "mean" else 1.0
        right.plot(*_course(scores, source), marker=".", linewidth=width, label=source)
    if against is not None:
        name, earlier = against
        course = _course([record for record in earlier if "sdr" in record], "mean")
        right.plot(*course, color="0.4", linestyle="--", label=f"mean, {name}")
    right.set(xlabel="step", ylabel="SDR of the averaged weights / dB")
    right.grid(visible=True, alpha=0.3)
    for axes in (left, right):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize="small")
    path.parent.mkdir(parents=True, exist_ok=True)
    FigureCanvasAgg(figure).print_png(str(path))


def _course(scores: Sequence[Record], source: str) -> tuple[list[int], list[float]]:
    """Return the steps and the SDR of one source."""
    return [record["step"] for record in scores], [record["sdr"][source] for record in scores]


def main() -> int:
    """Draw and, if asked, keep what was drawn."""
    parser = argparse.ArgumentParser(description="draw the curves of a training in several runs")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--out", type=Path, required=True, help="the picture, PNG")
    parser.add_argument("--save", type=Path, help="keep the joined measurements as JSON lines")
    parser.add_argument("--against", type=Path, help="an earlier training, as kept by --save")
    arguments = parser.parse_args()
    earlier: tuple[str, list[Record]] | None = None
    try:
        records = join_runs([read_run(path) for path in arguments.runs])
        if arguments.against:
            earlier = arguments.against.stem, read_run(arguments.against)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    draw(records, arguments.out, against=earlier)
    print(arguments.out)
    if arguments.save:
        text = "".join(json.dumps(record) + "\n" for record in records)
        arguments.save.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
