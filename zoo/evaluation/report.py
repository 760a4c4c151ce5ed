"""Showing a summary: Markdown for people, JSON for programs."""

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from zoo.evaluation.published import PublishedTable
from zoo.evaluation.records import TrackRecord
from zoo.evaluation.references import BEST_GAIN, REFERENCES
from zoo.evaluation.summary import MEAN, Score, ScoreRow, Summary
from zoo.metrics import Protocol, Quantity
from zoo.records.tables import markdown_table

FORMAT_VERSION = 2
NOT_DEFINED = "-"


def markdown_report(
    summary: Summary, records: Iterable[TrackRecord], *, title: str, num_tracks_asked: int
) -> str:
    """Write the report that ``report.md`` holds.

    One table per protocol, and below it the tracks one by one.

    Args:
        summary: The aggregated scores.
        records: The scores of the tracks.
        title: The heading.
        num_tracks_asked: Of how many tracks; fewer finished ones make the report a partial one.
    """
    lines = [f"# {title}", ""]
    if len(summary.tracks) < num_tracks_asked:
        lines += [
            f"**Partial: {len(summary.tracks)} of {num_tracks_asked} tracks are finished.**",
            "",
        ]
    for protocol in summary.protocols:
        lines += [protocol_table(summary, protocol), ""]
    lines += [*_footnotes(summary), "", "## Tracks", ""]
    by_key = {(record.system, record.track): record for record in records}
    evaluated = [name for name in summary.systems if name not in REFERENCES]
    for protocol in summary.protocols:
        for name in evaluated or [BEST_GAIN]:
            lines += [_track_table(summary, protocol, name, by_key), ""]
    return "\n".join(lines).rstrip() + "\n"


def protocol_table(summary: Summary, protocol: Protocol) -> str:
    """Write the table of one protocol's main quantity: a row per system, a column per source."""
    quantity = protocol.quantities[0]
    rows = [row for row in summary.rows if row.quantity == quantity]
    gains = [row for row in summary.gains if row.quantity == quantity]
    columns = [*summary.sources, MEAN]
    cells = []
    for row in rows:
        scores = [format_score(row.scores[column]) for column in columns]
        cells.append([_in_italics(row.system), *scores])
        for gain in gains:
            if gain.system == row.system:
                leads = [format_score(gain.scores[column], signed=True) for column in columns]
                cells.append([f"... over the {BEST_GAIN}", *leads])
    table = table_of_scores("system", columns, cells)
    how = f"In {protocol.unit}, higher is better: {protocol.definition}."
    return f"## {protocol.title}\n\n{how}\n\n{table}"


def table_of_scores(first: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a Markdown table of names, whose column is headed ``first``, and numbers."""
    align = ("left", *["right"] * len(columns))
    return markdown_table((first, *columns), rows, align=align)


def published_report(tables: Sequence[PublishedTable]) -> str:
    """Write published scores under headings of their own."""
    lines = ["# Published by others", "", "Not measured here, on other data; not to be compared."]
    for table in tables:
        columns = list(next(iter(table.rows.values())))
        lines += ["", f"## {table.title}", "", f"{table.protocol}. Source: {table.reference}.", ""]
        rows = [
            [system, *(f"{scores[column]:.{table.num_digits}f}" for column in columns)]
            for system, scores in table.rows.items()
        ]
        lines.append(table_of_scores("system", columns, rows))
    return "\n".join(lines) + "\n"


def json_report(
    summary: Summary,
    records: Iterable[TrackRecord],
    *,
    num_tracks_asked: int,
    facts: Mapping[str, Any],
) -> str:
    """Write the report that ``report.json`` holds; not defined is null.

    Args:
        summary: The aggregated scores.
        records: The scores of the tracks.
        num_tracks_asked: Of how many tracks.
        facts: What was evaluated: model, weights, data, versions.
    """
    by_key = {(record.system, record.track): record for record in records}
    content = {
        "format": FORMAT_VERSION,
        **facts,
        "complete": len(summary.tracks) == num_tracks_asked,
        "num_tracks": len(summary.tracks),
        "num_tracks_asked": num_tracks_asked,
        "sources": summary.sources,
        "absent_db": summary.absent_db if math.isfinite(summary.absent_db) else None,
        "bootstrap": dataclasses.asdict(summary.bootstrap),
        "protocols": {
            protocol.name: {
                "definition": protocol.definition,
                "version": protocol.version,
                "quantities": {
                    quantity.name: _json_quantity(summary, quantity)
                    for quantity in protocol.quantities
                },
            }
            for protocol in summary.protocols
        },
        "tracks": {track: _json_track(summary, track, by_key) for track in summary.tracks},
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def format_score(score: Score, *, signed: bool = False) -> str:
    """Write a score as ``5.31 [4.20, 6.10]``; a dash where it is not defined.

    Example:
        >>> format_score(Score(value=5.312, low=4.2, high=6.1, num_tracks=4))
        '5.31 [4.20, 6.10]'
    """
    if score.value is None:
        return NOT_DEFINED
    value = f"{score.value:+.2f}" if signed else f"{score.value:.2f}"
    if score.low is None or score.high is None:
        return value
    return f"{value} [{score.low:.2f}, {score.high:.2f}]"


def _track_table(
    summary: Summary,
    protocol: Protocol,
    system: str,
    by_key: Mapping[tuple[str, str], TrackRecord],
) -> str:
    """Write the table of one system's tracks; what is not averaged stands in parentheses."""
    quantity = protocol.quantities[0]
    rows = []
    for track in summary.tracks:
        values = by_key[system, track].scores.get(quantity.name, {})
        cells = []
        for source in summary.sources:
            value = values.get(source)
            text = NOT_DEFINED if value is None else f"{value:.2f}"
            cells.append(f"({text})" if (track, source) in summary.absent else text)
        rows.append([track, *cells])
    table = table_of_scores("track", summary.sources, rows)
    return f"### {system}, {protocol.title}\n\n{table}"


def _footnotes(summary: Summary) -> list[str]:
    """Say how the numbers are to be read."""
    percent = f"{100 * summary.bootstrap.confidence:g}"
    notes = [
        f"Brackets: {percent}% bootstrap confidence interval over {len(summary.tracks)} tracks "
        f"({summary.bootstrap.num_resamples} resamples, seed {summary.bootstrap.seed}); with few "
        "tracks it is only a hint.",
    ]
    if math.isfinite(summary.absent_db):
        notes.append(
            f"A source more than {summary.absent_db:g} dB below the mixture of a track is reported "
            "there in parentheses and not averaged."
        )
    if summary.absent:
        listed = ", ".join(f"{source} of {track}" for track, source in sorted(summary.absent))
        notes.append(f"Not averaged: {listed}.")
    described = "; ".join(f"{name}: {what}" for name, what in REFERENCES.items())
    notes.append(f"References: {described}.")
    return [f"- {note}" for note in notes]


def _json_quantity(summary: Summary, quantity: Quantity) -> dict[str, Any]:
    """Return the scores of every system by one quantity."""

    def plain(rows: Sequence[ScoreRow]) -> dict[str, Any]:
        return {
            row.system: {name: dataclasses.asdict(score) for name, score in row.scores.items()}
            for row in rows
            if row.quantity == quantity
        }

    return {"systems": plain(summary.rows), "over_best_gain": plain(summary.gains)}


def _json_track(
    summary: Summary, track: str, by_key: Mapping[tuple[str, str], TrackRecord]
) -> dict[str, Any]:
    """Return everything known of one track."""
    levels = summary.levels_below[track]
    return {
        "level_below_mixture_db": {
            source: level if math.isfinite(level) else None for source, level in levels.items()
        },
        "not_averaged": [source for source in summary.sources if (track, source) in summary.absent],
        "systems": {
            system: {
                "separation_seconds": by_key[system, track].separation_seconds,
                "scores": by_key[system, track].scores,
            }
            for system in summary.systems
        },
    }


def _in_italics(system: str) -> str:
    """Set references apart from systems."""
    return f"*{system}*" if system in REFERENCES else system
