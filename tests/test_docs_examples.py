"""The Python examples of the pages run, and what they add to the zoo works."""

import argparse
import functools
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
import soundfile
import torch
from markdown_pages import PAGES, ROOT, runnable_blocks

import zoo
from blocks import BLOCKS
from zoo.audio.formats import AUDIO_FORMATS
from zoo.metrics import PROTOCOLS
from zoo.separation.backends import BACKENDS

TINY = "lightsaft_tfctdf_tiny"
# All of the README's are run, marked or not.
WITH_EXAMPLES = {
    str(page.relative_to(ROOT)): blocks
    for page in PAGES
    if (
        blocks := runnable_blocks(
            page.read_text(encoding="utf-8"), marked=page.name != "README.md" or page.parent != ROOT
        )
    )
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Run in a folder that has songs, and forget what an example registers."""
    for registry in (BLOCKS, AUDIO_FORMATS, PROTOCOLS, BACKENDS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    noise = 0.1 * np.random.default_rng(0).standard_normal((8000, 2))
    for name, kind in (("song.mp3", "MP3"), ("3_hours.flac", "FLAC")):
        soundfile.write(tmp_path / name, noise, 44100, format=kind)
    monkeypatch.chdir(tmp_path)
    use_the_tiny_network(monkeypatch)
    return tmp_path


def use_the_tiny_network(monkeypatch):
    """Let the default model and the published weights be a tiny network, which is here and fast."""
    build, separate, separator = zoo.build, zoo.separate, zoo.Separator
    small = {"weights": "test"}
    monkeypatch.setattr(zoo, "separate", functools.partial(separate, model=TINY, **small))
    monkeypatch.setattr(
        zoo, "Separator", lambda *a, **k: separator(*a, **k) if a else separator(TINY, **k | small)
    )
    monkeypatch.setattr(
        zoo,
        "build",
        lambda name, **k: build(TINY, **k | small) if "weights" in k else build(name, **k),
    )


def run(page):
    """Run the examples of a page one after the other, as one program."""
    names = {"__name__": "example", "mixture": torch.zeros(1, 2, 20000)}
    for number, block in enumerate(WITH_EXAMPLES[page]):
        exec(compile(block, f"{page}, example {number}", "exec", dont_inherit=True), names)
    return names


@pytest.mark.parametrize("page", sorted(set(WITH_EXAMPLES) - {"CONTRIBUTING.md"}))
def test_the_examples_run(page):
    """None raises, and each page's make something."""
    assert run(page).keys() > {"__name__", "__builtins__", "mixture"}


def test_blocks_are_found():
    text = "<!-- runnable -->\n```python\nx = 1\n```\n```python\ny\n```\n"
    assert runnable_blocks(text) == ["x = 1\n"]


def test_what_the_examples_of_contributing_add_works(folder, capsys):
    names = run("CONTRIBUTING.md")
    assert len(WITH_EXAMPLES["CONTRIBUTING.md"]) == 7
    assert names["model"](torch.zeros(1, 2, 4096)).shape == (1, 4, 2, 4096)
    assert soundfile.info(folder / "out" / "vocals.flac").subtype == "PCM_16"
    targets = {"vocals": np.zeros((2, 9))}
    scores = PROTOCOLS["peak"].score(targets, {"vocals": np.full((2, 9), 0.1)}, 44100)
    assert scores["peak"]["vocals"] == pytest.approx(20.0)
    parser = argparse.ArgumentParser()
    names["add_arguments"](parser)
    assert names["run"](parser.parse_args(["lightsaft_tfctdf_tiny"])) == 0
    assert capsys.readouterr().out.strip().endswith("22,556")

    services = SimpleNamespace(shelf=SimpleNamespace(names=zoo.list_models()))
    with gr.Blocks() as page:
        names["build_size_tab"](services)
    assert len(page.fns) == 1
