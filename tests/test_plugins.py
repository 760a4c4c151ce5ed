"""Other people's packages: announced when installed, named by ``--import`` when not."""

import logging
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
import yaml

from zoo import plugins
from zoo.cli import main
from zoo.specs.registry import PACKAGED

ROOT = Path(__file__).parent.parent
TIMEOUT = 300
BLOCK = """
from dataclasses import dataclass
from pathlib import Path

from torch import nn

import zoo
from blocks import BLOCKS


@dataclass(frozen=True, kw_only=True, slots=True)
class GateOptions:
    sharpness: float = 1.0


@BLOCKS.register("test_gate")
class Gate(nn.Module):
    role = "frequency"
    Options = GateOptions
    uses_condition = False

    def __init__(self, num_bins, sharpness):
        super().__init__()
        self.linear = nn.Linear(num_bins, num_bins)
        self.sharpness = sharpness

    @classmethod
    def from_stage(cls, stage, options):
        return cls(stage.num_bins, options.sharpness)

    def forward(self, x):
        return (self.sharpness * self.linear(x)).sigmoid() * x


zoo.add_specs(Path(__file__).parent / "specs")
"""
PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "test-gates"
version = "1.0"

[project.entry-points."lightsaft_zoo.plugins"]
gates = "test_gates"
broken = "test_gates.broken"

[tool.hatch.build.targets.wheel]
packages = ["test_gates"]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A package with a block, a spec that names it, and a plugin that fails."""
    root = tmp_path_factory.mktemp("project")
    package = root / "test_gates"
    (package / "specs").mkdir(parents=True)
    (root / "pyproject.toml").write_text(PROJECT)
    (package / "__init__.py").write_text(BLOCK)
    (package / "broken.py").write_text("1 / 0")
    spec = yaml.safe_load((PACKAGED / "lightsaft_tfctdf_tiny.yaml").read_text())
    spec["name"] = "gated_tiny"
    spec["unet"]["encoder"] = {"local": "tfc", "frequency": "test_gate", "sharpness": 2.0}
    (package / "specs" / "gated_tiny.yaml").write_text(yaml.safe_dump(spec))
    return root


@pytest.fixture(scope="module")
def installed(project, tmp_path_factory):
    """A Python that has the package; torch and the like come from that of the tests."""
    home = tmp_path_factory.mktemp("home") / "venv"
    venv.create(home, with_pip=False)
    python = home / ("Scripts" if os.name == "nt" else "bin") / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps",
         "--no-index", "--no-build-isolation", "--disable-pip-version-check", str(project)],
        check=True,
        timeout=TIMEOUT,
        env=os.environ | {"PYTHONPATH": outer_packages()},
    )  # fmt: skip
    return python


def outer_packages(*first: Path) -> str:
    outer = [path for path in sys.path if path.endswith("site-packages")]
    return os.pathsep.join([*map(str, first), *outer])


def run(python, *arguments, path):
    return subprocess.run(
        [str(python), *arguments],
        cwd=path.parent,
        env=os.environ | {"PYTHONPATH": outer_packages(path)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )


def test_an_installed_package_is_known_and_a_broken_plugin_only_warned_of(installed):
    done = run(installed, "-m", "zoo", "info", "gated_tiny", path=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("gated_tiny:")
    assert "tfc > test_gate" in done.stdout
    assert done.stderr.splitlines() == [
        "WARNING zoo.plugins: the package test-gates adds nothing: its plugin test_gates.broken "
        "cannot be imported: ZeroDivisionError: division by zero"
    ]
    listed = run(installed, "-m", "zoo", "list", "*_tiny", path=ROOT)
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:]] == [
        "gated_tiny",
        "lightsaft_tfctdf_tiny",
    ]


def test_python_knows_an_installed_package_from_the_first_use_on(installed):
    code = (
        "import sys, zoo\n"
        "before = 'test_gates' in sys.modules\n"
        "print(before, zoo.build('gated_tiny').unet.encoder[0].stage.frequency.sharpness)"
    )
    done = run(installed, "-c", code, path=ROOT)
    assert done.stdout.strip() == "False 2.0", done.stderr


def test_naming_an_installed_package_as_well_is_harmless(installed):
    done = run(installed, "-m", "zoo", "--import", "test_gates", "info", "gated_tiny",
               "--import", "test_gates", path=ROOT)  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", [
    ("--import", "test_gates", "info", "gated_tiny"),
    ("info", "gated_tiny", "--import", "test_gates"),
    ("--import", "json", "list", "gated*", "--import", "test_gates"),
])  # fmt: skip
def test_a_package_that_is_not_installed_is_named(project, arguments):
    path = outer_packages(ROOT, project)
    done = subprocess.run(
        [sys.executable, "-m", "zoo", *arguments],
        cwd=project.parent,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stderr
    assert "gated_tiny" in done.stdout


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("no_such_package_here", "ModuleNotFoundError: No module named 'no_such_package_here'"),
        ("broken_by_itself", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_named_package_that_cannot_be_imported_is_an_error(
    name, reason, tmp_path, monkeypatch, capsys
):
    (tmp_path / "broken_by_itself.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    assert main(["list", "--import", name]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"error: --import {name}: {reason}; expected the name of a package")
    assert name not in plugins.named_plugins()


def test_names_are_kept_for_processes_that_are_started_later(tmp_path, monkeypatch):
    monkeypatch.setattr(plugins, "_named", [])
    (tmp_path / "named_for_later.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    plugins.load_plugins(["named_for_later"])
    plugins.load_plugins(["named_for_later"])
    assert plugins.named_plugins() == ("named_for_later",)


def test_plugins_are_looked_for_once(monkeypatch, caplog):
    asked = []
    monkeypatch.setattr(plugins, "_is_loaded", False)
    monkeypatch.setattr(plugins, "entry_points", lambda group: asked.append(group) or ())
    with caplog.at_level(logging.WARNING):
        plugins.load_plugins()
        plugins.load_plugins()
    assert asked == ["lightsaft_zoo.plugins"]
    assert "zoo.plugins" not in [record.name for record in caplog.records]
