"""TDF: time-distributed fully-connected layers, linear over the frequency axis of every frame.

Shapes: see the legend in ``blocks.stage``; K is the width of the bottleneck.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from blocks.layers import activation as make_activation
from blocks.layers import check_flag, check_positive, norm_2d
from blocks.stage import BLOCKS, Role, StageShape


@dataclass(frozen=True, kw_only=True, slots=True)
class BottleneckOptions:
    """Options of every block with a bottleneck over frequency.

    Attributes:
        bottleneck_factor: F is divided by it in the middle.
        min_bottleneck: The bottleneck is at least this wide.
        bias: Whether the linear layers have a bias.
    """

    bottleneck_factor: int = 16
    min_bottleneck: int = 16
    bias: bool = False

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_positive(bottleneck_factor=self.bottleneck_factor, min_bottleneck=self.min_bottleneck)
        check_flag(bias=self.bias)


@dataclass(frozen=True, kw_only=True, slots=True)
class TDFOptions(BottleneckOptions):
    """Options of a TDF.

    Attributes:
        affine: Whether the normalisations learn a scale and a shift.
    """

    affine: bool = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        BottleneckOptions.__post_init__(self)
        check_flag(affine=self.affine)


def bottleneck_width(num_bins: int, *, bottleneck_factor: int, min_bottleneck: int) -> int:
    """Width K of the bottleneck: ``max(F // bottleneck_factor, min_bottleneck)``."""
    return max(num_bins // bottleneck_factor, min_bottleneck)


@BLOCKS.register("tdf")
class TDF(nn.Module):
    """Two linear layers over frequency with a bottleneck, shared by all frames and channels.

    F -> K -> F, each followed by a normalisation over channels and an activation.
    Source: TFC-TDF U-Net (Choi et al., ISMIR 2020), section "Time-Distributed Fully-connected".

    Args:
        channels: H of the features.
        num_bins: F of the features.
        bottleneck_factor: F is divided by it in the middle.
        min_bottleneck: The bottleneck is at least this wide.
        bias: Whether the linear layers have a bias.
        affine: Whether the normalisations learn a scale and a shift.
        activation: Name of the activation.
        norm: Name of the normalisation.

    Shape:
        (B, H, T, F) -> (B, H, T, F)

    Raises:
        ValueError: For a size out of range.
        UnknownNameError: For an unknown activation or normalisation.
    """

    role: ClassVar[Role] = "frequency"
    Options = TDFOptions
    uses_condition: ClassVar[bool] = False

    def __init__(
        self,
        channels: int,
        num_bins: int,
        *,
        bottleneck_factor: int = 16,
        min_bottleneck: int = 16,
        bias: bool = False,
        affine: bool = True,
        activation: str = "relu",
        norm: str = "batchnorm2d",
    ) -> None:
        super().__init__()
        check_positive(channels=channels, num_bins=num_bins)
        width = bottleneck_width(
            num_bins, bottleneck_factor=bottleneck_factor, min_bottleneck=min_bottleneck
        )
        self.squeeze = nn.Sequential(
            nn.Linear(num_bins, width, bias=bias),
            norm_2d(norm, channels, affine=affine),
            make_activation(activation),
        )
        self.expand = nn.Sequential(
            nn.Linear(width, num_bins, bias=bias),
            norm_2d(norm, channels, affine=affine),
            make_activation(activation),
        )

    @classmethod
    def from_stage(cls, stage: StageShape, options: TDFOptions) -> "TDF":
        """Build the block of a stage."""
        return cls(
            stage.channels,
            stage.num_bins,
            bottleneck_factor=options.bottleneck_factor,
            min_bottleneck=options.min_bottleneck,
            bias=options.bias,
            affine=options.affine,
            activation=stage.activation,
            norm=stage.norm,
        )

    def forward(self, x: Tensor) -> Tensor:
        """Compute the block; see the class for shapes."""
        return self.expand(self.squeeze(x))  # (B, H, T, F) -> (B, H, T, K) -> (B, H, T, F)
