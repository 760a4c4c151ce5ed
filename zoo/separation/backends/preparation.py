"""A network made ready for a device: a copy, in eval mode, in the form that runs fastest there."""

import copy
from pathlib import Path

import torch
from torch import nn

from zoo.networks.network import SeparationNetwork
from zoo.separation.backends import openvino as openvino_backend
from zoo.separation.backends.folding import fold_batch_norms

__all__ = ["BACKENDS", "choose_backend", "prepare_network"]

BACKENDS = ("auto", "torch", "openvino")


def choose_backend(name: str, network: nn.Module, device: torch.device) -> str:
    """Return what runs a network: ``torch`` or ``openvino``.

    Args:
        name: One of :data:`BACKENDS`; ``auto`` takes OpenVINO on a CPU if it is installed.
        network: What is to run.
        device: Where.

    Raises:
        ValueError: An unknown backend, or one that cannot run this network here.
    """
    if name not in BACKENDS:
        raise ValueError(f"unknown backend {name!r}; expected one of {', '.join(BACKENDS)}")
    obstacle = None
    if device.type != "cpu":
        obstacle = f"it serves the CPU, not {device}"
    elif not isinstance(network, SeparationNetwork):
        obstacle = f"it runs networks that zoo.build made, not {type(network).__name__}"
    elif not openvino_backend.is_installed():
        obstacle = "it is not installed: pip install openvino"
    if name == "openvino" and obstacle is not None:
        raise ValueError(f"the openvino backend cannot be used: {obstacle}")
    return "torch" if name == "torch" or obstacle is not None else "openvino"


def prepare_network(
    network: nn.Module,
    *,
    device: torch.device,
    precision: torch.dtype,
    backend: str,
    cache: Path | None,
    falls_back: bool,
) -> nn.Module:
    """Return a copy of a network that is ready to run.

    Args:
        network: Stays as it is.
        device: Where the copy goes.
        precision: What the copy computes in.
        backend: ``torch`` or ``openvino``.
        cache: Folder for what a backend compiles.
        falls_back: Whether torch may take over what the backend cannot run.
    """
    ready = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
    if backend == "openvino":
        assert isinstance(ready, SeparationNetwork)
        for part in ready.parts:
            replacement = openvino_backend.OpenVinoUNet(
                part, precision=precision, cache=cache, falls_back=falls_back
            )
            part.unet = replacement  # pyright: ignore[reportAttributeAccessIssue]  # same call
        return ready
    fold_batch_norms(ready)
    return ready.to(device)
