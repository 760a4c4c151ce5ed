"""Validation while training: the MDX SDR of the beginning of each held-out track.

Shape legend: S sources, C channels, N samples.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor, nn

from zoo.data.decoded import DecodedTrack
from zoo.data.parts import add_parts
from zoo.metrics import DEFAULT_ABSENT_DB, level_below, mdx_sdr
from zoo.overlap_add import Chunking, overlap_add

CONTEXT_SECONDS = 0.75
CHUNK_SECONDS = 6.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackScore:
    """How well one track was separated.

    Args:
        name: The track.
        sdr: SDR of each source that has a file, dB.
        averaged: The sources that count in the means.
        estimates: The estimates (S, C, N), for whoever wants to hear them.
        targets: The true sources (S, C, N).
    """

    name: str
    sdr: dict[str, float]
    averaged: tuple[str, ...]
    estimates: np.ndarray
    targets: np.ndarray


@torch.no_grad()
def validate(
    model: nn.Module,
    tracks: Sequence[DecodedTrack],
    *,
    sources: Sequence[str],
    part_of: Mapping[str, str] = MappingProxyType({}),
    background: Sequence[str] = (),
    sample_rate: int,
    seconds: float,
    separate: Callable[[Tensor], Tensor] | None = None,
) -> Iterator[TrackScore]:
    """Separate the beginning of every track and score it.

    Args:
        model: The network, in eval mode.
        tracks: Held-out tracks.
        sources: Names of the sources in the order of the estimates.
        part_of: By source, the source that holds it (:class:`zoo.Spec`).
        background: Sources that are in the mixture and not estimated.
        sample_rate: Hz.
        seconds: How much of each track, s; 0 means all.
        separate: What maps chunks (K, C, L) to estimates (K, S, C, L); the model itself if None.
    """
    process = separate or model
    device = next(model.parameters()).device
    chunking = Chunking(
        chunk_length=int(CHUNK_SECONDS * sample_rate), context=int(CONTEXT_SECONDS * sample_rate)
    )
    for track in tracks:
        length = min(track.num_samples, int(seconds * sample_rate) or track.num_samples)
        everything = track.read([*sources, *background], 0, length)
        mixture = everything.sum(axis=0)  # (C, N)
        targets = everything[: len(sources)]  # (S, C, N)
        targets = add_parts(targets, sources=sources, part_of=part_of)
        estimates = overlap_add(
            lambda chunks: process(chunks.to(device)).float().cpu(),
            torch.from_numpy(mixture)[None],
            chunking=chunking,
        )[0].numpy()
        present = [source for source in sources if source in track.files]
        places = {source: place for place, source in enumerate(sources)}
        yield TrackScore(
            name=track.name,
            sdr={
                source: mdx_sdr(targets[places[source]], estimates[places[source]])
                for source in present
            },
            averaged=tuple(
                source
                for source in present
                if level_below(targets[places[source]], mixture) <= DEFAULT_ABSENT_DB
            ),
            estimates=estimates,
            targets=targets,
        )


def mean_scores(scores: Sequence[TrackScore], *, sources: Sequence[str]) -> dict[str, float]:
    """Average the SDR of each source over the tracks in which it counts, and over the sources.

    Returns:
        Source to mean SDR in dB, and ``mean``; a source that counts nowhere is left out.
    """
    means = {}
    for source in sources:
        values = [score.sdr[source] for score in scores if source in score.averaged]
        if values:
            means[source] = float(np.mean(values))
    means["mean"] = float(np.mean(list(means.values()))) if means else float("nan")
    return means


def round_scores(values: Mapping[str, float]) -> dict[str, float]:
    """Round scores in dB to what a record keeps."""
    return {name: round(value, 3) for name, value in values.items()}
