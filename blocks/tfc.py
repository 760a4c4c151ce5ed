"""TFC: time-frequency convolutions, a densely connected block of 2-D convolutions.

Shapes: see the legend in ``blocks.stage``.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from blocks.condition import add_shared
from blocks.layers import activation as make_activation
from blocks.layers import check_positive, norm_2d
from blocks.stage import BLOCKS, Role, StageShape


@dataclass(frozen=True, kw_only=True, slots=True)
class TFCOptions:
    """Options of a TFC.

    Attributes:
        num_layers: Convolutions, each reading the input and all layers before it.
        kernel_size: (time, frequency), both odd.
    """

    num_layers: int = 5
    kernel_size: tuple[int, int] = (3, 3)

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_positive(num_layers=self.num_layers)
        if self.num_layers > 32:
            raise ValueError(f"num_layers must be at most 32, got {self.num_layers}")
        check_kernel_size(self.kernel_size)


def check_kernel_size(kernel_size: tuple[int, int]) -> None:
    """Raise ValueError unless both sides are odd and between 1 and 31."""
    ok = (
        isinstance(kernel_size, tuple)
        and len(kernel_size) == 2
        and all(type(k) is int and 1 <= k <= 31 and k % 2 == 1 for k in kernel_size)
    )
    if not ok:
        raise ValueError(
            "kernel_size must be two odd integers from 1 to 31, (time, frequency), "
            f"got {kernel_size!r}"
        )


@BLOCKS.register("tfc")
class TFC(nn.Module):
    """Dense block of convolution, normalisation and activation layers over time and frequency.

    Layer l reads the concatenation of all layers before it, the newest first, and the input last;
    the block's output is that of the last layer.
    Source: TFC-TDF U-Net (Choi et al., ISMIR 2020), section "Time-Frequency Convolutions".

    Every layer reads the skip connection of a decoder, which the conditions of a mixture share. A
    convolution is linear, so the part of it that reads the skip is computed once a mixture, and
    added for every condition.

    Args:
        in_channels: Channels of the input, those of a skip connection included.
        growth_rate: Channels of every layer, and so of the output.
        num_layers: Number of layers.
        kernel_size: (time, frequency), odd; the input is zero-padded so that sizes stay.
        activation: Name of the activation.
        norm: Name of the normalisation.

    Shape:
        x (B, in_channels, T, F) -> (B, growth_rate, T, F), or
        x (B * Q, in_channels - H, T, F), skip (B, H, T, F) -> (B * Q, growth_rate, T, F)

    Raises:
        ValueError: For a size out of range.
        UnknownNameError: For an unknown activation or normalisation.
    """

    role: ClassVar[Role] = "local"
    Options = TFCOptions
    uses_condition: ClassVar[bool] = False

    def __init__(
        self,
        in_channels: int,
        *,
        growth_rate: int,
        num_layers: int = 5,
        kernel_size: tuple[int, int] = (3, 3),
        activation: str = "relu",
        norm: str = "batchnorm2d",
    ) -> None:
        super().__init__()
        check_positive(in_channels=in_channels, growth_rate=growth_rate, num_layers=num_layers)
        check_kernel_size(kernel_size)
        padding = (kernel_size[0] // 2, kernel_size[1] // 2)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(
                    in_channels + index * growth_rate, growth_rate, kernel_size, padding=padding
                ),
                norm_2d(norm, growth_rate),
                make_activation(activation),
            )
            for index in range(num_layers)
        )

    @classmethod
    def from_stage(cls, stage: StageShape, options: TFCOptions) -> "TFC":
        """Build the block of a stage."""
        return cls(
            stage.in_channels,
            growth_rate=stage.channels,
            num_layers=options.num_layers,
            kernel_size=options.kernel_size,
            activation=stage.activation,
            norm=stage.norm,
        )

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        """Compute the block; see the class for shapes."""
        dense = x
        for index, layer in enumerate(self.layers):
            # (B, growth_rate, T, F)
            x = layer(dense) if skip is None else _layer_with_skip(layer, dense, skip)
            if index + 1 < len(self.layers):
                dense = torch.cat((x, dense), dim=1)
        return x


def _layer_with_skip(layer: nn.Module, dense: Tensor, skip: Tensor) -> Tensor:
    """What a layer makes of ``dense`` and the skip behind it, (B * Q, H, ...) and (B, H, ...)."""
    assert isinstance(layer, nn.Sequential)
    convolution, norm, activation = layer
    assert isinstance(convolution, nn.Conv2d)
    weight, bias, padding = convolution.weight, convolution.bias, convolution.padding
    own, of_skip = weight.split([dense.shape[1], skip.shape[1]], dim=1)
    assert not isinstance(padding, str)  # the class's own sizes
    shared = F.conv2d(skip, of_skip, padding=padding)
    return activation(norm(add_shared(F.conv2d(dense, own, bias, padding=padding), shared)))
