"""Metrics of separation: pure functions of arrays, which know no model and no file.

Each file holds one metric: its functions and the ``Protocol`` that it registers in ``PROTOCOLS``.
Everything else (the command line, reports, manifests, cards, tables) reads it from there, so a new
metric is one file and its line below, or a ``PROTOCOLS.add`` in a package of its own.
"""

from zoo.metrics.bsseval import BSSEVAL, BssEvalWindows, bss_eval_v4, median_over_windows
from zoo.metrics.mdx import MDX, mdx_sdr
from zoo.metrics.protocol import PROTOCOLS, Protocol, Quantity, Scores, parse_protocols
from zoo.metrics.si_sdr import SI, si_sdr
from zoo.metrics.signals import DEFAULT_ABSENT_DB, level_below

__all__ = [
    "BSSEVAL",
    "DEFAULT_ABSENT_DB",
    "MDX",
    "PROTOCOLS",
    "SI",
    "BssEvalWindows",
    "Protocol",
    "Quantity",
    "Scores",
    "bss_eval_v4",
    "level_below",
    "mdx_sdr",
    "median_over_windows",
    "parse_protocols",
    "si_sdr",
]
