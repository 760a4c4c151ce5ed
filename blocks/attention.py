"""Latent source attention: how much of each latent source a condition asks for.

Queries and keys come in two forms: from the condition alone (LaSAFT, LightSAFT), or "listening" to
the features too (LASAFT-Net-v2), so that the attention varies over time.

Shapes: see the legend in ``blocks.stage``; D is ``key_dim``, and T' is T where a listening part
takes part and 1 otherwise.
"""

import math

import torch
from torch import Tensor, nn

from blocks.condition import expand_batch, point_wise_generator
from blocks.layers import activation as make_activation
from blocks.layers import check_positive, norm_2d
from blocks.modulation import PoCM


class ConditionQuery(nn.Module):
    """The query of a condition: one linear layer.

    Source: LaSAFT (arXiv 2010.11631), section 2.2.

    Args:
        condition_dim: E.
        key_dim: D.

    Shape:
        condition (B * Q, E) -> (B * Q, 1, D); the features are not looked at.
    """

    def __init__(self, condition_dim: int, *, key_dim: int) -> None:
        super().__init__()
        check_positive(condition_dim=condition_dim, key_dim=key_dim)
        self.linear = nn.Linear(condition_dim, key_dim)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Compute the query; see the class for shapes."""
        return self.linear(condition).unsqueeze(1)


class ListeningQuery(nn.Module):
    """A query a frame: features point-wise modulated to one channel, then over frequency to D.

    Source: LASAFT-Net-v2, "query listening".

    Args:
        channels: H.
        num_bins: F.
        condition_dim: E.
        key_dim: D.

    Shape:
        x (B or B * Q, H, T, F), condition (B * Q, E) -> (B * Q, T, D)
    """

    def __init__(self, channels: int, num_bins: int, *, condition_dim: int, key_dim: int) -> None:
        super().__init__()
        check_positive(num_bins=num_bins, condition_dim=condition_dim, key_dim=key_dim)
        self.modulation = PoCM(channels, out_channels=1)
        self.sizes = [self.modulation.num_weights, self.modulation.num_biases]
        self.generator = point_wise_generator(condition_dim, sum(self.sizes))
        self.norm = nn.LayerNorm(num_bins)
        self.activation = nn.ReLU()
        self.linear = nn.Linear(num_bins, key_dim)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Compute the queries; see the class for shapes."""
        weight, bias = self.generator(condition).split(self.sizes, dim=-1)
        heard = self.modulation(x, weight, bias).squeeze(1)  # (B * Q, T, F)
        return self.linear(self.activation(self.norm(heard)))


class LearnedKeys(nn.Module):
    """A learned key for each latent source.

    Source: LaSAFT (arXiv 2010.11631), section 2.2.

    Args:
        num_latent_sources: L.
        key_dim: D.

    Shape:
        -> (1, 1, D, L); the features are not looked at.
    """

    def __init__(self, *, num_latent_sources: int, key_dim: int) -> None:
        super().__init__()
        check_positive(num_latent_sources=num_latent_sources, key_dim=key_dim)
        self.keys = nn.Parameter(torch.randn(key_dim, num_latent_sources))

    def forward(self, x: Tensor) -> Tensor:
        """Return the keys; see the class for shapes."""
        return self.keys[None, None]


class ListeningKeys(nn.Module):
    """Keys a frame: features to one map a latent source, then over frequency to D.

    Source: LASAFT-Net-v2, "key listening".

    Args:
        channels: H.
        num_bins: F.
        num_latent_sources: L.
        key_dim: D.
        norm: Name of the normalisation of the maps.

    Shape:
        x (B, H, T, F) -> (B, T, D, L)
    """

    def __init__(
        self,
        channels: int,
        num_bins: int,
        *,
        num_latent_sources: int,
        key_dim: int,
        norm: str = "batchnorm2d",
    ) -> None:
        super().__init__()
        check_positive(num_bins=num_bins, num_latent_sources=num_latent_sources, key_dim=key_dim)
        self.maps = nn.Sequential(
            nn.Conv2d(channels, num_latent_sources, kernel_size=1),
            norm_2d(norm, num_latent_sources),
            make_activation("relu"),
        )
        self.linear = nn.Linear(num_bins, key_dim)

    def forward(self, x: Tensor) -> Tensor:
        """Compute the keys; see the class for shapes."""
        return self.linear(self.maps(x)).permute(0, 2, 3, 1)  # (B, L, T, D) -> (B, T, D, L)


class LatentSourceAttention(nn.Module):
    """Softmax over the latent sources of query times key.

    softmax(query keys / sqrt(D)). Source: LaSAFT (arXiv 2010.11631), eq. 2.

    Args:
        query: Module from features and condition to queries, (B * Q, T', D).
        keys: Module from features to keys, (B or 1, T', D, L).
        key_dim: D.

    Shape:
        x (B or B * Q, H, T, F), condition (B * Q, E) -> (B * Q, T', L), summing to 1 over L
    """

    def __init__(self, query: nn.Module, keys: nn.Module, *, key_dim: int) -> None:
        super().__init__()
        self.query = query
        self.keys = keys
        self.scale = 1 / math.sqrt(key_dim)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """Compute the attention; see the class for shapes."""
        query = self.query(x, condition).unsqueeze(-2)  # (B * Q, T', 1, D)
        keys = self.keys(x)
        if keys.shape[0] > 1:
            keys = expand_batch(keys, query.shape[0])
        return torch.softmax((query @ keys).squeeze(-2) * self.scale, dim=-1)


def mix_latent_sources(values: Tensor, attention: Tensor) -> Tensor:
    """Sum values over the latent sources with the attention's weights.

    Args:
        values: (B or B * Q, H, T, L * K), the latent index varying slowest.
        attention: (B * Q, T', L).

    Shape:
        -> (B * Q, H, T, K)
    """
    values = expand_batch(values, attention.shape[0])
    values = values.unflatten(-1, (attention.shape[-1], -1))  # (B * Q, H, T, L, K)
    weights = attention[:, None, :, None, :]  # (B * Q, 1, T', 1, L)
    return (weights.to(values.dtype) @ values).squeeze(-2)
