"""Specs: frozen, validated descriptions of networks. ``zoo.spec_parsing`` reads them from YAML.

A spec holds choices only. Sizes that follow from them (channels in, bins, condition width) are
derived by the network, never written.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from blocks import BLOCKS, NoOptions, UnknownNameError
from blocks.condition import GENERATORS
from blocks.layers import ACTIVATIONS, NORMS
from zoo.errors import SpecError

NAME_PATTERN = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")
ROLES = ("local", "modulation", "frequency")
ESTIMATES = ("mapping", "masking", "mapping_and_mask")


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
    """

    n_fft: int
    hop_length: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_range("stft.n_fft", self.n_fft, 16, 32768)
        check_range("stft.hop_length", self.hop_length, 1, self.n_fft // 2)
        if self.n_fft % 2:
            raise SpecError(f"stft.n_fft: must be even, got {self.n_fft}")


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
class Spec:
    """A network of the family as data.

    Attributes:
        name: Lower-case identifier, also the name of the file it is kept in.
        title: What a person calls it.
        paper: Where it was published, for example ``arXiv:2111.12516``.
        sample_rate: Hz.
        channels: Audio channels C.
        sources: The sources it can be asked for, in the order of the embedding.
        stft: The time-frequency representation.
        chunk_frames: Frames T it was made to see at once.
        estimate: ``mapping``: it outputs the target's complex spectrogram; ``masking``: a complex
            mask that the mixture's spectrogram is multiplied by; ``mapping_and_mask``: a complex
            spectrogram plus a real mask times the mixture's. The mask lets through what has no
            room in the features, such as the highs of a network of many sub-bands.
        condition: How the source asked for reaches it; None in a single-source network.
        unet: The U-Net.
        file: Where it was read from; takes no part in comparisons.
    """

    name: str
    title: str = ""
    paper: str = ""
    sample_rate: int = 44100
    channels: int = 2
    sources: tuple[str, ...]
    stft: StftSpec
    chunk_frames: int = 128
    estimate: Literal["mapping", "masking", "mapping_and_mask"] = "mapping"
    condition: ConditionSpec | None = None
    unet: UNetSpec
    file: Path | None = None

    def __post_init__(self) -> None:
        """Check the ranges and what the parts demand of each other."""
        if not NAME_PATTERN.fullmatch(self.name):
            raise SpecError(
                "name: must be 1 to 64 lower-case letters, digits and underscores, "
                f"got {self.name[:80]!r}"
            )
        for key in ("title", "paper"):
            if len(getattr(self, key)) > 200:
                raise SpecError(f"{key}: must be at most 200 characters")
        check_range("sample_rate", self.sample_rate, 8000, 192000)
        check_range("channels", self.channels, 1, 8)
        check_choice("estimate", "estimate", self.estimate, ESTIMATES)
        self._check_sources()
        self._check_sizes()
        self._check_condition()

    def _check_sources(self) -> None:
        check_range("sources", len(self.sources), 1, 32)
        for source in self.sources:
            if not NAME_PATTERN.fullmatch(source):
                raise SpecError(
                    f"sources: {source[:80]!r} is no lower-case name (letters, digits, underscores)"
                )
        if len(set(self.sources)) < len(self.sources):
            raise SpecError(f"sources: every source once, got {list(self.sources)}")

    def _check_sizes(self) -> None:
        shrink = 2**self.unet.depth
        bins = self.stft.n_fft // 2
        if bins % (self.unet.num_subbands * shrink):
            raise SpecError(
                f"unet.depth: n_fft / 2 = {bins} bins in {self.unet.num_subbands} sub-band(s) "
                f"cannot be halved {self.unet.depth} times; lower depth or num_subbands"
            )
        check_range("chunk_frames", self.chunk_frames, shrink, 8192)
        if self.chunk_frames % shrink:
            raise SpecError(
                f"chunk_frames: must be a multiple of 2**depth = {shrink}, got {self.chunk_frames}"
            )

    def _check_condition(self) -> None:
        users = [name for name, stage in self.unet.stages() if stage.uses_condition]
        if self.condition is None and users:
            raise SpecError(f"condition: missing, but unet.{users[0]} has blocks that depend on it")
        if self.condition is not None and not users:
            raise SpecError("condition: given, but no block of unet depends on it; remove it")
        if len(self.sources) > 1 and not self.unet.decoder.uses_condition:
            raise SpecError(
                "sources: more than one, but no block of unet.decoder depends on the condition"
            )

    @property
    def num_bins(self) -> int:
        """Frequency bins F that enter the U-Net's first stage."""
        return self.stft.n_fft // 2 // self.unet.num_subbands

    @property
    def frame_multiple(self) -> int:
        """The number of frames must be a multiple of it: 2**depth."""
        return 2**self.unet.depth

    @property
    def chunk_samples(self) -> int:
        """Samples whose spectrogram has ``chunk_frames`` frames."""
        return (self.chunk_frames - 1) * self.stft.hop_length

    def to_dict(self) -> dict[str, Any]:
        """The spec as plain data; parsing it gives an equal spec back."""
        out: dict[str, Any] = {}
        for key in ("name", "title", "paper", "sample_rate", "channels"):
            out[key] = getattr(self, key)
        out["sources"] = list(self.sources)
        out["stft"] = _plain(self.stft)
        out["chunk_frames"] = self.chunk_frames
        out["estimate"] = self.estimate
        if self.condition is not None:
            out["condition"] = _plain(self.condition)
        out["unet"] = _unet_to_dict(self.unet)
        return out


def _plain(options: Any) -> dict[str, Any]:
    values = {item.name: getattr(options, item.name) for item in fields(options)}
    return {key: list(v) if isinstance(v, tuple) else v for key, v in values.items()}


def _unet_to_dict(unet: UNetSpec) -> dict[str, Any]:
    """Write options that all their stages agree on once, beside the stages, as people do."""
    out = {
        item.name: getattr(unet, item.name)
        for item in fields(unet)
        if item.name not in ("encoder", "middle", "decoder")
    }
    stages: dict[str, dict[str, Any]] = {}
    for stage_name, stage in unet.stages():
        stages[stage_name] = {}
        for role, block in stage.blocks():
            stages[stage_name][role] = block.name
            stages[stage_name] |= _plain(block.options)
    for option in sorted({key for stage in stages.values() for key in stage} - set(ROLES)):
        values = [stage[option] for stage in stages.values() if option in stage]
        if all(value == values[0] for value in values):
            out[option] = values[0]
            for stage in stages.values():
                stage.pop(option, None)
    return out | stages
