"""Imports go one way and ``import zoo`` is light, as syntax trees and processes show."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "zoo").rglob("*.py"), *(ROOT / "blocks").rglob("*.py")])
HEAVY = {"gradio", "ray", "matplotlib", "spaces"}
# Layers of zoo, the lowest first; a module may import from its own layer and from lower ones.
LAYERS = [
    {"errors", "overlap_add", "records", "metrics"},
    {"specs", "audio"},
    {"networks", "weights", "publishing", "separation"},
    {"data", "training", "evaluation"},
    {"benchmarking"},
    {"cli", "ui"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


def imports(path: Path, *, top_level: bool = False) -> set[str]:
    """Dotted names of all modules that a file imports; of those at import time only, on demand."""
    tree = ast.parse(path.read_text())
    nodes = list(ast.walk(tree))
    if top_level:
        nodes = [node for node in tree.body if not _is_type_checking(node)]
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def _is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def part(path: Path) -> str:
    """First name below ``zoo``: the module or package that a file belongs to."""
    return path.relative_to(ROOT / "zoo").parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_downwards(path):
    names = imports(path)
    if path.is_relative_to(ROOT / "blocks"):
        assert not {name for name in names if name.split(".")[0] in {"zoo", "app"} | HEAVY}
        return
    assert not {name for name in names if name.split(".")[0] == "app"}
    level = LEVEL.get(part(path))
    if level is None:
        return
    for name in names:
        pieces = name.split(".")
        if pieces[0] == "zoo" and len(pieces) > 1 and pieces[1] in LEVEL:
            assert LEVEL[pieces[1]] <= level, f"{path.relative_to(ROOT)} imports {name} above it"


@pytest.mark.parametrize(
    "path", [p for p in SOURCES if p.parent.name == "metrics" or p.name == "overlap_add.py"]
)
def test_engine_and_metrics_know_no_model(path):
    models = {"networks", "separation", "specs", "weights"}
    used = {n.split(".")[1] for n in imports(path) if n.startswith("zoo.")}
    assert not used & models


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_hub_reads_environment_variables(path):
    if path == ROOT / "zoo" / "weights" / "resolving.py":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}:
            pytest.fail(f"{path.relative_to(ROOT)}:{node.lineno} reads the environment")


def test_import_zoo_loads_nothing_heavy():
    code = (
        "import sys, zoo; zoo.build('lightsaft_tfctdf_tiny');"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_help_does_not_load_torch():
    code = (
        "import sys\nfrom zoo.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip().endswith("False False"), done.stderr


def test_modules_stay_small():
    lengths = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in SOURCES}
    assert {name: n for name, n in lengths.items() if n > 340} == {}
