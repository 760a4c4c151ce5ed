"""Data files: manifests, recipes, the Space's config, records; read, or refused by their error."""

import math
import tempfile
from contextlib import suppress
from pathlib import Path

from zoo.errors import WeightsError
from zoo.evaluation.records import RecordStore
from zoo.publishing.space_config import SpaceConfigError, load_space_config
from zoo.records.yaml_text import parse_yaml
from zoo.separation.record import RECORD_NAME, SeparationRecord
from zoo.training.recipe import RECIPE_DIRECTORY, load_recipe
from zoo.weights.entries import parse_manifest
from zoo.weights.manifests import weights_folder

ROOT = Path(__file__).resolve().parents[2]
RECORD = (
    b'{"input": "a.wav", "input_place_sha256": "0", "request": {"input_sha256": "1"}, '
    b'"sample_rate": 44100, "num_samples": 22050, "gain": 1.0, "peak": 0.5, '
    b'"stems": {"bass": {"file": "bass.wav", "bytes": 100}}, "files": ["bass.wav"]}'
)
SCORES = (
    b'{"system": "s", "track": "t", "fingerprint": "f", "protocols": {"mdx": "1"}, '
    b'"scores": {"mdx_sdr": {"vocals": 5.5, "bass": null}}, "separation_seconds": 1.5}'
)


def check(content: bytes) -> None:
    """Read the file as each of them."""
    with suppress(WeightsError):
        parse_manifest(parse_yaml(content, origin="m", error=WeightsError), origin="m")
    with tempfile.TemporaryDirectory(dir=_memory_folder()) as name:
        folder = Path(name)
        (folder / "file.yaml").write_bytes(content)
        with suppress(ValueError):
            load_recipe(folder / "file.yaml")
        with suppress(SpaceConfigError):
            load_space_config(folder / "file.yaml")
        (folder / RECORD_NAME).write_bytes(content)
        record = SeparationRecord.read(folder)
        if record is not None:
            assert record.seconds > 0
            assert record.is_complete(record.request, sizes={}) is (not record.stems)
        _check_scores(folder, content)


def seeds() -> dict[str, bytes]:
    """Return the packaged files and a record of each kind."""
    manifests = {f"manifest-{p.stem}": p.read_bytes() for p in weights_folder().glob("*.yaml")}
    recipes = {f"recipe-{p.stem}": p.read_bytes() for p in RECIPE_DIRECTORY.glob("*.yaml")}
    config = {"space": (ROOT / "spaces_config.yaml").read_bytes()}
    return {**manifests, **recipes, **config, "record": RECORD, "scores": SCORES}


def _check_scores(folder: Path, content: bytes) -> None:
    store = RecordStore(folder)
    place = store._path("s", "t")
    assert place is not None
    place.parent.mkdir()
    place.write_bytes(content)
    found = store.find(system="s", track="t", fingerprint="f")
    for values in found.scores.values():
        assert all(value is None or math.isfinite(value) for value in values.values())


def _memory_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
