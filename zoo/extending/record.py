"""What goes along with a network that learnt a new source: terms, credits and results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from zoo.data import DecodedTrack
from zoo.data.parts import add_parts
from zoo.evaluation.references import BEST_GAIN, best_gain
from zoo.metrics import DEFAULT_ABSENT_DB, MDX, level_below, mdx_sdr
from zoo.networks.network import SeparationNetwork
from zoo.records.reading import MAX_TEXT
from zoo.training.initial_weights import derive_entry
from zoo.weights.entries import Metric, WeightsEntry

__all__ = ["ExtensionScores", "describe_extension", "score_extension"]

TAG = "extended"
UNKNOWN_LICENCE = "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class ExtensionScores:
    """MDX SDR on the held-out mixtures, dB.

    Attributes:
        after: By source: the new one, and those of the old ones that sound there.
        before: By source, of the network that was extended; for the new source, of its estimate of
            the source that holds it.
        best_gain: By source, of the mixture times the gain that fits best.
    """

    after: Mapping[str, float]
    before: Mapping[str, float]
    best_gain: Mapping[str, float]

    def cost(self, source: str) -> float:
        """Return by how much the mean over the old sources fell, dB; 0 where none can be scored."""
        falls = [self.before[name] - self.after[name] for name in self.after if name != source]
        return float(np.mean(falls)) if falls else 0.0


def score_extension(
    network: SeparationNetwork,
    base: SeparationNetwork,
    source: str,
    tracks: Sequence[DecodedTrack],
    *,
    background: Sequence[str] = (),
) -> ExtensionScores:
    """Score a network with a new source, and the one that was extended, on held-out mixtures.

    Old sources are scored where a mixture has all their files, apart.

    Args:
        network: With the new source, in eval mode.
        base: Without.
        source: Its name.
        tracks: The mixtures, at the networks' rate, of a length that is separated at once.
        background: Names of what sounds in them that is no source of the network.
    """
    names, part_of = network.sources, network.spec.part_of
    rows: dict[str, list[list[float]]] = {}
    for track in tracks:
        everything = track.read([*names, *background], 0, track.num_samples)  # (S + ..., C, N)
        mixture = everything.sum(axis=0)
        targets = add_parts(everything[: len(names)], sources=names, part_of=part_of)
        after, before = (_separate(each, mixture) for each in (network, base))
        before[source] = before[part_of[source]]
        is_apart = not set(background) & track.files.keys()
        for name, target in zip(names, targets, strict=True):
            is_heard = level_below(target, mixture) <= DEFAULT_ABSENT_DB
            if is_heard and (is_apart or name == source):
                scaled = best_gain(mixture, target) * mixture
                estimates = (after[name], before[name], scaled)
                rows.setdefault(name, []).append([mdx_sdr(target, each) for each in estimates])
    means = {name: np.mean(scores, axis=0).tolist() for name, scores in rows.items()}
    return ExtensionScores(
        **{
            kind: {name: values[place] for name, values in means.items()}
            for place, kind in enumerate(("after", "before", "best_gain"))
        }
    )


def describe_extension(
    network: SeparationNetwork,
    base: WeightsEntry | None,
    source: str,
    scores: ExtensionScores,
    *,
    method: str,
    minutes: float,
    num_mixtures: int,
    licence: str | None,
    training_data: str,
    credits_: Sequence[str] = (),
) -> WeightsEntry:
    """Return the record of an extended network.

    Args:
        network: The network with the new source.
        base: Record of the network that was extended, where it has one.
        source: The new source.
        scores: What was measured.
        method: How it learnt.
        minutes: Of examples.
        num_mixtures: How many held-out mixtures were scored.
        licence: SPDX identifier of the examples' licence; None where nobody said.
        training_data: What the examples are.
        credits_: Lines to pass on with the examples.
    """
    spec, whole = network.spec, network.spec.part_of[source]
    known = None if base is None else derive_entry(base, spec)
    licences = [known.licence if known else UNKNOWN_LICENCE, licence or UNKNOWN_LICENCE]
    kept = (
        "the other sources are those of the base to the last bit"
        if method == "row"
        else f"the other sources lost {scores.cost(source):.2f} dB there"
    )
    data = f"{minutes:.1f} minutes of {source}: {training_data or 'not stated'}"
    metric = Metric(
        protocol=MDX.name,
        dataset=f"{num_mixtures} held-out mixtures of up to 20 s, made with the weights",
        sdr=_rounded(scores.after),
        measured_by="measured",
        reference="python -m zoo extend",
        beside={
            BEST_GAIN: _rounded(scores.best_gain),
            f"before, {source} taken from {whole}"[:64]: _rounded(scores.before),
        },
    )
    return WeightsEntry(
        spec=spec.name,
        tag=TAG,
        licence=" AND ".join(dict.fromkeys(licences)),
        training_data=f"{data}. {known.training_data if known else 'Base not stated.'}"[:MAX_TEXT],
        training={"method": method, "base": base.reference if base else "no record"},
        credits=tuple(dict.fromkeys((*(known.credits if known else ()), *credits_))),
        metrics=(metric,),
        pitches=base.pitches if base else 1,
        notes=f"{source} is a part of {whole}; {kept}." + (f" {known.notes}" if known else ""),
    )


@torch.inference_mode()
def _separate(network: SeparationNetwork, mixture: np.ndarray) -> dict[str, np.ndarray]:
    """Separate a mixture (C, N) into all sources, one by one, which takes less memory."""
    features = torch.from_numpy(mixture)[None]
    return {name: network(features, sources=[name])[0, 0].numpy() for name in network.sources}


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 2) for name, value in values.items()}
