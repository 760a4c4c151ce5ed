"""Modulations: how a condition changes the features of a stage.

Shapes: see the legend in ``blocks.stage``. Each takes the features and the (weight, bias) that a
generator of ``blocks.condition`` made of the condition; features that are still shared by the
conditions of a mixture fan out here.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from blocks.condition import expand_batch
from blocks.layers import check_positive
from blocks.stage import BLOCKS, NoOptions, Role, StageShape


@BLOCKS.register("film")
class FiLM(nn.Module):
    """Feature-wise linear modulation: every channel is scaled and shifted by the condition.

    y_h = weight_h * x_h + bias_h. Source: Perez et al., AAAI 2018, eq. 2; the "complex" FiLM of
    Meseguer-Brocal and Peeters, ISMIR 2019.

    Args:
        channels: H.

    Shape:
        x (B, H, T, F), weight (B * Q, H), bias (B * Q, H) -> (B * Q, H, T, F)
    """

    role: ClassVar[Role] = "modulation"
    Options = NoOptions
    uses_condition: ClassVar[bool] = True
    normalised_weights: ClassVar[bool] = False

    def __init__(self, channels: int) -> None:
        super().__init__()
        check_positive(channels=channels)
        self.num_weights = channels
        self.num_biases = channels

    @classmethod
    def from_stage(cls, stage: StageShape, options: NoOptions) -> "FiLM":
        """Build the modulation of a stage."""
        return cls(stage.channels)

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Modulate; see the class for shapes."""
        x = expand_batch(x, weight.shape[0])
        return torch.addcmul(bias[..., None, None], x, weight[..., None, None])


@BLOCKS.register("pocm")
class PoCM(nn.Module):
    """Point-wise convolutional modulation: a 1x1 convolution whose weights the condition makes.

    y_o = bias_o + sum_h weight_ho x_h. Source: LaSAFT (arXiv 2010.11631), eq. 3.

    Args:
        channels: H.
        out_channels: Output channels, H unless given.

    Shape:
        x (B, H, T, F), weight (B * Q, H * out), bias (B * Q, out) -> (B * Q, out, T, F)
    """

    role: ClassVar[Role] = "modulation"
    Options = NoOptions
    uses_condition: ClassVar[bool] = True
    normalised_weights: ClassVar[bool] = True

    def __init__(self, channels: int, *, out_channels: int | None = None) -> None:
        super().__init__()
        self.channels = channels
        self.out_channels = channels if out_channels is None else out_channels
        check_positive(channels=self.channels, out_channels=self.out_channels)
        self.num_weights = self.channels * self.out_channels
        self.num_biases = self.out_channels

    @classmethod
    def from_stage(cls, stage: StageShape, options: NoOptions) -> "PoCM":
        """Build the modulation of a stage."""
        return cls(stage.channels)

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Modulate; see the class for shapes."""
        x = expand_batch(x, weight.shape[0])
        matrix = weight.unflatten(-1, (self.channels, self.out_channels))  # (B * Q, H, out)
        y = torch.einsum("bho,bhtf->botf", matrix, x)
        return y + bias[..., None, None]


@BLOCKS.register("gpocm")
class GPoCM(PoCM):
    """Gated point-wise convolutional modulation: the features gated by their own PoCM.

    y = x * sigmoid(PoCM(x)). Source: LaSAFT (arXiv 2010.11631), eq. 4.

    Args:
        channels: H.

    Shape:
        x (B, H, T, F), weight (B * Q, H * H), bias (B * Q, H) -> (B * Q, H, T, F)
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)

    def forward(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Modulate; see the class for shapes."""
        return expand_batch(x, weight.shape[0]) * torch.sigmoid(super().forward(x, weight, bias))
