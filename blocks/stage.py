"""What a U-Net stage tells its blocks, and the registry that specs name blocks from.

A stage computes ``local`` -> ``modulation`` by the condition -> ``x + frequency(x)``.

Shape legend, used in every file of this package:
    B batch, Q conditions a mixture, C audio channels, N samples, S sources,
    H feature channels, T frames, F frequency bins, E condition width, L latent sources.
    Spectrogram-like tensors are (B, H, T, F); a conditioned tensor has B * Q in place of B, the
    index of the condition varying fastest.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

from torch import nn

from blocks.registry import Registry

Role = Literal["local", "modulation", "frequency"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StageShape:
    """The sizes and shared choices that a stage derives for its blocks; never written in a spec.

    Attributes:
        in_channels: Feature channels that enter the stage.
        channels: Feature channels inside and after the stage.
        num_bins: Frequency bins at this stage.
        condition_dim: Width of the condition vector, or None in a network without one.
        activation: Name of the activation, see ``blocks.layers.activation``.
        norm: Name of the normalisation, see ``blocks.layers.norm_2d``.
    """

    in_channels: int
    channels: int
    num_bins: int
    condition_dim: int | None
    activation: str
    norm: str


class BlockClass(Protocol):
    """What a class needs so that a spec can name it.

    Attributes:
        role: Where in a stage it may stand.
        Options: A frozen dataclass of the block's own options with defaults; it validates itself
            and raises ValueError.
        uses_condition: Whether its output depends on the condition.
    """

    role: Role
    Options: type
    uses_condition: bool

    @classmethod
    def from_stage(cls, stage: StageShape, options: Any) -> nn.Module:
        """Build the block for a stage; ``options`` is an instance of ``Options``."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class NoOptions:
    """The options of a block that has none."""


BLOCKS: Registry[Any] = Registry("block")
