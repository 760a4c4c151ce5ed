"""What a reduced precision costs: SDR, size and speed beside those of float32.

S: sources
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from zoo.evaluation.scoring import LEVEL_BELOW, score_track
from zoo.evaluation.tracks import EvaluationTrack
from zoo.graphs.exported import ExportedNetwork
from zoo.metrics import DEFAULT_ABSENT_DB
from zoo.metrics.mdx import MDX
from zoo.separation.backends.onnxruntime import load_exported
from zoo.separation.separator import Separator

__all__ = ["PrecisionCost", "mean_sdr", "measure_cost"]

ROUNDS = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class PrecisionCost:
    """Two precisions of a network on the same tracks.

    Attributes:
        precision: The reduced one.
        sdr_exact: Mean MDX SDR of float32 over sources and tracks, dB; absent sources count not.
        sdr_reduced: The same of the reduced precision.
        bytes_exact: Size of the graphs in float32.
        bytes_reduced: Size of the reduced graphs.
        times_as_fast: How many times as fast the reduced one was, the median over chunks that
            took turns.
        num_tracks: Number of tracks.
    """

    precision: str
    sdr_exact: float
    sdr_reduced: float
    bytes_exact: int
    bytes_reduced: int
    times_as_fast: float
    num_tracks: int

    @property
    def sdr_cost(self) -> float:
        """What the precision costs, in dB."""
        return self.sdr_exact - self.sdr_reduced

    def __str__(self) -> str:
        """Say it in a line."""
        return (
            f"{self.precision}: {self.bytes_reduced / 1e6:.2f} MB instead of "
            f"{self.bytes_exact / 1e6:.2f}; mean SDR {self.sdr_reduced:.3f} dB instead of "
            f"{self.sdr_exact:.3f} ({self.num_tracks} track(s), one pitch), which costs "
            f"{self.sdr_cost:.3f} dB; {self.times_as_fast:.2f} times as fast through ONNX Runtime"
        )


def measure_cost(
    exact: ExportedNetwork,
    reduced: ExportedNetwork,
    tracks: Sequence[EvaluationTrack],
    *,
    report: Callable[[str], None] = lambda line: None,
) -> PrecisionCost:
    """Separate tracks through ONNX Runtime in both precisions, and compare.

    Args:
        exact: In float32.
        reduced: The same network in fewer bits.
        tracks: Songs with their true sources.
        report: Called with a line of text before every track.

    Raises:
        ValueError: No track has a source that counts.
    """
    separators = [
        Separator(network.folder, device="cpu", backend="onnxruntime", pitches=1)
        for network in (exact, reduced)
    ]
    sdr_exact, sdr_reduced = (
        mean_sdr(separator, tracks, report=report) for separator in separators
    )
    return PrecisionCost(
        precision=reduced.record.precision,
        sdr_exact=sdr_exact,
        sdr_reduced=sdr_reduced,
        bytes_exact=_num_bytes(exact),
        bytes_reduced=_num_bytes(reduced),
        times_as_fast=_compare_speed(exact, reduced),
        num_tracks=len(tracks),
    )


def mean_sdr(
    separator: Separator,
    tracks: Sequence[EvaluationTrack],
    *,
    report: Callable[[str], None] = lambda line: None,
) -> float:
    """Return the mean MDX SDR over the sources of all tracks that are not absent, in dB.

    Args:
        separator: What separates.
        tracks: Songs with their true sources.
        report: Called with a line of text before every track.

    Raises:
        ValueError: No track has a source that counts.
    """
    scores: list[float] = []
    for track in tracks:
        report(f"separating {track.name}")
        scores.extend(_score(separator, track))
    if np.isnan(scores).all():
        raise ValueError(f"none of {len(tracks)} track(s) has a source to measure the cost on")
    return float(np.nanmean(scores))


def _score(separator: Separator, track: EvaluationTrack) -> list[float]:
    """Return the SDR of every source, NaN for absent ones."""
    audio = track.load()
    scores = score_track(
        audio.targets,
        separator((audio.mixture, audio.sample_rate)).stems,
        mixture=audio.mixture,
        sample_rate=audio.sample_rate,
        protocols=[MDX],
    )
    below, sdr = scores[LEVEL_BELOW], scores[MDX.quantities[0].name]
    return [
        sdr[name] if below[name] <= DEFAULT_ABSENT_DB else float("nan")
        for name in separator.sources
    ]


def _compare_speed(exact: ExportedNetwork, reduced: ExportedNetwork) -> float:
    networks = [load_exported(network) for network in (exact, reduced)]
    spec = exact.spec
    generator = torch.Generator().manual_seed(0)
    chunk = 0.1 * torch.randn(1, spec.channels, spec.chunk_samples, generator=generator)
    seconds = np.zeros((ROUNDS + 1, 2))
    with torch.inference_mode():
        for row in seconds:
            for column, network in enumerate(networks):
                started = time.perf_counter()
                network(chunk)
                row[column] = time.perf_counter() - started
    warm = seconds[1:]  # the first round allocates
    return float(np.median(warm[:, 0] / warm[:, 1]))


def _num_bytes(network: ExportedNetwork) -> int:
    graphs = [graph for part in network.record.parts for graph in part.graphs.values()]
    return sum(graph.num_bytes for graph in graphs)
