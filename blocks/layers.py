"""Activation and normalisation layers by name: timm's factories behind a check of the name."""

from timm.layers.create_act import create_act_layer
from timm.layers.create_norm import create_norm_layer
from torch import nn

from blocks.registry import UnknownNameError

ACTIVATIONS = (
    "celu",
    "elu",
    "gelu",
    "hard_sigmoid",
    "hard_swish",
    "identity",
    "leaky_relu",
    "mish",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "tanh",
)
NORMS = ("batchnorm2d", "groupnorm1", "layernorm2d", "rmsnorm2d")


def activation(name: str) -> nn.Module:
    """Build an activation.

    Args:
        name: One of ``ACTIVATIONS`` (timm's names).

    Raises:
        UnknownNameError: With the closest names; an unknown one never becomes the identity.
    """
    if name not in ACTIVATIONS:
        raise UnknownNameError("activation", name, list(ACTIVATIONS))
    return create_act_layer(name)  # pyright: ignore[reportReturnType]  # never None for a known name


def norm_2d(name: str, channels: int, *, affine: bool = True) -> nn.Module:
    """Build a normalisation over the channels of (B, H, T, F) features.

    Args:
        name: One of ``NORMS`` (timm's names).
        channels: H.
        affine: Whether it learns a scale and a shift a channel.

    Raises:
        UnknownNameError: With the closest names.
    """
    if name not in NORMS:
        raise UnknownNameError("normalisation", name, list(NORMS))
    return create_norm_layer(name, channels, affine=affine)


def check_positive(**values: int) -> None:
    """Raise ValueError for the first value that is no positive integer (a bool is none)."""
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(f"{name} must be a positive integer, got {value!r}")


def check_flag(**values: bool) -> None:
    """Raise ValueError for the first value that is no bool."""
    for name, value in values.items():
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false, got {value!r}")
