"""Conditions that were found for a network: files of a few numbers that ask it for something new.

A condition belongs to the weights that it was found for, whose digest it carries.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import torch

from zoo.errors import WeightsError
from zoo.networks.extending import add_source
from zoo.networks.network import SeparationNetwork
from zoo.records.bounds import Length, Matches
from zoo.records.files import write_whole
from zoo.records.json_text import read_json
from zoo.records.reading import Reader, check_fields, to_plain
from zoo.specs.parts import Name
from zoo.weights.digest import digest_tensors
from zoo.weights.entries import SHA256

__all__ = ["Condition", "ConditionSource", "read_condition"]

MAX_WIDTH = 4096
Vector: TypeAlias = Annotated[tuple[float, ...], Length(1, MAX_WIDTH)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """What asks a network for something that it has no name for.

    Attributes:
        source: What the estimate is called.
        part_of: The source of the network that holds it.
        spec: Name of the network's spec.
        weights_sha256: Digest of the network's tensors.
        vectors: The condition vector of the network, and that of its low band if it has one.
        weights: How much of each source it is, by name, where it was sought among mixtures of
            sources.
        sdr: What was measured when it was found, dB: of the example ``found``, and ``nearest``, the
            best that a single source of the network does.
    """

    source: Name
    part_of: Name
    spec: Name
    weights_sha256: Annotated[str, Matches(SHA256, "64 lower-case hex digits")]
    vectors: Annotated[tuple[Vector, ...], Length(1, 2)]
    weights: Mapping[Name, float] | None = None
    sdr: Mapping[Name, float] | None = None

    def __post_init__(self) -> None:
        """Check the fields."""
        check_fields(self, error=WeightsError)

    def apply(self, network: SeparationNetwork) -> SeparationNetwork:
        """Return a network that can be asked for ``source`` too.

        Raises:
            WeightsError: If the condition was found for other weights.
        """
        if self.weights_sha256 != digest_tensors(network.state_dict()):
            raise WeightsError(
                f"the condition of {self.source!r} was found for other weights than these of "
                f"{network.spec.name} (it says {self.spec}, sha256 {self.weights_sha256[:12]}...); "
                "find it again for these"
            )
        return add_source(
            network,
            self.source,
            part_of=self.part_of,
            vectors=list(map(torch.tensor, self.vectors)),
        )

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it as JSON."""
        plain = to_plain(self, defaults=False)
        write_whole(Path(path), json.dumps(plain, indent=2) + "\n")
        return Path(path)


ConditionSource: TypeAlias = Condition | Mapping[str, Any] | str | os.PathLike[str]


def read_condition(source: ConditionSource) -> Condition:
    """Read a condition from a file or plain data; a condition is returned as it is.

    Raises:
        WeightsError: If it is none; the message names file and key.
        FileNotFoundError: If there is no such file.
    """
    if isinstance(source, Condition):
        return source
    origin = "condition" if isinstance(source, Mapping) else str(source)
    plain = source if isinstance(source, Mapping) else read_json(Path(source), error=WeightsError)
    return Reader(error=WeightsError, origin=origin).record(Condition, plain)
