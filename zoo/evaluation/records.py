"""Scores on disk: one small JSON file for each system and track, written whole or not at all.

They make an evaluation resumable: what is there and still fits is not computed again.
"""

import dataclasses
import json
import logging
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from zoo.metrics import Protocol, Scores
from zoo.records.files import digest_of, write_whole
from zoo.records.json_text import read_json
from zoo.records.reading import Reader

RECORDS_FOLDER = "records"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRecord:
    """The scores of one system on one track.

    Args:
        system: Name of the system.
        track: Name of the track.
        fingerprint: Identity of system and track; another one makes the record void.
        protocols: Version of each protocol that was followed.
        scores: Quantity to source to dB; None where the value is not defined or not finite.
        separation_seconds: Wall time of the separation; None for a reference.
    """

    system: str
    track: str
    fingerprint: str
    protocols: Mapping[str, str]
    scores: Mapping[str, Mapping[str, float | None]]
    separation_seconds: float | None = None

    def missing(self, protocols: Iterable[Protocol]) -> tuple[Protocol, ...]:
        """Return the protocols that this record has no current scores of."""
        return tuple(
            protocol
            for protocol in protocols
            if self.protocols.get(protocol.name) != protocol.version
        )

    def with_scores(self, scores: Scores, protocols: Iterable[Protocol]) -> "TrackRecord":
        """Return a record with further scores; values that are not finite become None."""
        finite = {
            quantity: {
                source: float(value) if math.isfinite(value) else None
                for source, value in values.items()
            }
            for quantity, values in scores.items()
        }
        versions = {protocol.name: protocol.version for protocol in protocols}
        return dataclasses.replace(
            self,
            protocols={**self.protocols, **versions},
            scores={**self.scores, **finite},
        )


class RecordStore:
    """The records in an output folder; without a folder nothing is kept.

    Args:
        directory: The output folder, made if it does not exist; None keeps nothing.
    """

    def __init__(self, directory: str | Path | None) -> None:
        self._directory = None if directory is None else Path(directory) / RECORDS_FOLDER

    def find(self, *, system: str, track: str, fingerprint: str) -> TrackRecord:
        """Return the stored record, or an empty one if there is none that fits."""
        empty = TrackRecord(
            system=system, track=track, fingerprint=fingerprint, protocols={}, scores={}
        )
        path = self._path(system, track)
        if path is None or not path.exists():
            return empty
        try:
            record = TrackRecord(**read_json(path))
            reader = Reader(error=ValueError)
            reader.read(Mapping[str, str], record.protocols, "protocols")
            reader.read(Mapping[str, Mapping[str, float | None]], record.scores, "scores")
            reader.read(float | None, record.separation_seconds, "separation_seconds")
        except (OSError, ValueError, TypeError) as error:
            logger.warning("%s is no record (%s); its track is scored again", path, error)
            return empty
        if (record.system, record.track, record.fingerprint) != (system, track, fingerprint):
            return empty
        return record

    def write(self, record: TrackRecord) -> None:
        """Write a record, whole or not at all."""
        path = self._path(record.system, record.track)
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(dataclasses.asdict(record), indent=1, allow_nan=False))

    def _path(self, system: str, track: str) -> Path | None:
        """Name a record's file; names of tracks and systems are no paths to build from."""
        if self._directory is None:
            return None
        readable = re.sub(r"[^A-Za-z0-9]+", "-", f"{track} {system}").strip("-")[:80]
        return self._directory / f"{readable}-{digest_of([system, track])[:12]}.json"
