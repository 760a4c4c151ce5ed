"""Manifests: what weights exist for a spec, where they lie, and what is known of them."""

from zoo.manifests.entry import (
    NUM_PITCHES,
    HubFile,
    Manifest,
    Metric,
    PackagedFile,
    Place,
    RemoteFile,
    WeightsEntry,
)
from zoo.manifests.folder import (
    available_tags,
    get_manifest,
    load_manifests,
    parse_reference,
    read_manifest,
    specs_with_weights,
    weights_folder,
)
from zoo.manifests.parser import MAX_TEXT, parse_entry, parse_manifest

__all__ = [
    "MAX_TEXT",
    "NUM_PITCHES",
    "HubFile",
    "Manifest",
    "Metric",
    "PackagedFile",
    "Place",
    "RemoteFile",
    "WeightsEntry",
    "available_tags",
    "get_manifest",
    "load_manifests",
    "parse_entry",
    "parse_manifest",
    "parse_reference",
    "read_manifest",
    "specs_with_weights",
    "weights_folder",
]
