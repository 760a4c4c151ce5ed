"""Tiny networks of 1, 5 and 12 sources, and an app that offers one of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import yaml
from app_server import MODEL, running_app
from fake_networks import randomise
from safetensors.torch import save_file

import zoo
from zoo.specs.registry import SPECS

SOURCES = {
    1: ("choir",),
    5: ("vocals", "drums", "bass", "electric_guitar", "other"),
    12: (
        "drums",
        "bass",
        "piano",
        "electric_guitar",
        "acoustic_guitar",
        "strings",
        "brass",
        "woodwinds",
        "synthesizer",
        "lead_vocals",
        "other",
        "marimba",
    ),
}
PART_OF = {12: {"marimba": "other"}}


def name_of(num_sources: int) -> str:
    """Name of the network with so many sources."""
    return f"tiny_of_{num_sources}"


def make_spec(num_sources: int) -> dict:
    """Its spec as plain data; a single source needs no condition."""
    plain = zoo.load_spec(MODEL).to_dict()
    plain |= {"name": name_of(num_sources), "sources": list(SOURCES[num_sources])}
    if num_sources == 1:
        del plain["condition"]
        for option in ("num_latent_sources", "key_dim"):
            del plain["unet"][option]
        plain["unet"]["decoder"] = {"local": "tfc", "frequency": "tdf"}
    if num_sources in PART_OF:
        plain["part_of"] = PART_OF[num_sources]
    return plain


@contextmanager
def known_specs(folder: Path) -> Iterator[None]:
    """Make the specs known by name for a while."""
    with mock.patch.multiple(SPECS, _files=dict(SPECS._files), _folders=list(SPECS._folders)):
        for num_sources in SOURCES:
            text = yaml.safe_dump(make_spec(num_sources))
            (folder / f"{name_of(num_sources)}.yaml").write_text(text)
        SPECS.add(folder)
        yield


def write_weights(num_sources: int, folder: Path) -> str:
    """Write random weights for a network whose spec is known; return their path."""
    path = folder / "weights.safetensors"
    save_file(randomise(zoo.build(name_of(num_sources))).state_dict(), path)
    return str(path)


@contextmanager
def app_of(num_sources: int, folder: Path) -> Iterator[str]:
    """Launch an app that offers the network of so many sources; yields its address."""
    specs = folder / "specs"
    specs.mkdir()
    with known_specs(specs):
        weights = write_weights(num_sources, folder)
        with running_app(folder / "app", model=name_of(num_sources), weights=weights) as url:
            yield url
