"""How fast and how large separation is, next to its own plain form and to other programs."""

from zoo.benchmarking.cases import Case, build_cases
from zoo.benchmarking.measuring import Measurement, make_song, time_interleaved
from zoo.benchmarking.memory import measure_peak_memory
from zoo.benchmarking.report import format_table, to_record

__all__ = [
    "Case",
    "Measurement",
    "build_cases",
    "format_table",
    "make_song",
    "measure_peak_memory",
    "time_interleaved",
    "to_record",
]
