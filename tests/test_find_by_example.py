"""Blend by example: the blend that comes nearest to a sound, and what is no example."""

import numpy as np
import pytest
import torch
from app_server import MODEL, running_app, tiny_config, visit
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from signals import chirp, write

from zoo.errors import ExamplesError
from zoo.ui import example_finder
from zoo.ui.example_finder import loudest_source, make_example_finder
from zoo.ui.examples import EXAMPLES
from zoo.ui.models import ModelShelf

SOURCES = ("vocals", "drums", "bass", "other")


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with running_app(tmp_path_factory.mktemp("uploads")) as url:
        yield url


def find(url, path):
    client = visit(url)
    return client.predict(handle_file(path), MODEL, api_name="/find_by_example")


def test_weights_of_all_sources_and_a_sentence_come_back(url, tmp_path):
    told, *weights = find(url, write(tmp_path / "a.wav", chirp(seconds=1.5)))
    assert told.startswith("Found a blend with an SDR of ")
    assert len(weights) == len(SOURCES)
    assert all(0 <= weight <= 1 for weight in weights)
    assert any(weights)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((2, 88_200), np.float32), "the example: the examples are silent"),
        (chirp(seconds=0.2), r"the example: 0\.20 s of examples; at least 1 s is needed"),
    ],
)
def test_what_is_no_example_is_said_kindly(url, tmp_path, samples, message):
    with pytest.raises(AppError, match=message):
        find(url, write(tmp_path / "a.wav", samples))


def test_a_file_without_sound_is_said_kindly(url, tmp_path):
    path = tmp_path / "a.wav"
    path.write_text("no audio at all")
    with pytest.raises(AppError, match="audio"):
        find(url, path)


def test_the_demo_stem_of_the_loudest_source_is_not_removed(monkeypatch):
    shelf = ModelShelf(tiny_config())
    samples = chirp(seconds=1.5)
    heard = loudest_source(shelf.network(MODEL), torch.from_numpy(samples))
    with torch.no_grad():
        estimates = shelf.network(MODEL)(torch.from_numpy(samples)[None])[0]
    assert heard == SOURCES[int(estimates.square().mean(dim=(1, 2)).argmax())]
    asked = {}

    def note(network, keep, remove, **options):
        asked.update(options, remove=remove, gradients=torch.is_grad_enabled())

    monkeypatch.setattr(example_finder, "find_condition", note)
    make_example_finder(tiny_config(), shelf)(MODEL, samples)
    others = [path for source, path in EXAMPLES[0].stems.items() if source != heard]
    assert asked["remove"] == others
    assert asked["kind"] == "weights"
    assert asked["gradients"]


def test_a_finder_works_within_inference_mode_and_betters_the_best_source():
    with torch.inference_mode():
        shelf = ModelShelf(tiny_config())
        condition = make_example_finder(tiny_config(), shelf)(MODEL, chirp(seconds=1.5))
    assert set(condition.weights) == set(SOURCES)
    assert condition.sdr["found"] >= condition.sdr["nearest"]


def test_silence_is_refused_before_any_search():
    finder = make_example_finder(tiny_config(), ModelShelf(tiny_config()))
    with pytest.raises(ExamplesError, match="silent"):
        finder(MODEL, np.zeros((2, 88_200), np.float32))
