"""Finding the condition that keeps some sounds and removes others, without any training data.

Shape legend: C channels, N samples, S sources, Q conditions, E width of the embedding.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from zoo.errors import ExamplesError
from zoo.extending.example_mixer import SILENT, ExampleMixer, ExampleSounds, read_examples
from zoo.metrics import mdx_sdr
from zoo.networks.extending import CATCH_ALL, add_source, embedding_keys
from zoo.networks.network import SeparationNetwork
from zoo.weights.conditions import Condition
from zoo.weights.digest import digest_tensors
from zoo.weights.resolving import resolve_model

__all__ = ["find_condition"]

STEPS = 80
RATES = {"vector": 0.05, "weights": 0.1}
CHECK_EVERY = 10


def find_condition(
    network: SeparationNetwork | str,
    keep: ExampleSounds,
    remove: "ExampleSounds | None" = None,
    *,
    source: str = "target",
    part_of: str | None = None,
    kind: Literal["vector", "weights"] = "vector",
    steps: int = STEPS,
    seed: int = 0,
    progress: Callable[[float], object] = lambda fraction: None,
) -> Condition:
    """Find the condition by which a network best keeps some sounds and removes others.

    Chunks of the examples are mixed at random levels, and the condition follows the gradient of the
    error of the estimate, all else being frozen. It begins as the source of the network that comes
    nearest, and the best that was seen on fixed mixtures is returned.

    Args:
        network: A conditioned network with its weights, or anything :func:`zoo.build` takes.
        keep: Solo examples of what is wanted: a path, an open file, ``(array, sample_rate)``, or
            a list of them. Two minutes of each are read.
        remove: Examples of what is not. Without any the condition learns to keep, and nothing tells
            it what else there is in a song: give some.
        source: What the estimate shall be called.
        part_of: The source that holds it, by default ``other``, or the last that is no part.
        kind: ``vector`` seeks any condition vector (E numbers), ``weights`` a mixture of the
            network's sources (S numbers from 0 to 1).
        steps: Steps of the search.
        seed: Of the mixtures.
        progress: Called with the fraction done.

    Raises:
        ExamplesError: If examples are silent, or shorter than 1 s in all.
        ValueError: If the network is not conditioned or ``source`` is no new name.
        AudioError: If an example cannot be read.
    """
    built = resolve_model(network, weights="default").network
    wholes = built.spec.whole_sources
    whole = part_of or (CATCH_ALL if CATCH_ALL in wholes else wholes[-1])
    wanted = read_examples(keep, built.spec, role="keep")
    unwanted = read_examples([] if remove is None else remove, built.spec, role="remove")
    if wanted is None:
        raise ExamplesError("keep: no example; give at least one")
    search = _Search(built, source, whole, kind)
    mixer = ExampleMixer(wanted, unwanted, num_samples=built.spec.chunk_samples, seed=seed)
    nearest = search.begin_nearest(mixer.checks)
    best, found = nearest, search.state()
    optimizer = torch.optim.Adam(search.sought, lr=RATES[kind])
    for step in range(steps):
        mixture, target = mixer.draw()
        loss = _error(search.estimate(mixture), target, mixture)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        search.bound()
        if (step + 1) % CHECK_EVERY == 0 or step + 1 == steps:
            score = search.score(mixer.checks)
            if score > best:
                best, found = score, search.state()
        progress((step + 1) / steps)
    return Condition(
        source=source,
        part_of=whole,
        spec=built.spec.name,
        weights_sha256=digest_tensors(built.state_dict()),
        **search.describe(found),
        sdr={"found": round(best, 2), "nearest": round(nearest, 2)},
    )


class _Search:
    """A condition that is sought, and what it makes of a mixture.

    Args:
        network: The network; it stays as it is.
        source: What the estimate is called.
        whole: The source that holds it.
        kind: What is sought: the condition vector, or the weights of the sources.

    Attributes:
        sought: What follows the gradient: a condition vector (E,) for each part of the network, or
            the weights (S,).
    """

    def __init__(self, network: SeparationNetwork, source: str, whole: str, kind: str) -> None:
        # With a source of its own, so that the vector is asked for as any other.
        self._network = add_source(network, source, part_of=whole)
        self._device = next(network.parameters()).device
        self._network.requires_grad_(requires_grad=False).to(self._device)
        self._sources, self._source, self._kind = network.sources, source, kind
        state = self._network.state_dict()
        tables = [state[key][:-1] for key in embedding_keys(self._network)]  # (S, E)
        self._tables = tables
        widths = [table.shape[1] for table in tables] if kind == "vector" else [len(tables[0])]
        self.sought = [
            torch.zeros(width, requires_grad=True, device=self._device) for width in widths
        ]

    def begin_nearest(self, checks: Sequence[tuple[Tensor, Tensor]]) -> float:
        """Begin as the source of the network that scores best; return its score."""
        scores = []
        for place in range(len(self._sources)):
            self._begin(place)
            scores.append(self.score(checks))
        self._begin(int(np.argmax(scores)))
        return max(scores)

    @torch.no_grad()
    def _begin(self, place: int) -> None:
        if self._kind == "weights":
            self.sought[0].copy_(torch.eye(len(self._sources))[place])
        else:
            for vector, table in zip(self.sought, self._tables, strict=True):
                vector.copy_(table[place])

    def estimate(self, mixture: Tensor) -> Tensor:
        """Estimate what is wanted: (1, C, N) -> (1, C, N)."""
        rows = [torch.cat((table, vector[None])) for table, vector in self._pairs()]
        keys = embedding_keys(self._network)
        made = functional_call(
            self._network,
            dict(zip(keys, rows, strict=True)),
            (mixture.to(self._device),),
            {"sources": [self._source]},
        )
        return made[:, 0]

    @torch.no_grad()
    def bound(self) -> None:
        """Keep weights between 0 and 1."""
        if self._kind == "weights":
            self.sought[0].clamp_(0, 1)

    @torch.no_grad()
    def score(self, checks: Sequence[tuple[Tensor, Tensor]]) -> float:
        """Return the mean SDR over mixtures with what of them is wanted, dB."""
        return float(
            np.mean(
                [
                    mdx_sdr(target[0].numpy(), self.estimate(mixture)[0].cpu().numpy())
                    for mixture, target in checks
                ]
            )
        )

    def state(self) -> list[Tensor]:
        """Return what is sought as it is now."""
        return [each.detach().clone() for each in self.sought]

    def describe(self, state: Sequence[Tensor]) -> dict[str, Any]:
        """Return vectors, and weights if those were sought, as a condition has them."""
        with torch.no_grad():
            for own, found in zip(self.sought, state, strict=True):
                own.copy_(found)
            vectors = tuple(tuple(vector.tolist()) for _, vector in self._pairs())
        if self._kind == "vector":
            return {"vectors": vectors}
        weights = self.sought[0].tolist()
        return {"vectors": vectors, "weights": dict(zip(self._sources, weights, strict=True))}

    def _pairs(self) -> list[tuple[Tensor, Tensor]]:
        """Return every part's embedding (S, E) with the vector (E,) that is sought for it."""
        if self._kind == "vector":
            return list(zip(self._tables, self.sought, strict=True))
        return [(table, self.sought[0] @ table) for table in self._tables]


def _error(estimate: Tensor, target: Tensor, mixture: Tensor) -> Tensor:
    """Return the RMS error over the mixture's RMS, which rewards what SDR rewards."""
    level = mixture.square().mean().clamp(min=SILENT**2).to(estimate.device)
    return ((estimate - target.to(estimate.device)).square().mean() / level + 1e-8).sqrt()
