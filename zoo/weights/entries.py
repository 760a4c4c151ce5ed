"""The records of a manifest: what is known of one set of weights, and where its file lies.

A record also travels in the metadata of our safetensors files, so all of it is checked as the input
of a stranger: closed keys, bounded texts, plain file names, https only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Annotated, Any, Literal, TypeAlias, get_args
from urllib.parse import urlsplit

from zoo.errors import UnknownNameError, WeightsError
from zoo.metrics import PROTOCOLS
from zoo.records.bounds import Above, Length, Matches, OneOf
from zoo.records.reading import MAX_TEXT, Reader, check_fields, to_plain
from zoo.specs.parts import NAME, Name

__all__ = [
    "NAME",
    "NUM_PITCHES",
    "REPO_ID",
    "REVISION",
    "HubFile",
    "Manifest",
    "Metric",
    "PackagedFile",
    "Pitches",
    "Place",
    "RemoteFile",
    "WeightsEntry",
    "parse_entry",
    "parse_manifest",
]

REPO_ID = re.compile(r"\w[\w.-]{0,95}/\w[\w.-]{0,95}", re.ASCII)
REVISION = re.compile(r"\w[\w./-]{0,127}", re.ASCII)
FILE_NAME = re.compile(r"[A-Za-z0-9][\w.=-]{0,127}", re.ASCII)
SHA256 = re.compile(r"[0-9a-f]{64}")
SHA1 = re.compile(r"[0-9a-f]{40}")

Pitches = Literal[1, 3, 5, 7]
NUM_PITCHES: tuple[int, ...] = get_args(Pitches)
FileName = Annotated[str, Matches(FILE_NAME, "a plain file name, no path")]
Label = Annotated[str, Length(1, 64)]
Text = Annotated[str, Length(1, MAX_TEXT)]
Decibels: TypeAlias = Mapping[Label, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class PackagedFile:
    """A safetensors file that ships in ``zoo/weights``.

    Args:
        file: Its name there; a plain name, never a path.
    """

    file: FileName

    def __post_init__(self) -> None:
        """Check the name."""
        check_fields(self, error=WeightsError)


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFile:
    """A file behind a plain https address.

    Args:
        url: The address; it names an unchanging version (a commit, not a branch).
    """

    url: Text

    def __post_init__(self) -> None:
        """Check the address."""
        check_fields(self, error=WeightsError)

    @classmethod
    def from_plain(cls, value: object, path: str, reader: Reader) -> "RemoteFile":
        """Read an address, which a record may give as https alone."""
        place = reader.record(cls, value, path)
        try:
            parts = urlsplit(place.url)
        except ValueError:  # a malformed host such as https://[
            parts = urlsplit("")
        if parts.scheme != "https" or not parts.hostname:
            problem = f"must be an https address, got {place.url[:80]!r}"
            raise reader.fault(f"{path}.url", problem)
        return place


@dataclass(frozen=True, kw_only=True, slots=True)
class HubFile:
    """A file in a model repository of the Hugging Face Hub.

    Args:
        repo_id: ``user/name``.
        file: Its name in the repository.
        revision: The commit, tag or branch.
    """

    repo_id: Annotated[str, Matches(REPO_ID, "a repository such as user/name")]
    file: FileName
    revision: Annotated[str, Matches(REVISION, "a commit, tag or branch")]

    def __post_init__(self) -> None:
        """Check the names."""
        check_fields(self, error=WeightsError)


Place: TypeAlias = PackagedFile | RemoteFile | HubFile


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One row of results: the SDR of every source by one protocol on one data set.

    Args:
        protocol: Name of one of ``zoo.metrics.PROTOCOLS``; two of them never share a column.
        dataset: What it was measured on.
        sdr: Source to SDR in dB; ``mean`` is the mean over sources.
        measured_by: ``published`` by the authors, or ``measured`` by this project.
        reference: The paper, or the command that measured it.
        intervals: Source to the ends of the confidence interval of its SDR, in dB.
        beside: SDR of the trivial references and the oracle on the same data, by their names.
    """

    protocol: Annotated[str, OneOf("protocol", PROTOCOLS)]
    dataset: Text
    sdr: Annotated[Decibels, Length(1, 64)]
    measured_by: Literal["published", "measured"]
    reference: Text
    intervals: Mapping[Label, tuple[float, float]] = field(default_factory=dict)
    beside: Mapping[Label, Decibels] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check the fields."""
        check_fields(self, error=WeightsError)

    @classmethod
    def from_plain(cls, value: object, path: str, reader: Reader) -> "Metric":
        """Read a row; a protocol may have its older name there."""
        metric = reader.record(cls, value, path)
        return replace(metric, protocol=PROTOCOLS[metric.protocol].name)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, without what is not known."""
        return to_plain(self, defaults=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightsEntry:
    """Everything known of one tag of one spec.

    Args:
        spec: Name of the spec that the weights belong to.
        tag: Name of the weights, unique within the spec.
        licence: SPDX identifier (``MIT``), or ``other``.
        training_data: What the network was trained on.
        training: How it was trained: recipe, steps, hours, hardware and the like, for people.
        credits: Lines to pass on with the weights.
        metrics: Results, each with its protocol.
        pitches: At how many pitches songs are separated with these weights unless something else
            is asked for; the results measured by this project were measured at that number.
        notes: What a user should know, in a sentence or two.
        place: Where the file lies; None in the metadata of a file, which needs no place.
        num_bytes: Size of the file in bytes, None where unknown.
        sha256: SHA-256 of the file, lower-case hex.
        git_blob_sha1: The file's git object name, where nothing better was published.
    """

    spec: Name
    tag: Name
    licence: Text
    training_data: Text
    training: Mapping[Label, str | int | float] = field(default_factory=dict)
    credits: tuple[Text, ...] = ()
    metrics: tuple[Metric, ...] = ()
    pitches: Pitches = 1
    notes: str = ""
    place: Place | None = None
    num_bytes: Annotated[int, Above(0)] | None = None
    sha256: Annotated[str, Matches(SHA256, "64 lower-case hex digits")] | None = None
    git_blob_sha1: Annotated[str, Matches(SHA1, "40 lower-case hex digits")] | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        check_fields(self, error=WeightsError)
        if self.place is not None and not (self.sha256 or self.git_blob_sha1):
            raise WeightsError("a file needs a sha256 or a git_blob_sha1 to be verified by")

    @property
    def reference(self) -> str:
        """``spec.tag``, the name of these weights in messages and on the command line."""
        return f"{self.spec}.{self.tag}"

    @property
    def is_packaged(self) -> bool:
        """Whether the file ships with the package, so that no network is needed."""
        return isinstance(self.place, PackagedFile)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that ``parse_entry`` reads back, without what concerns the file."""
        file = ("place", "num_bytes", "sha256", "git_blob_sha1")
        return to_plain(self, defaults=False, without=("spec", "tag", *file))


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """The weights of one spec.

    Args:
        spec: Name of the spec.
        default: Tags in the order in which ``weights="default"`` tries them.
        entries: Tag to record.
    """

    spec: Name
    default: Annotated[tuple[Name, ...], Length(1, 64)]
    entries: Mapping[Name, WeightsEntry]

    def __post_init__(self) -> None:
        """Check that the tags to try exist."""
        check_fields(self, error=WeightsError)
        if len(set(self.default)) < len(self.default):
            raise WeightsError(f"default: must name every tag once, got {list(self.default)}")
        for index, tag in enumerate(self.default):
            if tag not in self.entries:
                problem = UnknownNameError("tag", tag, list(self.entries))
                raise WeightsError(f"default[{index}]: {problem}")

    def __getitem__(self, tag: str) -> WeightsEntry:
        """Look up a tag; raises UnknownNameError with the closest tags."""
        try:
            return self.entries[tag]
        except KeyError:
            raise UnknownNameError(f"weights tag of {self.spec}", tag, list(self.entries)) from None


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
    reader = Reader(error=WeightsError, origin=origin)
    return reader.record(WeightsEntry, mapping, f"tags.{tag}", spec=spec, tag=tag)


def parse_manifest(mapping: object, *, origin: str) -> Manifest:
    """Validate a manifest.

    Args:
        mapping: Plain data with ``spec``, ``default`` and ``tags``.
        origin: File named in error messages.

    Raises:
        WeightsError: If anything is unknown, missing or inconsistent.
    """
    reader = Reader(error=WeightsError, origin=origin)
    keys = ["spec", "default", "tags"]
    plain = dict(reader.keys(mapping, "", known=keys, required=keys))
    spec = reader.read(Name, plain["spec"], "spec")
    tags = reader.read(Annotated[Mapping[Name, Any], Length(1, 64)], plain.pop("tags"), "tags")
    entries = {}
    for tag, record in tags.items():
        if tag == "default":
            raise reader.fault("tags.default", "a tag cannot be named default; choose another name")
        entries[tag] = parse_entry(record, spec=spec, tag=tag, origin=origin)
        if entries[tag].place is None:
            raise reader.fault(f"tags.{tag}.place", "missing")
    return reader.record(Manifest, plain, entries=MappingProxyType(entries))
