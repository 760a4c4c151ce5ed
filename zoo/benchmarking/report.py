"""The benchmark's table and its record."""

from collections.abc import Mapping, Sequence
from typing import Any

import zoo
from zoo.benchmarking.cases import BASELINE, PEER
from zoo.benchmarking.measuring import Measurement
from zoo.records.machine import describe_machine
from zoo.records.tables import markdown_table

__all__ = ["format_table", "to_record"]

HEADER = (
    "case",
    "sources",
    "backend",
    "precision",
    "s/s audio",
    "first output",
    "load + first use",
    "x published",
    "x hdemucs",
)


def format_table(measurements: Sequence[Measurement]) -> str:
    """Return the measurements as a Markdown table."""
    rows = []
    for measurement in measurements:
        case = measurement.case
        speedups = _speedups(measurement, measurements)
        rows.append(
            (
                case.name,
                str(case.num_sources),
                case.backend,
                case.precision,
                f"{measurement.real_time_factor:.3f}",
                f"{min(measurement.first_output_seconds):.2f} s",
                f"{case.load_seconds + measurement.first_use_seconds:.1f} s",
                *(f"{speedups[name]:.1f}" if name in speedups else "" for name in (BASELINE, PEER)),
            )
        )
    return markdown_table(HEADER, rows)


def to_record(
    measurements: Sequence[Measurement], *, model: str, memory: Mapping[str, int]
) -> dict[str, Any]:
    """Return everything measured as plain data for JSON.

    Args:
        measurements: Of one interleaved run.
        model: Name of the spec.
        memory: Peak resident memory in bytes by what was separated.
    """
    return {
        "model": model,
        "machine": describe_machine(),
        "zoo": zoo.__version__,
        "audio_seconds": measurements[0].audio_seconds,
        "cases": [
            {
                "name": measurement.case.name,
                "num_sources": measurement.case.num_sources,
                "backend": measurement.case.backend,
                "precision": measurement.case.precision,
                "load_seconds": measurement.case.load_seconds,
                "first_use_seconds": measurement.first_use_seconds,
                "run_seconds": measurement.run_seconds,
                "first_output_seconds": measurement.first_output_seconds,
                "real_time_factor": measurement.real_time_factor,
                "times_as_fast_as": _speedups(measurement, measurements),
            }
            for measurement in measurements
        ],
        "peak_memory_bytes": dict(memory),
    }


def _speedups(measurement: Measurement, others: Sequence[Measurement]) -> dict[str, float]:
    """Return how many times as fast as the reference cases one was."""
    references = {other.case.name: other for other in others}
    return {
        name: measurement.times_as_fast_as(references[name])
        for name in (BASELINE, PEER)
        if name in references
    }
