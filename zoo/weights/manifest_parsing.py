"""From plain data to the records of a manifest.

The record of a tag also travels in the metadata of our safetensors files, so all of it is validated
as the input of a stranger: closed keys, bounded lengths, plain file names, https only.
"""

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from zoo.errors import WeightsError
from zoo.metrics import PROTOCOLS
from zoo.weights.entries import (
    NUM_PITCHES,
    HubFile,
    Manifest,
    Metric,
    PackagedFile,
    Place,
    RemoteFile,
    WeightsEntry,
)

__all__ = ["FILE_NAME", "NAME", "REPO_ID", "REVISION", "parse_entry", "parse_manifest"]

NAME = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")
REPO_ID = re.compile(r"\w[\w.-]{0,95}/\w[\w.-]{0,95}", re.ASCII)
REVISION = re.compile(r"\w[\w./-]{0,127}", re.ASCII)
FILE_NAME = re.compile(r"[A-Za-z0-9][\w.=-]{0,127}", re.ASCII)
SHA256 = re.compile(r"[0-9a-f]{64}")
SHA1 = re.compile(r"[0-9a-f]{40}")
MEASURED_BY = ("published", "measured")
MAX_TEXT = 4000
MAX_NAME = 64
MAX_ITEMS = 64


class _Reader:
    """Reads the keys of one mapping, each once, and names the offending key when it fails."""

    def __init__(self, mapping: object, *, where: str) -> None:
        if not isinstance(mapping, Mapping):
            raise WeightsError(f"{where}: expected a mapping, got {type(mapping).__name__}")
        self._rest = dict(mapping)
        self._where = where

    def fail(self, key: str, got: object, expected: str) -> WeightsError:
        return WeightsError(f"{self._where}: {key}: expected {expected}, got {str(got)[:80]!r}")

    def text(
        self, key: str, *, pattern: re.Pattern[str] | None = None, default: str | None = None
    ) -> str:
        value = self._rest.pop(key, default)
        if not isinstance(value, str) or len(value) > MAX_TEXT or (not value and default is None):
            raise self.fail(key, value, f"a text of 1 to {MAX_TEXT} characters")
        if pattern is not None and pattern.fullmatch(value) is None:
            raise self.fail(key, value, f"a text like {pattern.pattern}")
        return value.strip()

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        value = self._rest.pop(key, None)
        if value not in choices:
            raise self.fail(key, value, f"one of {', '.join(choices)}")
        return value

    def protocol(self, key: str) -> str:
        value = self._rest.pop(key, None)
        if value not in PROTOCOLS:
            raise self.fail(key, value, f"one of {', '.join(PROTOCOLS)}")
        return PROTOCOLS[value].name

    def digest(self, key: str, pattern: re.Pattern[str]) -> str | None:
        return self.text(key, pattern=pattern) if key in self._rest else None

    def size(self, key: str) -> int | None:
        value = self._rest.pop(key, None)
        if value is not None and (type(value) is not int or value <= 0):
            raise self.fail(key, value, "a positive number of bytes")
        return value

    def pitches(self, key: str) -> int:
        value = self._rest.pop(key, 1)
        if type(value) is not int or value not in NUM_PITCHES:
            raise self.fail(key, value, f"one of {', '.join(map(str, NUM_PITCHES))}")
        return value

    def sequence(self, key: str) -> list[Any]:
        value = self._rest.pop(key, [])
        if not isinstance(value, list) or len(value) > MAX_ITEMS:
            raise self.fail(key, value, f"a list of at most {MAX_ITEMS} items")
        return value

    def mapping(self, key: str) -> dict[Any, Any]:
        value = self._rest.pop(key, None)
        if not isinstance(value, Mapping) or not 0 < len(value) <= MAX_ITEMS:
            raise self.fail(key, value, f"a mapping of 1 to {MAX_ITEMS} keys")
        return dict(value)

    def optional_mapping(self, key: str) -> dict[Any, Any]:
        return self.mapping(key) if key in self._rest else {}

    def decibels(self, key: str, row: object) -> dict[str, float]:
        """Check a mapping of names to finite numbers of dB."""
        if not isinstance(row, Mapping):
            raise self.fail(key, row, "a mapping of sources to numbers of dB")
        for name, value in row.items():
            number = isinstance(value, int | float) and not isinstance(value, bool)
            named = isinstance(name, str) and len(name) <= MAX_NAME
            if not named or not number or not math.isfinite(value):
                raise self.fail(f"{key}.{name}", value, "a source name and a finite number of dB")
        return {name: float(value) for name, value in row.items()}

    def holds(self, key: str) -> bool:
        return key in self._rest

    def finish(self) -> None:
        if self._rest:
            unknown = ", ".join(repr(str(key)[:80]) for key in list(self._rest)[:5])
            raise WeightsError(f"{self._where}: unknown keys: {unknown}")


def _parse_place(mapping: object, *, where: str) -> Place:
    reader = _Reader(mapping, where=where)
    place: Place
    if reader.holds("file") and not reader.holds("repo_id"):
        place = PackagedFile(file=reader.text("file", pattern=FILE_NAME))
    elif reader.holds("url"):
        url = reader.text("url")
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise reader.fail("url", url, "an https address")
        place = RemoteFile(url=url)
    elif reader.holds("repo_id"):
        place = HubFile(
            repo_id=reader.text("repo_id", pattern=REPO_ID),
            file=reader.text("file", pattern=FILE_NAME),
            revision=reader.text("revision", pattern=REVISION),
        )
    else:
        raise WeightsError(f"{where}: expected 'file', 'url', or 'repo_id', 'file' and 'revision'")
    reader.finish()
    return place


def _parse_metric(mapping: object, *, where: str) -> Metric:
    reader = _Reader(mapping, where=where)
    metric = Metric(
        protocol=reader.protocol("protocol"),
        dataset=reader.text("dataset"),
        sdr=reader.decibels("sdr", reader.mapping("sdr")),
        measured_by=reader.choice("measured_by", MEASURED_BY),
        reference=reader.text("reference"),
        intervals=_parse_intervals(reader),
        beside={
            str(name): reader.decibels(f"beside.{name}", row)
            for name, row in reader.optional_mapping("beside").items()
        },
    )
    reader.finish()
    return metric


def _parse_intervals(reader: _Reader) -> dict[str, tuple[float, float]]:
    intervals = {}
    for source, ends in reader.optional_mapping("intervals").items():
        if not isinstance(ends, list) or len(ends) != 2:
            raise reader.fail(f"intervals.{source}", ends, "a list of two numbers of dB")
        low, high = reader.decibels(
            f"intervals.{source}", dict(zip(("low", "high"), ends, strict=True))
        ).values()
        intervals[str(source)] = (low, high)
    return intervals


def _parse_training(reader: _Reader) -> dict[str, str]:
    training = reader.optional_mapping("training")
    for key, value in training.items():
        if not isinstance(key, str) or not isinstance(value, str | int | float):
            raise reader.fail(f"training.{key}", value, "a text or a number")
        if len(key) > MAX_NAME or len(str(value)) > MAX_TEXT:
            raise reader.fail(f"training.{key}", value, f"at most {MAX_TEXT} characters")
    return {key: str(value) for key, value in training.items()}


def parse_entry(mapping: object, *, spec: str, tag: str, origin: str) -> WeightsEntry:
    """Validate the record of one tag.

    Args:
        mapping: Plain data, as from YAML or JSON.
        spec: Name of the spec that it belongs to.
        tag: Name of the tag.
        origin: File named in error messages.

    Raises:
        WeightsError: If a key is unknown, missing, of the wrong kind or too long.
    """
    where = f"{origin}: tags.{tag}"
    reader = _Reader(mapping, where=where)
    place = reader.mapping("place") if reader.holds("place") else None
    entry = WeightsEntry(
        spec=spec,
        tag=tag,
        licence=reader.text("licence"),
        training_data=reader.text("training_data"),
        place=None if place is None else _parse_place(place, where=f"{where}.place"),
        num_bytes=reader.size("num_bytes"),
        sha256=reader.digest("sha256", SHA256),
        git_blob_sha1=reader.digest("git_blob_sha1", SHA1),
        credits=tuple(reader.sequence("credits")),
        metrics=tuple(
            _parse_metric(item, where=f"{where}.metrics.{index}")
            for index, item in enumerate(reader.sequence("metrics"))
        ),
        training=_parse_training(reader),
        pitches=reader.pitches("pitches"),
        notes=reader.text("notes", default=""),
    )
    for index, line in enumerate(entry.credits):
        if not isinstance(line, str) or not 0 < len(line) <= MAX_TEXT:
            raise reader.fail(f"credits.{index}", line, f"a text of 1 to {MAX_TEXT} characters")
    reader.finish()
    if entry.place is not None and not (entry.sha256 or entry.git_blob_sha1):
        raise WeightsError(f"{where}: a file needs a sha256 or a git_blob_sha1 to be verified by")
    return entry


def parse_manifest(mapping: object, *, origin: str) -> Manifest:
    """Validate a manifest.

    Args:
        mapping: Plain data with ``spec``, ``default`` and ``tags``.
        origin: File named in error messages.

    Raises:
        WeightsError: If anything is unknown, missing or inconsistent.
    """
    reader = _Reader(mapping, where=origin)
    spec = reader.text("spec", pattern=NAME)
    default = reader.sequence("default")
    tags = reader.mapping("tags")
    reader.finish()
    entries = {}
    for tag, record in tags.items():
        if not isinstance(tag, str) or NAME.fullmatch(tag) is None or tag == "default":
            raise reader.fail("tags", tag, "names like mdx2021; 'default' is reserved")
        entries[tag] = parse_entry(record, spec=spec, tag=tag, origin=origin)
        if entries[tag].place is None:
            raise WeightsError(f"{origin}: tags.{tag}: expected a place")
    if not default or len(set(map(str, default))) != len(default):
        raise reader.fail("default", default, "the tags to try, in order, each once")
    for tag in default:
        if tag not in entries:
            raise reader.fail("default", tag, f"tags of this file: {', '.join(entries)}")
    return Manifest(spec=spec, default=tuple(default), entries=MappingProxyType(entries))
