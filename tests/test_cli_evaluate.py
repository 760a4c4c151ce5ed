"""``python -m zoo evaluate`` from the outside."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from waiting import PATIENCE, wait_until

from tests.evaluation_tracks import SOURCES, make_stems, write_track
from zoo.cli import main
from zoo.evaluation.references import REFERENCES
from zoo.metrics import mdx_sdr

MODEL = "lightsaft_tfctdf_tiny"
ROOT = Path(__file__).parents[1]
HOUSE = ROOT.parent / "shared" / "house" / "valid"


@pytest.fixture
def data(tmp_path):
    """Return a folder with two tracks of half a second at the network's own rate."""
    for index in range(2):
        stems = make_stems(index, seconds=0.5, rate=44100)
        write_track(tmp_path / "data" / f"song {index}", stems, rate=44100)
    return tmp_path / "data"


def run(*arguments):
    return main(["evaluate", "--model", MODEL, "--weights", "test", *map(str, arguments)])


def test_prints_the_table_with_its_four_references(data, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("--data", data, "--metrics", "mdx,si", "--out", out, "--published") == 0
    printed = capsys.readouterr().out
    for name in REFERENCES:
        assert len(re.findall(rf"^\| \*{name}\* \|", printed, re.MULTILINE)) == 2
    assert f"| {MODEL} (test) |" in printed
    assert printed.index("## SI-SDR") < printed.index("# Published by others")
    assert {path.name for path in out.iterdir()} == {
        "records",
        "report.md",
        "report.json",
        "mdx.png",
        "si.png",
    }
    assert (out / "report.md").read_text() in printed


def test_scores_are_those_of_the_separator(data, tmp_path, capsys):
    import zoo

    assert run("--data", data, "--metrics", "mdx", "--out", tmp_path / "out") == 0
    capsys.readouterr()
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    separator = zoo.Separator(MODEL, weights="test", device="cpu")
    stems = make_stems(0, seconds=0.5, rate=44100)
    mixture = np.sum([stems[name] for name in sorted(stems)], axis=0)
    estimates = separator((mixture, 44100)).stems
    scores = report["tracks"]["song 0"]["systems"][f"{MODEL} (test)"]["scores"]["mdx_sdr"]
    for source in SOURCES:
        assert scores[source] == pytest.approx(mdx_sdr(stems[source], estimates[source]), abs=1e-3)
    assert report["model"] == MODEL
    assert len(report["weights_sha256"]) == 64


@pytest.mark.parametrize(
    ("arguments", "fact"),
    [(["--raw"], ("mixture_consistency", False)), (["--pitches", "3"], ("pitches", 3))],
)
def test_other_settings_are_another_result(data, tmp_path, capsys, arguments, fact):
    out = tmp_path / "out"
    assert run("--data", data, "--metrics", "mdx", "--out", out) == 0
    usual = json.loads((out / "report.json").read_text())
    assert run("--data", data, "--metrics", "mdx", "--out", out, *arguments) == 0
    other = json.loads((out / "report.json").read_text())
    name, value = fact
    assert other[name] == value != usual[name]
    assert other["tracks"] != usual["tracks"]
    capsys.readouterr()


def test_without_out_nothing_is_written(data, tmp_path, capsys, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert run("--data", data, "--metrics", "mdx") == 0
    capsys.readouterr()
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--metrics", "sdr"], "unknown metric 'sdr'"),
        (["--baselines", "htdemuks"], "unknown baseline 'htdemuks': did you mean 'htdemucs'"),
        (["--jobs", "0"], "at least 1, got 0"),
        (["--pitches", "2"], "expected 1, 3, 5 or 7"),
        (["--absent-db", "-3"], "absent_db must be above 0 dB"),
        (["--confidence", "95"], "confidence is a probability"),
        (["--weights", "nonesuch"], "nonesuch"),
    ],
)
def test_a_mistake_is_one_line(data, capsys, arguments, words):
    assert run("--data", data, *arguments) == 1
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert words in error


def test_an_empty_folder_is_one_line(tmp_path, capsys):
    assert run("--data", tmp_path) == 1
    assert f"error: no track in {tmp_path}" in capsys.readouterr().err


# The command, which waits in the middle: it is not over before it is interrupted.
WAITING = f"""
import sys, threading
from zoo.cli import main
from zoo.evaluation.records import RecordStore

write, written = RecordStore.write, []

def write_and_wait(store, record):
    write(store, record)
    written.append(record)
    if len(written) == 100:
        threading.Event().wait({PATIENCE})

RecordStore.write = write_and_wait
sys.exit(main())
"""


def test_an_interruption_leaves_a_valid_partial_report_and_resumes(data, tmp_path):
    for index in range(2, 40):
        stems = make_stems(index, seconds=2.0, rate=44100)
        write_track(data / f"song {index:02}", stems, rate=44100)
    out = tmp_path / "out"
    command = ["evaluate", "--model", MODEL, "--weights", "test"]
    command += ["--data", str(data), "--metrics", "mdx", "--out", str(out)]
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, *command],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait_for_records(process, out, number=12)
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    report = json.loads((out / "report.json").read_text())
    assert report["complete"] is False
    assert 2 <= report["num_tracks"] < 40
    assert f"**Partial: {report['num_tracks']} of 40 tracks are finished.**" in printed
    before = {path: path.stat().st_mtime_ns for path in (out / "records").glob("*.json")}
    for path in before:
        json.loads(path.read_text())
    assert main(command) == 0
    assert json.loads((out / "report.json").read_text())["complete"] is True
    assert {path: path.stat().st_mtime_ns for path in before} == before


def _wait_for_records(process, out, *, number):
    def are_there():
        assert process.poll() is None, process.stderr.read()
        return len(list(out.glob("records/*.json"))) >= number

    wait_until(are_there)


def test_help_imports_neither_torch_nor_numpy():
    code = (
        "import sys\nfrom zoo.cli import build_parser\nbuild_parser().format_help()\n"
        "import zoo.cli.evaluate_command\n"
        "sys.exit(bool({'torch', 'numpy', 'matplotlib'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not HOUSE.is_dir(), reason="the house data is not beside the repository")
def test_house_validation_set(tmp_path, capsys):
    jobs = os.cpu_count() or 1
    assert run("--data", HOUSE, "--out", tmp_path / "out", "--jobs", jobs) == 0
    assert "4 tracks" in capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["tracks"]["caesium"]["not_averaged"] == ["bass", "other"]
    systems = report["protocols"]["mdx"]["quantities"]["mdx_sdr"]["systems"]
    assert systems["silence"]["mean"]["value"] == 0.0
    assert systems["best-gain mixture"]["vocals"]["value"] == pytest.approx(1.93, abs=0.01)
    assert systems["oracle ratio mask"]["vocals"]["value"] == pytest.approx(10.36, abs=0.01)
