"""What the last run over a catalogue was asked for, and what the manifest says became of it."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from zoo.catalogue.manifest import DONE, FOLDER, QUARANTINED, Manifest
from zoo.catalogue.songs import CatalogueSong
from zoo.catalogue.store import Store
from zoo.catalogue.work import CatalogueJob
from zoo.catalogue.workforce import WorkerFacts
from zoo.errors import CatalogueError
from zoo.records.bounds import Range
from zoo.records.reading import Reader, to_plain
from zoo.records.tables import plain_table

__all__ = ["CatalogueStatus", "Overview", "read_status"]

NAME = f"{FOLDER}/run.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Overview:
    """What a run was asked for.

    Attributes:
        num_songs: How many songs the catalogue has.
        model: Of the network.
        identity_sha256: Digest of everything about the network that decides the samples.
        format: Of the stems.
    """

    num_songs: Annotated[int, Range(0, 10**9)]
    model: str
    identity_sha256: str
    format: str

    @classmethod
    def of(
        cls, job: CatalogueJob, songs: Sequence[CatalogueSong], facts: WorkerFacts
    ) -> "Overview":
        """Describe a run."""
        return cls(
            num_songs=len(songs),
            model=facts.model,
            identity_sha256=facts.identity,
            format=job.format,
        )

    def write(self, store: Store) -> None:
        """Write it beside the manifest.

        Raises:
            StoreError: The store refuses or does not answer.
        """
        store.write(NAME, (json.dumps(to_plain(self), indent=2) + "\n").encode())

    @classmethod
    def read(cls, store: Store) -> "Overview":
        """Read that of the last run.

        Raises:
            CatalogueError: There was no run, or the file is damaged.
            StoreError: The store does not answer.
        """
        content = store.read(NAME)
        if content is None:
            raise CatalogueError(f"{store.url}: no run over a catalogue has written here yet")
        reader = Reader(error=CatalogueError, origin=f"{store.url}/{NAME}")
        try:
            values = json.loads(content)
        except ValueError as error:
            raise reader.fault("", f"no JSON: {error}") from error
        return reader.record(cls, values)


@dataclass(kw_only=True, slots=True)
class CatalogueStatus:
    """What became of a catalogue so far.

    Attributes:
        overview: Of the last run.
        counts: Songs by their state.
        audio_seconds: Of all songs done.
        work_seconds: That they took.
        network_seconds: For how much of it networks computed.
        nodes: Songs by the machine that did them.
        quarantined: The songs without stems, with the reasons.
    """

    overview: Overview
    counts: Counter[str] = field(default_factory=Counter)
    audio_seconds: float = 0.0
    work_seconds: float = 0.0
    network_seconds: float = 0.0
    nodes: Counter[str] = field(default_factory=Counter)
    quarantined: list[tuple[str, str]] = field(default_factory=list)

    def format(self) -> str:
        """Return it as text."""
        done, bad = self.counts[DONE], self.counts[QUARANTINED]
        rows = [
            ("songs", f"{self.overview.num_songs:,}"),
            ("done", f"{done:,}"),
            ("quarantined", f"{bad:,}"),
            ("missing", f"{max(0, self.overview.num_songs - done - bad):,}"),
            ("hours of audio", f"{self.audio_seconds / 3600:,.2f}"),
            ("hours of work", f"{self.work_seconds / 3600:,.2f}"),
            ("of them by the network", f"{self.network_seconds / 3600:,.2f}"),
            *((f"songs by {node or 'unknown'}", f"{n:,}") for node, n in self.nodes.most_common()),
        ]
        title = f"{self.overview.model}, {self.overview.format}"
        lines = [title, plain_table(("", "number"), rows)]
        lines += [f"quarantined: {song}: {reason}" for song, reason in sorted(self.quarantined)]
        return "\n".join(lines)


def read_status(output: str) -> CatalogueStatus:
    """Read what became of a catalogue, while a run is at it or after.

    Args:
        output: Where the stems are.

    Raises:
        CatalogueError: No run has written there, or its records are damaged.
        StoreError: The store does not answer.
    """
    store = Store(output)
    status = CatalogueStatus(overview=Overview.read(store))
    for row in Manifest(store).rows():
        status.counts[row.state] += 1
        if row.state == QUARANTINED:
            status.quarantined.append((row.song, row.error))
            continue
        status.nodes[row.node] += 1
        status.audio_seconds += row.audio_seconds
        status.work_seconds += row.work_seconds
        status.network_seconds += row.network_seconds
    return status
