"""One more source for a conditioned network: a row of the embedding, and nothing else changes.

E: width of the embedding
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from zoo.errors import UnknownNameError
from zoo.networks.builder import build_network, load_into
from zoo.networks.network import SeparationNetwork
from zoo.specs.spec import Spec

__all__ = ["CATCH_ALL", "add_source", "embedding_keys", "extend_spec"]

CATCH_ALL = "other"


def _default_whole(spec: Spec) -> str:
    """Return the source that a new one is a part of unless somebody says otherwise: ``other``.

    Raises:
        ValueError: If the network has no such source.
    """
    if CATCH_ALL in spec.whole_sources:
        return CATCH_ALL
    raise ValueError(
        f"{spec.name} has no source 'other' that a new one could be a part of; say which of "
        f"{', '.join(spec.whole_sources)} holds it"
    )


def extend_spec(spec: Spec, source: str, *, part_of: str | None = None) -> Spec:
    """Return the spec of a network with one source more, which one of its sources holds.

    Args:
        spec: The network's.
        source: Name of the new source.
        part_of: The source that it is heard in now, ``other`` by default.

    Raises:
        ValueError: If the network is not conditioned, has the source already, or ``part_of`` is not
            one of its sources.
        SpecError: If the name is none.
    """
    if spec.condition is None:
        raise ValueError(
            f"{spec.name} has no condition, so it cannot be asked for another source; extend a "
            "conditioned network"
        )
    if source in spec.sources:
        raise ValueError(f"{spec.name} has a source {source!r} already; choose another name")
    whole = _default_whole(spec) if part_of is None else part_of
    if whole not in spec.whole_sources:
        raise UnknownNameError(f"source of {spec.name}", whole, list(spec.whole_sources))
    return replace(
        spec,
        name=f"{spec.name[: 63 - len(source)]}_{source}",
        title=f"{spec.title or spec.name} with {source.replace('_', ' ')}"[:200],
        sources=(*spec.sources, source),
        part_of={**spec.part_of, source: whole},
        file=None,
    )


def embedding_keys(network: SeparationNetwork) -> list[str]:
    """Return the keys of the embeddings in its state dict: its own, and that of its low band."""
    names = ("embedding.weight", "low_band.embedding.weight")
    return list(names[: len(network.parts)])


def add_source(
    network: SeparationNetwork,
    source: str,
    *,
    part_of: str | None = None,
    vectors: Sequence[Tensor] | None = None,
) -> SeparationNetwork:
    """Build a network that can be asked for one source more.

    Its other outputs are those of the network, to the last bit.

    Args:
        network: What is extended; it stays as it is.
        source: Name of the new source.
        part_of: The source that it is heard in now, ``other`` by default.
        vectors: The condition vector (E,) of the new source for each of ``network.parts``; by
            default that of ``part_of``, so that the new source begins as the one that holds it.

    Returns:
        The network, in eval mode, without a record of its weights.

    Raises:
        ValueError: As for :func:`extend_spec`, or if vectors have another width.
    """
    spec = extend_spec(network.spec, source, part_of=part_of)
    whole = network.sources.index(spec.part_of[source])
    state: Mapping[str, Tensor] = network.state_dict()
    rows = {}
    for place, key in enumerate(embedding_keys(network)):
        known = state[key]  # (S, E)
        row = known[whole] if vectors is None else vectors[place].to(known)
        if row.shape != known[whole].shape:
            raise ValueError(
                f"a condition vector of {network.spec.name} has {known.shape[1]} numbers, got "
                f"{tuple(row.shape)}"
            )
        rows[key] = torch.cat((known, row[None]))
    return load_into(build_network(spec), {**state, **rows})
