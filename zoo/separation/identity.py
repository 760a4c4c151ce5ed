"""What decides the samples of a separation, beside the song and the stems asked for."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from zoo.records.files import digest_of
from zoo.specs.spec import Spec

__all__ = ["NUMBERS_SINCE", "SeparationIdentity", "network_digest"]

LABELS = ("name", "title", "paper")  # keys of a spec that no sample depends on

# Version of the package from which on its arithmetic gives the samples that it gives now. Raise it
# with every change of the engine or the blocks that changes samples by more than rounding.
NUMBERS_SINCE = "0.2.0"


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparationIdentity:
    """Equal identities separate a song into equal stems; records compare them.

    Attributes:
        spec_sha256: :func:`network_digest` of the spec.
        weights_sha256: Digest of the tensors, whatever file or tag they came from.
        backend: Name of the backend.
        backend_version: Version of the library behind it.
        precision: Data type of the computation.
        device: Kind of the device.
        chunk_length: Samples of a chunk at the network's rate, context included.
        context: Samples at each end of a chunk that are not heard.
        crossfade: Samples over which chunks are blended.
        pitches: At how many pitches each chunk is separated.
        mixture_consistency: Whether a full separation sums to the mixture.
        numbers_since: :data:`NUMBERS_SINCE` of the package that computes.
    """

    spec_sha256: str
    weights_sha256: str
    backend: str
    backend_version: str
    precision: str
    device: str
    chunk_length: int
    context: int
    crossfade: int
    pitches: int
    mixture_consistency: bool
    numbers_since: str = NUMBERS_SINCE

    @property
    def digest(self) -> str:
        """SHA-256 of all of it."""
        return digest_of(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return dataclasses.asdict(self)


def network_digest(spec: Spec) -> str:
    """Return the digest of the network that a spec describes, whatever it is called."""
    return digest_of({key: value for key, value in spec.to_dict().items() if key not in LABELS})
