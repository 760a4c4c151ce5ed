"""What fuzzing starts from and what it once found, through the readers again; and the runner."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import run

FOLDER = Path(run.__file__).parent
KEPT = sorted(path for path in (FOLDER / "corpus").rglob("*") if path.is_file())


def target(name):
    return importlib.import_module(f"tests.fuzz.{name}")


def test_every_module_is_a_target_and_every_finding_is_of_one():
    assert sorted(run.TARGETS) == sorted({path.stem for path in FOLDER.glob("*.py")} - {"run"})
    assert {path.parent.name for path in KEPT} <= set(run.TARGETS)


@pytest.mark.parametrize("name", run.TARGETS)
def test_what_fuzzing_starts_from_is_handled(name):
    seeds = target(name).seeds()
    assert len(seeds) > 5
    for content in seeds.values():
        assert len(content) <= run.MAX_BYTES
        target(name).check(content)


@pytest.mark.parametrize("path", KEPT, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_was_found_once_is_handled(path):
    target(path.parent.name).check(path.read_bytes())


def test_the_runner_finds_a_planted_fault_and_keeps_its_input(tmp_path):
    pytest.importorskip("atheris", reason="pip install -e .[fuzz] brings it, on Linux")
    planted = (
        "import sys, types; sys.path.insert(0, sys.argv.pop(1))\n"
        "import tests.fuzz.run as run, types\n"
        "def check(content):\n    assert b'x' not in content\n"
        "fake = types.SimpleNamespace(check=check, seeds=lambda: {'good': b'abc', 'bad': b'xyz'})\n"
        "run.importlib.import_module = lambda name: fake\n"
        "from pathlib import Path; run.fuzz('fake', seconds=20, output=Path(sys.argv.pop(1)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", planted, str(run.ROOT), str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    (found,) = (tmp_path / "findings" / "fake").iterdir()
    assert b"x" in found.read_bytes()


def test_the_runner_tells_a_finding_from_none(monkeypatch, capsys):
    said = {
        "specs": (0, "#9 cov: 12 ft: 3\nDone 345 runs in 2 second(s)"),
        "audio": (77, "a crash"),
    }

    def fake(command, **_options):
        name = command[command.index("--inside") - 1]
        return subprocess.CompletedProcess(command, said[name][0], stdout=said[name][1])

    monkeypatch.setattr(run.subprocess, "run", fake)
    monkeypatch.setattr(sys, "argv", ["run.py", "specs", "audio"])
    assert run.main() == 1
    assert capsys.readouterr().out == (
        "specs: 345 inputs in 2 s, 12 places reached, no finding\naudio: FINDING\na crash\n"
    )
