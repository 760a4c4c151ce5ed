"""The packaged folder of manifests: what weights exist, where they lie, what is known of them.

A manifest is ``zoo/weights/SPEC.yaml``. Adding weights is adding a tag there (and, for packaged
ones, the safetensors file beside it); no code changes.
"""

import functools
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from types import MappingProxyType

from zoo.errors import WeightsError
from zoo.records.yaml_text import read_yaml
from zoo.weights.entries import Manifest, parse_manifest


def weights_folder() -> Path:
    """Return the packaged folder of manifests and bundled weights."""
    return Path(str(resources.files("zoo"))) / "weights"


def read_manifest(path: Path) -> Manifest:
    """Read ``SPEC.yaml``; the file is named after its spec.

    Raises:
        WeightsError: If it is no YAML, or no valid manifest, or names another spec than its file.
    """
    manifest = parse_manifest(read_yaml(path, error=WeightsError), origin=path.name)
    if manifest.spec != path.stem:
        raise WeightsError(
            f"{path.name}: spec: must be {path.stem!r} as the file is named, got {manifest.spec!r}"
        )
    return manifest


@functools.lru_cache(maxsize=8)
def load_manifests(folder: Path | None = None) -> Mapping[str, Manifest]:
    """Read every manifest of a folder (the packaged one by default), by the name of its spec."""
    paths = sorted((folder or weights_folder()).glob("*.yaml"))
    return MappingProxyType({path.stem: read_manifest(path) for path in paths})


def get_manifest(spec: str) -> Manifest | None:
    """Return the manifest of a spec, or None where no weights are listed for it."""
    return load_manifests().get(spec)


def available_tags(spec: str) -> tuple[str, ...]:
    """Return the tags of a spec's weights, those of its default order first; empty if none."""
    manifest = get_manifest(spec)
    if manifest is None:
        return ()
    return tuple(dict.fromkeys((*manifest.default, *manifest.entries)))


def specs_with_weights() -> list[str]:
    """Return the names of the specs for which any weights are listed, sorted."""
    return sorted(load_manifests())
