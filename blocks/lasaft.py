"""LaSAFT: latent source attentive frequency transformation.

Shapes: see the legend in ``blocks.stage``; K is the width of the bottleneck, D is ``key_dim``.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from blocks.attention import (
    ConditionQuery,
    LatentSourceAttention,
    LearnedKeys,
    mix_latent_sources,
)
from blocks.layers import activation as make_activation
from blocks.layers import check_positive, norm_2d
from blocks.stage import BLOCKS, Role, StageShape
from blocks.tdf import BottleneckOptions, bottleneck_width


@dataclass(frozen=True, kw_only=True, slots=True)
class LatentSourceOptions(BottleneckOptions):
    """Options of the blocks that attend to latent sources.

    Attributes:
        num_latent_sources: L, the paper's |S_L|.
        key_dim: D, the width of queries and keys.
    """

    num_latent_sources: int = 6
    key_dim: int = 32

    def __post_init__(self) -> None:
        """Check the ranges."""
        BottleneckOptions.__post_init__(self)
        check_positive(num_latent_sources=self.num_latent_sources, key_dim=self.key_dim)


def require_condition(stage: StageShape, block: str) -> int:
    """Return the width of the condition, or raise ValueError where the network has none."""
    if stage.condition_dim is None:
        raise ValueError(f"{block} attends by a condition, but the network has none")
    return stage.condition_dim


@BLOCKS.register("lasaft")
class LaSAFT(nn.Module):
    """L TDFs at once, one a latent source, mixed by an attention of the condition over them.

    Source: LaSAFT (arXiv 2010.11631), section 2.2, eq. 1 and 2.

    Args:
        channels: H.
        num_bins: F.
        condition_dim: E.
        num_latent_sources: L.
        key_dim: D.
        bottleneck_factor: F is divided by it in the bottleneck of every TDF.
        min_bottleneck: The bottleneck is at least this wide.
        bias: Whether the linear layers over frequency have a bias.
        activation: Name of the activation.
        norm: Name of the normalisation.

    Shape:
        x (B or B * Q, H, T, F), condition (B * Q, E) -> (B * Q, H, T, F)

    Raises:
        ValueError: For a size out of range.
        UnknownNameError: For an unknown activation or normalisation.
    """

    role: ClassVar[Role] = "frequency"
    Options = LatentSourceOptions
    uses_condition: ClassVar[bool] = True

    def __init__(
        self,
        channels: int,
        num_bins: int,
        *,
        condition_dim: int,
        num_latent_sources: int = 6,
        key_dim: int = 32,
        bottleneck_factor: int = 16,
        min_bottleneck: int = 16,
        bias: bool = False,
        activation: str = "relu",
        norm: str = "batchnorm2d",
    ) -> None:
        super().__init__()
        check_positive(channels=channels, num_bins=num_bins, num_latent_sources=num_latent_sources)
        width = bottleneck_width(
            num_bins, bottleneck_factor=bottleneck_factor, min_bottleneck=min_bottleneck
        )
        self.squeeze = nn.Sequential(
            nn.Linear(num_bins, num_latent_sources * width, bias=bias),
            norm_2d(norm, channels),
            make_activation(activation),
        )
        self.expand = nn.Sequential(
            nn.Linear(num_latent_sources * width, num_latent_sources * num_bins, bias=bias),
            norm_2d(norm, channels),
            make_activation(activation),
        )
        self.attention = LatentSourceAttention(
            ConditionQuery(condition_dim, key_dim=key_dim),
            LearnedKeys(num_latent_sources=num_latent_sources, key_dim=key_dim),
            key_dim=key_dim,
        )

    @classmethod
    def from_stage(cls, stage: StageShape, options: LatentSourceOptions) -> "LaSAFT":
        """Build the block of a stage."""
        return cls(stage.channels, stage.num_bins, **stage_arguments(stage, options, "lasaft"))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Compute the block; see the class for shapes."""
        values = self.expand(self.squeeze(x))  # (B, H, T, L * F)
        return mix_latent_sources(values, self.attention(x, condition))


def stage_arguments(stage: StageShape, options: LatentSourceOptions, block: str) -> dict[str, Any]:
    """Keyword arguments that every latent source block takes from its stage."""
    return {
        "condition_dim": require_condition(stage, block),
        "num_latent_sources": options.num_latent_sources,
        "key_dim": options.key_dim,
        "bottleneck_factor": options.bottleneck_factor,
        "min_bottleneck": options.min_bottleneck,
        "bias": options.bias,
        "activation": stage.activation,
        "norm": stage.norm,
    }
