"""The U-Net of a spec: its stages and their blocks, and how people write them.

In plain data a stage is flat: ``{local: tfc, frequency: tdf, num_layers: 4}`` names blocks by their
roles and gives their options beside them. Options of several stages may stand beside the stages.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any

from blocks import BLOCKS, NoOptions, UnknownNameError
from blocks.layers import ACTIVATIONS, NORMS
from zoo.errors import SpecError
from zoo.records.bounds import OneOf, Range
from zoo.records.reading import Reader, check_fields, describe, join, to_plain

ROLES = ("local", "modulation", "frequency")
STAGES = ("encoder", "middle", "decoder")

Activation = Annotated[str, OneOf("activation", ACTIVATIONS)]


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

    @classmethod
    def from_plain(cls, value: object, path: str, reader: Reader) -> "StageSpec":
        """Read the names of the blocks, and each block's options from beside them."""
        if not isinstance(value, Mapping):
            problem = f"must be a mapping such as {{local: tfc}}, got {describe(value)}"
            raise reader.fault(path, problem)
        names = {role: value.get(role) for role in ROLES}
        for role, name in names.items():
            fitting = [known for known in BLOCKS if BLOCKS[known].role == role]
            if name not in (None, "none", *fitting):
                problem = str(UnknownNameError(f"{role} block", name, fitting))
                raise reader.fault(f"{path}.{role}", problem)
        options = _option_names(value)
        known = [*ROLES, *sorted({name for own in options.values() for name in own})]
        reader.keys(value, path, known=known, required=[])
        if "local" not in options:
            raise reader.fault(
                f"{path}.local", "missing; every stage has a local block such as tfc"
            )
        blocks = {}
        for role, own in options.items():
            given = {key: item for key, item in value.items() if key in own}
            kind = BLOCKS[value[role]].Options
            blocks[role] = BlockSpec(name=value[role], options=reader.record(kind, given, path))
        return cls(**blocks)

    def to_plain(self) -> dict[str, Any]:
        """Return the names of the blocks and all their options, side by side."""
        plain: dict[str, Any] = {}
        for role, block in self.blocks():
            plain |= {role: block.name} | to_plain(block.options)
        return plain


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

    depth: Annotated[int, Range(1, 10)]
    width: Annotated[int, Range(1, 1024)]
    num_subbands: Annotated[int, Range(1, 64)] = 1
    activation: Activation = "relu"
    norm: Annotated[str, OneOf("normalisation", NORMS)] = "batchnorm2d"
    resampling_activation: Activation = "relu"
    encoder: StageSpec
    middle: StageSpec
    decoder: StageSpec

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_fields(self, error=SpecError)

    def stages(self) -> tuple[tuple[str, StageSpec], ...]:
        """The three kinds of stages with their names, in the order of computation."""
        return (("encoder", self.encoder), ("middle", self.middle), ("decoder", self.decoder))

    @classmethod
    def from_plain(cls, value: object, path: str, reader: Reader) -> "UNetSpec":
        """Hand the options beside the stages to the stages with a block that has them."""
        mapping = reader.mapping(value, path)
        own = [part.name for part in fields(cls)]
        shared = {key: item for key, item in mapping.items() if key not in own}
        unused, known, stages = set(shared), set(own), {}
        for stage_name in STAGES:
            stage = mapping.get(stage_name)
            if isinstance(stage, Mapping):
                options = {name for names in _option_names(stage).values() for name in names}
                taken = {key: shared[key] for key in options & set(shared) if key not in stage}
                unused -= set(taken)
                known |= options
                stage = {**stage, **taken}
            stages[stage_name] = reader.read(StageSpec, stage, f"{path}.{stage_name}")
        if unused:
            key = sorted(unused, key=str)[0]
            problem = (
                f"{UnknownNameError('key', key, sorted(known))} (an option must belong to a block "
                "that a stage names, and not be given by every stage itself)"
            )
            raise reader.fault(join(path, key), problem)
        flat = {key: item for key, item in mapping.items() if key in own and key not in STAGES}
        return reader.record(cls, flat, path, **stages)

    def to_plain(self) -> dict[str, Any]:
        """Write options that all their stages agree on once, beside the stages, as people do."""
        plain = to_plain(self, without=STAGES)
        stages = {name: stage.to_plain() for name, stage in self.stages()}
        for option in sorted({key for stage in stages.values() for key in stage} - set(ROLES)):
            values = [stage[option] for stage in stages.values() if option in stage]
            if all(value == values[0] for value in values):
                plain[option] = values[0]
                for stage in stages.values():
                    stage.pop(option, None)
        return plain | stages


def _option_names(stage: Mapping[str, Any]) -> dict[str, set[str]]:
    """Return the names of the options by the role of each known block that a stage names."""
    return {
        role: {part.name for part in fields(BLOCKS[stage[role]].Options)}
        for role in ROLES
        if stage.get(role) in BLOCKS
    }
