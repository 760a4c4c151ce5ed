"""LightSAFT: LaSAFT made light, mixing the latent sources in the bottleneck.

Shapes: see the legend in ``blocks.stage``; K is the width of the bottleneck, D is ``key_dim``.
"""

from typing import ClassVar

from torch import Tensor, nn

from blocks.attention import (
    ConditionQuery,
    LatentSourceAttention,
    LearnedKeys,
    ListeningKeys,
    ListeningQuery,
    mix_latent_sources,
)
from blocks.lasaft import LatentSourceOptions, stage_arguments
from blocks.layers import activation as make_activation
from blocks.layers import check_positive, norm_2d
from blocks.stage import BLOCKS, Role, StageShape
from blocks.tdf import bottleneck_width


@BLOCKS.register("lightsaft")
class LightSAFT(nn.Module):
    """L bottlenecks at once, mixed by attention, and one layer back to F that all of them share.

    F -> L * K, norm, activation; mix over L; norm, K -> F, activation: the arrangement of
    LightSAFT-Net+ and LASAFT-Net-v2. The paper's own arrangement is ``LightSAFTPostNorm``.
    Source: LightSAFT (arXiv 2111.12516), section 2, eq. 3.

    Args:
        channels: H.
        num_bins: F.
        condition_dim: E.
        num_latent_sources: L.
        key_dim: D.
        bottleneck_factor: F is divided by it in the bottleneck.
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
    query_listens: ClassVar[bool] = False
    keys_listen: ClassVar[bool] = False

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
        self.expand = self._expansion(
            nn.Linear(width, num_bins, bias=bias), norm_2d(norm, channels), activation
        )
        if self.query_listens:
            query = ListeningQuery(channels, num_bins, condition_dim=condition_dim, key_dim=key_dim)
        else:
            query = ConditionQuery(condition_dim, key_dim=key_dim)
        if self.keys_listen:
            keys = ListeningKeys(
                channels,
                num_bins,
                num_latent_sources=num_latent_sources,
                key_dim=key_dim,
                norm=norm,
            )
        else:
            keys = LearnedKeys(num_latent_sources=num_latent_sources, key_dim=key_dim)
        self.attention = LatentSourceAttention(query, keys, key_dim=key_dim)

    @staticmethod
    def _expansion(linear: nn.Linear, norm: nn.Module, activation: str) -> nn.Sequential:
        return nn.Sequential(norm, linear, make_activation(activation))

    @classmethod
    def from_stage(cls, stage: StageShape, options: LatentSourceOptions) -> "LightSAFT":
        """Build the block of a stage."""
        return cls(stage.channels, stage.num_bins, **stage_arguments(stage, options, "lightsaft"))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Compute the block; see the class for shapes."""
        values = self.squeeze(x)  # (B, H, T, L * K)
        mixed = mix_latent_sources(values, self.attention(x, condition))  # (B * Q, H, T, K)
        return self.expand(mixed)  # (B * Q, H, T, F)


@BLOCKS.register("lightsaft_post_norm")
class LightSAFTPostNorm(LightSAFT):
    """LightSAFT as in the paper: K -> F, then norm and activation, at the end."""

    @staticmethod
    def _expansion(linear: nn.Linear, norm: nn.Module, activation: str) -> nn.Sequential:
        return nn.Sequential(linear, norm, make_activation(activation))


@BLOCKS.register("lightsaft_query_listening")
class LightSAFTQueryListening(LightSAFT):
    """LightSAFT whose query is made of the features too, so that attention varies over time.

    Source: LASAFT-Net-v2, "query listening".
    """

    query_listens: ClassVar[bool] = True


@BLOCKS.register("lightsaft_key_listening")
class LightSAFTKeyListening(LightSAFT):
    """LightSAFT whose keys are made of the features, so that attention varies over time.

    Source: LASAFT-Net-v2, "key listening".
    """

    keys_listen: ClassVar[bool] = True


@BLOCKS.register("lightsaft_listening")
class LightSAFTListening(LightSAFT):
    """LightSAFT with listening queries and keys: the block of the published v2 networks.

    Source: LASAFT-Net-v2, "listen, attend and separate".
    """

    query_listens: ClassVar[bool] = True
    keys_listen: ClassVar[bool] = True
