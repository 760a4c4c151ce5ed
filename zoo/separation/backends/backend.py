"""What a backend is, and the choice of one.

K: chunks, C: channels, L: samples of a chunk, S: sources
"""

from pathlib import Path
from typing import Protocol

import torch
from torch import nn

from blocks.registry import Registry, UnknownNameError

__all__ = ["BACKENDS", "Backend", "choose_backend"]

AUTO = "auto"


class Backend(Protocol):
    """One way to run a network. To add one, register an instance in :data:`BACKENDS`.

    Attributes:
        name: What users call it.
        rank: ``auto`` takes the backend of the highest rank that can run the network here.
            docs/speed.md has the measurements behind the ranks.
        fills_last_chunk: Whether every chunk must have the same length, because the backend
            compiles for one length.
        autocasts: Whether torch's autocast gives it its precision.
    """

    name: str
    rank: int
    fills_last_chunk: bool
    autocasts: bool

    def version(self) -> str:
        """Return the version of the library that computes; other versions may round otherwise."""
        ...

    def obstacle(self, network: nn.Module, device: torch.device) -> str | None:
        """Say why it cannot run a network on a device; None if it can."""
        ...

    def fastest_precision(self, device: torch.device) -> torch.dtype:
        """Return the fastest data type that was measured to cost less than 0.05 dB of SDR."""
        ...

    def prepare(
        self,
        network: nn.Module,
        *,
        device: torch.device,
        precision: torch.dtype,
        cache: Path | None,
        may_fall_back: bool,
    ) -> nn.Module:
        """Return a network that computes the same in the form that runs fastest here.

        Args:
            network: A copy that belongs to the backend, in eval mode, without gradients.
            device: Where it runs.
            precision: The data type it computes in.
            cache: Folder for what is compiled; None keeps that in memory.
            may_fall_back: Whether torch may run what this backend cannot, with a warning.

        Shape:
            what is returned: (K, C, L), ``sources=`` -> (K, S, C, L)
        """
        ...


BACKENDS: Registry[Backend] = Registry("backend")


def choose_backend(name: str, network: nn.Module, device: torch.device) -> Backend:
    """Return what runs a network.

    Args:
        name: A name in :data:`BACKENDS`, or ``auto``.
        network: What is to run.
        device: Where.

    Raises:
        ValueError: An unknown backend, one that cannot run this network here, or none that can.
    """
    if name == AUTO:
        known = (BACKENDS[each] for each in BACKENDS)
        obstacles = {backend: backend.obstacle(network, device) for backend in known}
        able = [backend for backend, obstacle in obstacles.items() if obstacle is None]
        if not able:
            told = "; ".join(f"{each.name}: {obstacle}" for each, obstacle in obstacles.items())
            raise ValueError(f"no backend can run this network: {told}")
        return max(able, key=lambda backend: backend.rank)
    if name not in BACKENDS:
        raise ValueError(str(UnknownNameError("backend", name, [AUTO, *BACKENDS.names()])))
    backend = BACKENDS[name]
    obstacle = backend.obstacle(network, device)
    if obstacle is not None:
        raise ValueError(f"the {name} backend cannot be used: {obstacle}")
    return backend
