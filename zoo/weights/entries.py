"""The records of a manifest: what is known of one set of weights, and where its file lies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from zoo.errors import UnknownNameError

__all__ = [
    "NUM_PITCHES",
    "HubFile",
    "Manifest",
    "Metric",
    "PackagedFile",
    "Place",
    "RemoteFile",
    "WeightsEntry",
]

NUM_PITCHES = (1, 3, 5, 7)


@dataclass(frozen=True, kw_only=True, slots=True)
class PackagedFile:
    """A safetensors file that ships in ``zoo/weights``.

    Args:
        file: Its name there; a plain name, never a path.
    """

    file: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFile:
    """A file behind a plain https address.

    Args:
        url: The address; it names an unchanging version (a commit, not a branch).
    """

    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class HubFile:
    """A file in a model repository of the Hugging Face Hub.

    Args:
        repo_id: ``user/name``.
        file: Its name in the repository.
        revision: The commit, tag or branch.
    """

    repo_id: str
    file: str
    revision: str


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

    protocol: str
    dataset: str
    sdr: Mapping[str, float]
    measured_by: str
    reference: str
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    beside: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, without what is not known."""
        plain: dict[str, Any] = {
            "protocol": self.protocol,
            "dataset": self.dataset,
            "sdr": dict(self.sdr),
            "measured_by": self.measured_by,
            "reference": self.reference,
        }
        if self.intervals:
            plain["intervals"] = {source: list(ends) for source, ends in self.intervals.items()}
        if self.beside:
            plain["beside"] = {name: dict(row) for name, row in self.beside.items()}
        return plain


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightsEntry:
    """Everything known of one tag of one spec.

    Args:
        spec: Name of the spec that the weights belong to.
        tag: Name of the weights, unique within the spec.
        licence: SPDX identifier (``MIT``), or ``other``.
        training_data: What the network was trained on.
        place: Where the file lies; None in the metadata of a file, which needs no place.
        num_bytes: Size of the file in bytes, None where unknown.
        sha256: SHA-256 of the file, lower-case hex.
        git_blob_sha1: The file's git object name, where nothing better was published.
        credits: Lines to pass on with the weights.
        metrics: Results, each with its protocol.
        training: How it was trained: recipe, steps, hours, hardware and the like, for people.
        pitches: At how many pitches songs are separated with these weights unless something else
            is asked for, one of ``NUM_PITCHES``; what was measured by this project was so.
        notes: What a user should know, in a sentence or two.
    """

    spec: str
    tag: str
    licence: str
    training_data: str
    place: Place | None = None
    num_bytes: int | None = None
    sha256: str | None = None
    git_blob_sha1: str | None = None
    credits: tuple[str, ...] = ()
    metrics: tuple[Metric, ...] = ()
    training: Mapping[str, str] = field(default_factory=dict)
    pitches: int = 1
    notes: str = ""

    @property
    def reference(self) -> str:
        """``spec.tag``, the name of these weights in messages and on the command line."""
        return f"{self.spec}.{self.tag}"

    @property
    def is_packaged(self) -> bool:
        """Whether the file ships with the package, so that no network is needed."""
        return isinstance(self.place, PackagedFile)

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that :func:`parse_entry` reads back, without the place of the file."""
        plain: dict[str, Any] = {"licence": self.licence, "training_data": self.training_data}
        if self.training:
            plain["training"] = dict(self.training)
        if self.credits:
            plain["credits"] = list(self.credits)
        if self.metrics:
            plain["metrics"] = [metric.to_dict() for metric in self.metrics]
        if self.pitches != 1:
            plain["pitches"] = self.pitches
        if self.notes:
            plain["notes"] = self.notes
        return plain


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """The weights of one spec.

    Args:
        spec: Name of the spec.
        default: Tags in the order in which ``weights="default"`` tries them.
        entries: Tag to record.
    """

    spec: str
    default: tuple[str, ...]
    entries: Mapping[str, WeightsEntry]

    def __getitem__(self, tag: str) -> WeightsEntry:
        """Look up a tag; raises UnknownNameError with the closest tags."""
        try:
            return self.entries[tag]
        except KeyError:
            raise UnknownNameError(f"weights tag of {self.spec}", tag, list(self.entries)) from None
