"""The wheel carries specs, weights and examples, and works where the repo is not."""

import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TIMEOUT = 300


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        timeout=TIMEOUT,
    )
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_code_specs_weights_and_the_licence(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    specs = {path.name for path in (ROOT / "zoo" / "specs").glob("*.yaml")}
    assert specs == {Path(n).name for n in names if re.match(r"zoo/specs/.*\.yaml$", n)}
    manifests = {path.name for path in (ROOT / "zoo" / "weights").glob("*.yaml")}
    assert manifests <= {Path(n).name for n in names if n.startswith("zoo/weights/")}
    page = {"page/index.html", "page/engine/worker.js", "page/icon.svg", "package-lock.json"}
    assert {f"zoo/browser/{name}" for name in page} <= set(names)
    assert "zoo/ui/mixer_assets/mixer.js" in names
    assert any(n.endswith("licenses/LICENSE") for n in names)
    assert not any(n.startswith(("tests", "app.py")) for n in names)


def test_the_console_script_works_from_an_empty_environment(wheel, tmp_path):
    """Install the wheel alone; torch and the like come from the environment of the tests."""
    home = tmp_path / "venv"
    venv.create(home, with_pip=False)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", "--no-deps",
         "--no-index", "-q", str(wheel)],
        check=True,
        timeout=TIMEOUT,
    )  # fmt: skip
    outer = [path for path in sys.path if path.endswith("site-packages")]
    environment = {"PATH": str(scripts), "PYTHONPATH": os.pathsep.join(outer)}
    done = subprocess.run(
        [str(scripts / "lightsaft-zoo"), "info", "lightsaft_tfctdf_tiny"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert done.returncode == 0, done.stderr
    assert "22,556" in done.stdout
    where = subprocess.run(
        [str(scripts / "python"), "-c", "import zoo; print(zoo.__file__)"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    assert where.stdout.startswith(str(home))
