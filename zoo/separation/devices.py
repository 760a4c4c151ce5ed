"""Which device computes, and in which precision."""

import torch
from torch import nn

from zoo.graphs.exported import ExportedNetwork

__all__ = [
    "PRECISIONS",
    "choose_device",
    "choose_precision",
    "is_out_of_memory",
    "precision_name",
]

PRECISIONS: dict[str, torch.dtype] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
QUANTIZED = "int8"
OUT_OF_MEMORY_WORDS = ("out of memory", "can't allocate memory", "not enough memory")


def choose_device(name: str | torch.device = "auto") -> torch.device:
    """Return the device of a name.

    Args:
        name: ``auto`` takes an NVIDIA or AMD card, else Apple's, else the CPU.

    Raises:
        ValueError: A device that torch does not know or this machine does not have.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ValueError(
            f"unknown device {str(name)!r}; expected auto, cpu, cuda, cuda:1, ... or mps"
        ) from error
    available = {
        "cpu": lambda: True,
        "cuda": lambda: (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available,
    }
    if device.type not in available or not available[device.type]():
        raise ValueError(f"this machine has no device {str(name)!r}; use auto or cpu")
    return device


def choose_precision(name: str, device: torch.device, network: nn.Module) -> torch.dtype | None:
    """Return the data type that the network computes in, None for ``auto``.

    Args:
        name: A name of :data:`PRECISIONS`, ``auto``, or ``int8``, which is ``auto`` for a network
            that was exported so.
        device: Where it computes.
        network: What computes.

    Raises:
        ValueError: An unknown name, float16 on a CPU, or int8 with graphs that are not.
    """
    if name == QUANTIZED:
        if isinstance(network, ExportedNetwork) and network.record.precision == QUANTIZED:
            return None
        raise ValueError(
            "int8 needs graphs that were quantized: python -m zoo export MODEL --quantize int8 "
            "--calibrate SONG ... -o DIR, then give DIR as the model (docs/export.md)"
        )
    if name == "auto":
        return None
    if name not in PRECISIONS:
        raise ValueError(
            f"unknown precision {name!r}; expected auto, {', '.join(PRECISIONS)}, {QUANTIZED}"
        )
    if name == "float16" and device.type == "cpu":
        raise ValueError("a CPU has no use for float16; use auto, float32 or bfloat16")
    return PRECISIONS[name]


def precision_name(dtype: torch.dtype) -> str:
    """Return the name of a data type in :data:`PRECISIONS`."""
    return next(name for name, known in PRECISIONS.items() if known == dtype)


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether an error of torch means that a device's memory does not suffice."""
    message = str(error).lower()
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in message for words in OUT_OF_MEMORY_WORDS
    )
