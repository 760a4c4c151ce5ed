"""The bundled weights separate the example songs: no stem is silent, swapped or a copy."""

import functools
from pathlib import Path

import numpy as np
import pytest

import zoo
from zoo.audio import open_audio
from zoo.weights.manifests import load_manifests

EXAMPLES = Path(zoo.__file__).parent / "examples"
HOUSE = [
    name
    for name, manifest in load_manifests().items()
    if "house" in manifest.entries and manifest.entries["house"].is_packaged
]
LOUDEST_SILENCE_DB = -45.0


@functools.lru_cache(maxsize=4)
def separated(model, song):
    separator = zoo.Separator(model, weights="house", mixture_consistency=False)
    return separator(EXAMPLES / song)


def samples(song):
    with open_audio(EXAMPLES / song) as reader:
        return np.concatenate(list(reader.blocks()), axis=1)


def correlation(a, b):
    length = min(a.shape[1], b.shape[1])
    a, b = a[:, :length].ravel(), b[:, :length].ravel()
    return float(np.dot(a, b) / np.sqrt(np.dot(a, a) * np.dot(b, b)))


def level_db(signal, reference):
    return 10 * np.log10(np.mean(signal**2) / np.mean(reference**2))


def test_there_are_house_weights():
    assert HOUSE == ["lightsaft_tfctdf_small"]


@pytest.mark.parametrize("model", HOUSE)
def test_every_stem_of_the_demo_song_is_its_own(model):
    estimates = separated(model, "demo_song/mixture.ogg").stems
    truth = {source: samples(f"demo_song/{source}.ogg") for source in estimates}
    for source, estimate in estimates.items():
        likeness = {name: correlation(estimate, true) for name, true in truth.items()}
        assert max(likeness, key=likeness.get) == source, likeness


@pytest.mark.parametrize("model", HOUSE)
@pytest.mark.parametrize("song", ["demo_song/mixture.ogg", "sectoid_excerpt.ogg"])
def test_no_stem_is_silent_or_a_copy(model, song):
    estimates = separated(model, song).stems
    mixture = samples(song)
    for source, estimate in estimates.items():
        # The rock band has no singer; a network that hears none there is right.
        if (song, source) != ("sectoid_excerpt.ogg", "vocals"):
            assert level_db(estimate, mixture) > LOUDEST_SILENCE_DB, source
        assert correlation(estimate, mixture) < 0.95, source
        for other, rival in estimates.items():
            if other != source:
                assert correlation(estimate, rival) < 0.8, (source, other)
