"""The notebook for a first look runs from its first cell to its last."""

import re

import nbformat
import pytest
from markdown_pages import ROOT
from nbclient import NotebookClient

NOTEBOOK = ROOT / "docs" / "first_look.ipynb"


@pytest.fixture
def notebook():
    return nbformat.read(NOTEBOOK, as_version=4)


def test_it_is_kept_without_outputs(notebook):
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


def test_it_runs(notebook, tmp_path, monkeypatch):
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("LIGHTSAFT_ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(ROOT)}}
    )
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    text = "".join(output.get("text", "") for output in outputs)
    scores = re.findall(r"(\w+): SDR (-?[\d.]+) dB, of the mixture (-?[\d.]+) dB", text)
    assert [name for name, *_ in scores] == ["vocals", "drums", "bass", "other"]
    assert all(float(stem) > float(mixture) for _, stem, mixture in scores)
    (difference,) = re.findall(r"largest difference: (\S+)", text)
    assert float(difference) < 1e-5
    blends = [float(value) for value in re.findall(r"drums: +(-?[\d.]+) dB from", text)]
    assert len(blends) == 5
    assert min(blends[0], blends[-1]) > 60  # a condition of one source alone is that source
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == 2
