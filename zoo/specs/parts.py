"""The parts of a spec, from the transform to the U-Net and the low band. Each checks itself."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from blocks import BLOCKS, NoOptions, UnknownNameError
from blocks.condition import GENERATORS
from blocks.layers import ACTIVATIONS, NORMS
from zoo.errors import SpecError

ROLES = ("local", "modulation", "frequency")


def check_range(path: str, value: float, low: float, high: float) -> None:
    """Raise SpecError unless low <= value <= high."""
    if not low <= value <= high:
        raise SpecError(f"{path}: must be between {low} and {high}, got {value}")


def check_choice(path: str, kind: str, value: str, known: tuple[str, ...] | list[str]) -> None:
    """Raise SpecError with the closest names unless the value is a known one."""
    if value not in known:
        raise SpecError(f"{path}: {UnknownNameError(kind, value, list(known))}")


@dataclass(frozen=True, kw_only=True, slots=True)
class StftSpec:
    """The time-frequency representation.

    Attributes:
        n_fft: Samples a frame.
        hop_length: Samples between frames.
        num_bins: How many of the lowest frequency bins there are estimates of; those above are
            estimated as zero. None: all.
    """

    n_fft: int
    hop_length: int
    num_bins: int | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_range("stft.n_fft", self.n_fft, 16, 32768)
        check_range("stft.hop_length", self.hop_length, 1, self.n_fft // 2)
        if self.n_fft % 2:
            raise SpecError(f"stft.n_fft: must be even, got {self.n_fft}")
        if self.num_bins is not None:
            check_range("stft.num_bins", self.num_bins, 1, self.n_fft // 2)

    def __str__(self) -> str:
        """Say it in a line, for people."""
        limit = "" if self.num_bins is None else f", lowest {self.num_bins} bins"
        return f"n_fft {self.n_fft}, hop_length {self.hop_length}{limit}"

    @property
    def kept_bins(self) -> int:
        """Bins that a network of sub-bands sees: ``num_bins``, or all but the Nyquist bin."""
        return self.num_bins or self.n_fft // 2


@dataclass(frozen=True, kw_only=True, slots=True)
class ConditionSpec:
    """How the source asked for reaches the network.

    Attributes:
        embed_dim: Width E of the embedding of a source.
        generator: ``per_stage`` or ``shared``: who makes the modulations' weights.
        num_layers: Widths in the dense part of a shared generator, doubling from E.
        dropout: Dropout in a shared generator.
    """

    embed_dim: int
    generator: str = "per_stage"
    num_layers: int = 4
    dropout: float = 0.5

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_range("condition.embed_dim", self.embed_dim, 1, 1024)
        check_choice("condition.generator", "generator", self.generator, GENERATORS)
        check_range("condition.num_layers", self.num_layers, 1, 6)
        check_range("condition.dropout", self.dropout, 0.0, 0.95)


@dataclass(frozen=True, kw_only=True, slots=True)
class BlockSpec:
    """A block's name in ``BLOCKS`` and its options.

    Attributes:
        name: The registered name.
        options: An instance of the block's ``Options``.
    """

    name: str
    options: Any = field(default_factory=NoOptions)

    @property
    def uses_condition(self) -> bool:
        """Whether the block's output depends on the condition."""
        return BLOCKS[self.name].uses_condition


@dataclass(frozen=True, kw_only=True, slots=True)
class StageSpec:
    """A U-Net stage: local -> modulation -> x + frequency(x).

    Attributes:
        local: The block over neighbouring bins and frames.
        modulation: The modulation by the condition, or None.
        frequency: The transformation over the frequency axis, or None.
    """

    local: BlockSpec
    modulation: BlockSpec | None = None
    frequency: BlockSpec | None = None

    def blocks(self) -> Iterator[tuple[str, BlockSpec]]:
        """Iterate over the present blocks with their roles, in the order of computation."""
        for role in ROLES:
            block = getattr(self, role)
            if block is not None:
                yield role, block

    @property
    def uses_condition(self) -> bool:
        """Whether the stage's output depends on the condition."""
        return any(block.uses_condition for _, block in self.blocks())


@dataclass(frozen=True, kw_only=True, slots=True)
class UNetSpec:
    """The U-Net: 2 * depth + 1 stages.

    Attributes:
        depth: Down-samplings, each halving frames and bins.
        width: Feature channels of every stage.
        num_subbands: Equal frequency bands stacked as channels in front of the network. With one,
            a (1, 2) convolution takes the n_fft/2 + 1 bins to n_fft/2 and another one back; with
            more, the Nyquist bin is left out and estimated as zero.
        activation: Activation of all blocks.
        norm: Normalisation of all blocks.
        resampling_activation: Activation after down- and up-sampling.
        encoder: The stages before each down-sampling.
        middle: The stage between.
        decoder: The stages after each up-sampling, which read the skip connection too.
    """

    depth: int
    width: int
    num_subbands: int = 1
    activation: str = "relu"
    norm: str = "batchnorm2d"
    resampling_activation: str = "relu"
    encoder: StageSpec
    middle: StageSpec
    decoder: StageSpec

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_range("unet.depth", self.depth, 1, 10)
        check_range("unet.width", self.width, 1, 1024)
        check_range("unet.num_subbands", self.num_subbands, 1, 64)
        check_choice("unet.activation", "activation", self.activation, ACTIVATIONS)
        check_choice("unet.norm", "normalisation", self.norm, NORMS)
        check_choice(
            "unet.resampling_activation", "activation", self.resampling_activation, ACTIVATIONS
        )

    def stages(self) -> tuple[tuple[str, StageSpec], ...]:
        """The three kinds of stages with their names, in the order of computation."""
        return (("encoder", self.encoder), ("middle", self.middle), ("decoder", self.decoder))


@dataclass(frozen=True, kw_only=True, slots=True)
class LowBandSpec:
    """A second, finer look at the lowest frequencies, where harmonics of sources lie close.

    It is a network with the blocks of the first one, and what the two estimate is added.

    Attributes:
        n_fft: Samples a frame.
        hop_length: Samples between frames.
        num_bins: How many of the lowest bins it sees.
        num_subbands: Sub-bands they are stacked in.
        width: Feature channels of every stage.
    """

    n_fft: int
    hop_length: int
    num_bins: int
    num_subbands: int
    width: int
