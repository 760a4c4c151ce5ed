"""What a new source gains by each method, and what it costs the others.

python -m benchmarks.extend_methods ../shared/house guitar --minutes 1 3 10 --steps 150

Two sources that the house network does not know, from the house data:

- ``guitar``, a part of other: real electric guitars of six songs and sampled ones, over songs whose
  other has no guitar by their list of instruments. Held out: two of the songs, one sampled.
- ``second_voice``, a part of vocals: one of the three voices, over songs that another one sings.
  Held out: four recordings of it.

Every run takes the same steps. Each is a line of JSON in --out, which is not run again; the table
is of all lines there.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zoo
from zoo.data import Track
from zoo.data.tracks import TrackFile, find_tracks
from zoo.records.json_text import read_json
from zoo.records.machine import describe_machine
from zoo.records.tables import markdown_table

BASE = "lightsaft_tfctdf_small.house"
SOURCES = ("vocals", "drums", "bass", "other")
METHODS = ("row", "low_rank", "decoder")
GM_GUITARS = range(24, 32)  # program numbers of General MIDI
VOICE = "kumi"
Items = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A new source, with what it is learnt from.

    Args:
        source: Its name.
        part_of: The source that holds it.
        examples: Tracks with it alone, the held-out ones apart.
        valid: Held-out examples.
        background: Tracks without it.
    """

    source: str
    part_of: str
    examples: tuple[Track, ...]
    valid: tuple[Track, ...]
    background: tuple[Track, ...]


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("house", type=Path, help="the house data")
    parser.add_argument("tasks", nargs="+", choices=list(TASKS))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 3.0, 10.0])
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/runs/extend_methods.jsonl"))
    arguments = parser.parse_args()
    items = read_json(arguments.house / "MANIFEST.json")
    done = list(read_rows(arguments.out))
    for name in arguments.tasks:
        task = TASKS[name](arguments.house, items)
        for minutes in arguments.minutes:
            for method in arguments.methods:
                asked = {"task": name, "method": method, "asked_minutes": minutes}
                asked["steps"] = arguments.steps
                if not any(asked.items() <= row.items() for row in done):
                    row = asked | run(task, method, minutes, arguments.steps)
                    with arguments.out.open("a", encoding="utf-8") as stream:
                        stream.write(json.dumps(row) + "\n")
                    print(row, flush=True)
    print(table(read_rows(arguments.out)))


def run(task: Task, method: str, minutes: float, steps: int) -> dict[str, Any]:
    """Extend the house network and return what was measured."""
    started = time.monotonic()
    network = zoo.extend(
        BASE,
        task.source,
        take_minutes(task, minutes),
        method=method,
        part_of=task.part_of,
        background=task.background,
        valid=task.valid,
        changes={
            "schedule.total_steps": steps,
            "schedule.start_step": steps // 3,
            "validate_every": max(1, steps // 5),
            "patience": 0,
        },
        device="cpu",
    )
    entry = network.weights_entry
    metric = entry.metrics[0]
    before = metric.beside[f"before, {task.source} taken from {task.part_of}"]
    old = [name for name in metric.sdr if name != task.source]
    return {
        "minutes": float(entry.training_data.split(" ")[0]),
        "after": metric.sdr[task.source],
        "whole": before[task.source],
        "best_gain": metric.beside["best-gain mixture"][task.source],
        "cost": round(sum(before[name] - metric.sdr[name] for name in old) / len(old), 3),
        "seconds": round(time.monotonic() - started),
        "machine": describe_machine(),
    }


def take_minutes(task: Task, minutes: float) -> tuple[Track, ...]:
    """Return the first examples that are so long together, or all."""
    taken, left = [], 60 * minutes
    for track in task.examples:
        if left <= 0:
            break
        taken.append(track)
        left -= LENGTHS[track.name]
    return tuple(taken)


LENGTHS: dict[str, float] = {}


def make_guitar(house: Path, items: Items) -> Task:
    """Guitars over songs without any."""
    held_out = {"o_fof02", "o_fof04", "o_syn05"}
    names = [*(f"o_fof0{number}" for number in range(6)), "o_syn00", "o_syn05"]
    examples = [one_file(house, items, f"train/other/{name}", "other", "guitar") for name in names]
    found = find_tracks(house / "train", sources=SOURCES)
    songs = {
        f"{group}/{Path(name).name}"
        for name, item in items.items()
        if (group := Path(name).parent.name) in ("renders", "other") and "other" in item
        if not any(map(is_guitar, item["other"]))
    }
    return Task(
        source="guitar",
        part_of="other",
        examples=tuple(each for each in examples if each.name not in held_out),
        valid=tuple(each for each in examples if each.name in held_out),
        background=tuple(track for track in found if track.name in songs),
    )


def make_second_voice(house: Path, items: Items) -> Task:
    """One voice over songs that another sings."""
    names = [name for name, item in items.items() if item.get("voice") == VOICE]
    names = sorted(name for name in names if name.startswith("train/vocals/"))
    examples = [one_file(house, items, name, "vocals", "second_voice") for name in names]
    held_out = examples[::6][:4]
    found = find_tracks(house / "train" / "renders", sources=SOURCES)
    return Task(
        source="second_voice",
        part_of="vocals",
        examples=tuple(each for each in examples if each not in held_out),
        valid=tuple(held_out),
        background=tuple(
            track
            for track in found
            if items[f"train/renders/{track.name}"]["vocal"]["voice"] != VOICE
        ),
    )


def one_file(house: Path, items: Items, name: str, file: str, source: str) -> Track:
    """Return one file of the house data as a track of a new source."""
    short = Path(name).name
    LENGTHS[short] = items[name]["dur"]
    path = house / name / f"{file}.ogg"
    return Track(name=short, group="", files={source: TrackFile(path=path)})


def is_guitar(instrument: str) -> bool:
    """Whether an instrument of the manifest is one: ``gtr_black``, ``fluid/29``, ``timgm/24``."""
    program = instrument.partition("+")[0].rpartition("/")[2]
    return program.startswith("gtr") or (program.isdigit() and int(program) in GM_GUITARS)


TASKS: dict[str, Callable[[Path, Items], Task]] = {
    "guitar": make_guitar,
    "second_voice": make_second_voice,
}


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Read what was measured before."""
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            yield json.loads(line)


def table(rows: Iterator[dict[str, Any]] | Sequence[dict[str, Any]]) -> str:
    """Return the table of docs/extending.md."""
    header = ["source", "minutes", "method", "SDR", "over best gain", "whole taken", "cost", "time"]
    order = {method: place for place, method in enumerate(METHODS)}
    ranked = sorted(rows, key=lambda row: (row["task"], row["minutes"], order[row["method"]]))
    return markdown_table(
        header,
        [
            [
                row["task"].replace("_", " "),
                f"{row['minutes']:.1f}",
                f"`{row['method']}`",
                f"{row['after']:.2f}",
                f"{row['after'] - row['best_gain']:+.2f}",
                f"{row['whole']:.2f}",
                f"{row['cost']:.2f}",
                f"{row['seconds'] / 60:.1f} min",
            ]
            for row in ranked
        ],
    )


if __name__ == "__main__":
    main()
