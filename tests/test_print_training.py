"""The script that prints what a training measured on the way."""

import json
import re
from pathlib import Path

import pytest

from benchmarks import print_training
from benchmarks.draw_training import read_run

ROOT = Path(__file__).parent.parent
LOG = ROOT / "benchmarks" / "runs" / "house_small_training.jsonl"


@pytest.fixture
def run(tmp_path):
    records = [
        {"step": 10, "loss": 0.5},
        {"step": 500, "sdr": {"vocals": 1.234, "mean": 1.234}, "tracks": {"a": {"vocals": 1.2}}},
        {"step": 1000, "sdr": {"vocals": 2.0, "mean": 2.0}, "tracks": {"a": {}}},
    ]
    path = tmp_path / "kept.jsonl"
    path.write_text("".join(json.dumps({"run": "one", **record}) + "\n" for record in records))
    return str(path)


def test_steps_and_tracks(run, capsys):
    for options, line in (
        ([], "| 500 | one | 1.23 | 1.23 |"),
        (["--steps", "1000"], "| 1,000 | one | 2.00 | 2.00 |"),
        (["--tracks"], "| a | - |"),
    ):
        assert print_training.main([run, *options]) == 0
        assert line in capsys.readouterr().out.splitlines()


def test_what_was_not_measured_is_named(run, tmp_path, capsys):
    (tmp_path / "losses.jsonl").write_text('{"step": 1, "loss": 1.0}\n')
    for options, message in (
        ([run, "--steps", "7"], "no validation at step 7; there are 500, 1000"),
        ([str(tmp_path / "losses.jsonl"), "--tracks"], "nothing was validated"),
        ([str(tmp_path / "none.jsonl")], "no measurements in"),
    ):
        assert print_training.main(options) == 1
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("page", ["2026-11-23_first_runs", "2026-11-24_low_band"])
def test_the_notebook_says_what_is_printed(page):
    text = (ROOT / "docs" / "notebook" / f"{page}.md").read_text()
    rows = re.findall(r"^\| ([\d,]{5,}) ((?:\| \d+\.\d\d ){5})\| [^|]*\|$", text, re.MULTILINE)
    assert len(rows) > 10
    printed = print_training.step_table(read_run(LOG)).splitlines()
    for step, scores in rows:
        assert [line for line in printed if line.startswith(f"| {step} |") and scores in line]
