"""From scores of tracks to scores of systems, with confidence intervals.

Shape legend: K tracks, S sources, R resamples. NaN stands for a score that does not count.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from zoo.evaluation.bootstrap import BootstrapConfig, bootstrap_interval, over_tracks
from zoo.evaluation.records import TrackRecord
from zoo.evaluation.references import BEST_GAIN
from zoo.evaluation.scoring import LEVEL_BELOW
from zoo.metrics import DEFAULT_ABSENT_DB, Protocol, Quantity

MEAN = "mean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """One aggregated number.

    Args:
        value: dB; None where it is not defined on any track that counts.
        low: Lower end of the confidence interval in dB; None where there is none.
        high: Upper end.
        num_tracks: How many tracks count.
    """

    value: float | None
    low: float | None
    high: float | None
    num_tracks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRow:
    """The scores of one system by one quantity.

    Args:
        system: Name of the system.
        quantity: What is measured.
        scores: Score of each source, and ``"mean"``, the mean over sources.
    """

    system: str
    quantity: Quantity
    scores: Mapping[str, Score]


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Everything that a report shows.

    Args:
        sources: The sources, in order.
        tracks: Names of the tracks of which every system has scores.
        systems: Names of the systems, the evaluated ones first, then the references.
        protocols: The protocols that were followed.
        rows: One row for each protocol's quantity and system.
        gains: The evaluated systems' rows minus that of the best-gain mixture, on the same tracks.
        absent: Track and source pairs that are reported but not averaged.
        absent_db: How many dB below the mixture a source counts as absent.
        levels_below: dB of each source below the mixture, by track and source.
        bootstrap: Settings of the intervals.
    """

    sources: tuple[str, ...]
    tracks: tuple[str, ...]
    systems: tuple[str, ...]
    protocols: tuple[Protocol, ...]
    rows: tuple[ScoreRow, ...]
    gains: tuple[ScoreRow, ...]
    absent: frozenset[tuple[str, str]]
    absent_db: float
    levels_below: Mapping[str, Mapping[str, float]]
    bootstrap: BootstrapConfig


def summarise(
    records: Iterable[TrackRecord],
    *,
    sources: Sequence[str],
    systems: Sequence[str],
    references: Sequence[str],
    protocols: Sequence[Protocol],
    tracks: Sequence[str],
    absent_db: float = DEFAULT_ABSENT_DB,
    bootstrap: BootstrapConfig | None = None,
) -> Summary:
    """Aggregate records over the tracks of which every system has one.

    A source that is more than ``absent_db`` below the mixture of a track is hardly there: its score
    says how well silence was met, and would drown the others in the mean. It is reported for the
    track and left out of the average; ``math.inf`` keeps all but silent ones.

    Args:
        records: Scores of tracks; those of unfinished tracks are left out.
        sources: The sources, in the order of the columns.
        systems: The evaluated systems, in the order of the rows.
        references: The references, which follow them.
        protocols: The protocols, in the order of the tables.
        tracks: Names of the tracks, in order.
        absent_db: The threshold in dB.
        bootstrap: Settings of the confidence intervals.

    Raises:
        ValueError: If no track is complete.
    """
    bootstrap = bootstrap or BootstrapConfig()
    by_key = {(record.system, record.track): record for record in records}
    names = (*systems, *references)
    tracks = tuple(track for track in tracks if all((name, track) in by_key for name in names))
    if not tracks:
        raise ValueError("no track is finished for every system; nothing to summarise")
    levels_below = {track: _levels_below(by_key[references[0], track], sources) for track in tracks}
    absent = frozenset(
        (track, source)
        for track in tracks
        for source in sources
        if levels_below[track][source] > absent_db or math.isinf(levels_below[track][source])
    )
    rows, gains = [], []
    for protocol in protocols:
        for quantity in protocol.quantities:
            tables = {
                name: _table(by_key, name, tracks, sources, quantity=quantity, absent=absent)
                for name in names
            }
            for name in names:
                scores = _aggregate(protocol, sources, tables[name], None, bootstrap)
                rows.append(ScoreRow(system=name, quantity=quantity, scores=scores))
            for name in systems:
                scores = _aggregate(protocol, sources, tables[name], tables[BEST_GAIN], bootstrap)
                gains.append(ScoreRow(system=name, quantity=quantity, scores=scores))
    return Summary(
        sources=tuple(sources),
        tracks=tracks,
        systems=names,
        protocols=tuple(protocols),
        rows=tuple(rows),
        gains=tuple(gains),
        absent=absent,
        absent_db=absent_db,
        levels_below=levels_below,
        bootstrap=bootstrap,
    )


def _levels_below(record: TrackRecord, sources: Sequence[str]) -> dict[str, float]:
    """Return how far each source is below the mixture; a silent one infinitely far."""
    levels = record.scores[LEVEL_BELOW]
    found = {source: levels.get(source) for source in sources}
    return {source: math.inf if level is None else level for source, level in found.items()}


def _table(
    by_key: Mapping[tuple[str, str], TrackRecord],
    system: str,
    tracks: Sequence[str],
    sources: Sequence[str],
    *,
    quantity: Quantity,
    absent: frozenset[tuple[str, str]],
) -> np.ndarray:
    """Arrange the scores of a system that count as (K, S), NaN elsewhere."""
    table = np.full((len(tracks), len(sources)), np.nan)
    for row, track in enumerate(tracks):
        values = by_key[system, track].scores.get(quantity.name, {})
        for column, source in enumerate(sources):
            value = values.get(source)
            if value is not None and (track, source) not in absent:
                table[row, column] = value
    return table


def _aggregate(
    protocol: Protocol,
    sources: Sequence[str],
    table: np.ndarray,
    baseline: np.ndarray | None,
    bootstrap: BootstrapConfig,
) -> dict[str, Score]:
    """Aggregate one table (K, S), or its lead over another one on the same tracks."""
    if baseline is not None:
        both = ~np.isnan(table) & ~np.isnan(baseline)
        table, baseline = np.where(both, table, np.nan), np.where(both, baseline, np.nan)

    def statistic(draws: np.ndarray) -> np.ndarray:
        values = over_tracks(table[draws], protocol.track_statistic)  # (R, S)
        if baseline is not None:
            values = values - over_tracks(baseline[draws], protocol.track_statistic)
        return np.concatenate([values, _mean_over_sources(values, estimated)], axis=-1)

    estimated = np.logical_not(np.isnan(table).all(axis=0))
    num_tracks = len(table)
    values = statistic(np.arange(num_tracks)[None])[0]
    low, high = bootstrap_interval(statistic, num_tracks=num_tracks, config=bootstrap)
    counts = [*np.sum(~np.isnan(table), axis=0), np.sum(~np.isnan(table).all(axis=1))]
    return {
        name: Score(
            value=_number(values[index]),
            low=_number(low[index]) if counts[index] > 1 else None,
            high=_number(high[index]) if counts[index] > 1 else None,
            num_tracks=int(counts[index]),
        )
        for index, name in enumerate([*sources, MEAN])
    }


def _mean_over_sources(values: np.ndarray, estimated: np.ndarray) -> np.ndarray:
    """Average (R, S) over the sources that a system estimates; NaN if one of them has no score."""
    if not estimated.any():
        return np.full((len(values), 1), np.nan)
    return values[:, estimated].mean(axis=1, keepdims=True)


def _number(value: float) -> float | None:
    """Return a plain float, None for NaN."""
    return None if math.isnan(value) else float(value)
