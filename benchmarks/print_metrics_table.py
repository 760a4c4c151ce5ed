"""Print README's table of metrics from reports of ``python -m zoo evaluate --out DIR``.

    python -m benchmarks.print_metrics_table DIR [DIR ...] [--protocol mdx] [--manifest]

Reports on other tracks or by other rules do not go into one table. ``--manifest`` prints the entry
for the ``metrics`` of a weights manifest instead.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from zoo.evaluation.references import REFERENCES
from zoo.evaluation.report import format_score, table_of_scores
from zoo.evaluation.summary import MEAN, Score
from zoo.metrics import PROTOCOLS, Protocol
from zoo.weights.entries import Metric

Report = Mapping[str, Any]


def load_report(directory: Path) -> Report:
    """Read the report of an output folder, or of a ``report.json``.

    Raises:
        ValueError: If there is none or it is a partial one.
    """
    path = directory if directory.suffix == ".json" else directory / "report.json"
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"no report in {directory}: {error}; run zoo evaluate --out") from error
    if not report["complete"]:
        raise ValueError(f"{path} is a partial report; resume it by the same zoo evaluate command")
    return report


def metrics_table(reports: Sequence[Report], protocol: Protocol) -> str:
    """Write one Markdown table: a row per system, then the references.

    Raises:
        ValueError: If the reports are not on the same tracks by the same rules.
    """
    quantity = protocol.quantities[0]
    first = reports[0]
    for report in reports:
        _require_comparable(report, first, protocol)
    columns = [*first["sources"], MEAN]
    percent = f"{100 * first['bootstrap']['confidence']:g}%"
    rows: dict[str, list[str]] = {}
    for report in reports:
        scores = report["protocols"][protocol.name]["quantities"][quantity.name]
        for system, row in scores["systems"].items():
            if system in REFERENCES or system in rows:
                continue
            lead = Score(**scores["over_best_gain"][system][MEAN])
            cells = [_cell(row[column]) for column in columns]
            rows[system] = [f"**{system}**", *cells, format_score(lead, signed=True)]
    references = first["protocols"][protocol.name]["quantities"][quantity.name]["systems"]
    for name in REFERENCES:
        cells = [_cell(references[name][column]) for column in columns]
        rows[name] = [f"*{name}*", *cells, ""]
    table = table_of_scores("system", [*columns, "over best gain"], rows.values())
    return (
        f"{protocol.title} in {protocol.unit} on {first['data']} ({first['num_tracks']} tracks, "
        f"{percent} confidence intervals): {protocol.definition}.\n\n{table}"
    )


def manifest_metrics(report: Report, *, command: str) -> str:
    """Write the ``metrics`` of a weights manifest: the main quantity of every protocol.

    Args:
        report: A report of one model.
        command: The command that measured it.
    """
    system = f"{report['model']} ({Path(report['weights']).name})"
    metrics = []
    for name, content in report["protocols"].items():
        systems = content["quantities"][PROTOCOLS[name].quantities[0].name]["systems"]
        beside = {reference: _values(systems[reference]) for reference in REFERENCES}
        metrics.append(
            Metric(
                protocol=name,
                dataset=report["data"],
                sdr=_values(systems[system]),
                measured_by="measured",
                reference=command,
                intervals={
                    column: (round(score["low"], 3), round(score["high"], 3))
                    for column, score in systems[system].items()
                    if score["low"] is not None
                },
                beside={reference: row for reference, row in beside.items() if row},
            )
        )
    plain = [metric.to_dict() for metric in metrics]
    return yaml.safe_dump({"metrics": plain}, sort_keys=False, width=100)


def _values(row: Mapping[str, Any]) -> dict[str, float]:
    return {
        column: round(score["value"], 3)
        for column, score in row.items()
        if score["value"] is not None
    }


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="print README's table of metrics")
    parser.add_argument("reports", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--protocol", default="mdx", choices=PROTOCOLS.names())
    parser.add_argument("--manifest", action="store_true", help="print a manifest's metrics")
    arguments = parser.parse_args()
    try:
        reports = [load_report(path) for path in arguments.reports]
        if arguments.manifest:
            for report in reports:
                command = (
                    f"python -m zoo evaluate --model {report['model']} "
                    f"--weights {report['weights']} --data {report['data']}"
                )
                print(manifest_metrics(report, command=command))
        else:
            print(metrics_table(reports, PROTOCOLS[arguments.protocol]))
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _require_comparable(report: Report, first: Report, protocol: Protocol) -> None:
    """Refuse to put numbers of other tracks, sources or rules into one column."""
    if protocol.name not in report["protocols"]:
        raise ValueError(
            f"the report of {report['model']} has no {protocol.name}; run zoo evaluate again with "
            f"--metrics {','.join([*report['protocols'], protocol.name])}"
        )
    for what in ("sources", "absent_db", "bootstrap"):
        if report[what] != first[what]:
            raise ValueError(
                f"the reports of {first['model']} and {report['model']} differ in {what}: "
                f"{first[what]} and {report[what]}; they need tables of their own"
            )
    if list(report["tracks"]) != list(first["tracks"]) or report["data"] != first["data"]:
        raise ValueError(
            f"the reports of {first['model']} and {report['model']} are on other tracks; they need "
            "tables of their own"
        )


def _cell(score: Mapping[str, Any]) -> str:
    """Write one score of a JSON report."""
    return format_score(Score(**score))


if __name__ == "__main__":
    sys.exit(main())
