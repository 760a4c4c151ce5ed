"""The U-Net of a spec: complex spectrogram in, the same shape out for every condition.

Shapes: see the legend in ``blocks.stage``. Features keep the batch B of the mixtures until the
first block that depends on the condition; from there on they have B * Q.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from blocks import BLOCKS, Downsampling, PerStageGenerator, SharedGenerator, StageShape, Upsampling
from blocks.condition import add_shared, expand_batch
from blocks.layers import activation as make_activation
from blocks.layers import norm_2d
from zoo.specs.spec import BlockSpec, Spec, StageSpec, UNetSpec

Modulations = list[tuple[Tensor, Tensor] | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class UNetFeatures:
    """What the encoder and the middle computed.

    Attributes:
        skips: Outputs of the encoder stages, the outermost first, (B or B * Q, H, T_i, F_i).
        middle: Output of the middle stage.
    """

    skips: tuple[Tensor, ...]
    middle: Tensor


def build_block(block: BlockSpec | None, shape: StageShape) -> Any:
    """Build the block of a stage, or None where the stage has none."""
    if block is None:
        return None
    return BLOCKS[block.name].from_stage(shape, block.options)


class Stage(nn.Module):
    """One stage: local -> modulation by the condition -> x + frequency(x).

    Args:
        spec: The names and options of its blocks.
        shape: Its derived sizes.
        own_generator: Whether the stage generates the weights of its modulation itself.

    Shape:
        x (B or B * Q, in_channels, T, F), condition (B * Q, E) -> (B or B * Q, H, T, F); or
        x (B * Q, in_channels - H, T, F), condition, and a skip that the conditions of a mixture
        share, (B, H, T, F) -> (B * Q, H, T, F)
    """

    def __init__(self, spec: StageSpec, shape: StageShape, *, own_generator: bool) -> None:
        super().__init__()
        self.local = build_block(spec.local, shape)
        # Asked of the method itself: other people's blocks, and what they derive from ours, need no
        # mark to be given what they can take.
        self.local_takes_skip = "skip" in inspect.signature(self.local.forward).parameters
        self.modulation: Any = build_block(spec.modulation, shape)
        inside = StageShape(
            in_channels=shape.channels,
            channels=shape.channels,
            num_bins=shape.num_bins,
            condition_dim=shape.condition_dim,
            activation=shape.activation,
            norm=shape.norm,
        )
        self.frequency: Any = build_block(spec.frequency, inside)
        self.frequency_listens = spec.frequency is not None and spec.frequency.uses_condition
        if self.modulation is not None and own_generator:
            assert shape.condition_dim is not None  # the spec's check
            self.generator = PerStageGenerator(
                shape.condition_dim,
                num_weights=self.modulation.num_weights,
                num_biases=self.modulation.num_biases,
            )
        else:
            self.generator = None

    def forward(
        self,
        x: Tensor,
        condition: Tensor | None,
        weights: tuple[Tensor, Tensor] | None,
        skip: Tensor | None = None,
    ) -> Tensor:
        """Compute the stage; ``weights`` are those that a shared generator made for it."""
        if skip is None:
            x = self.local(x)
        elif self.local_takes_skip:
            x = self.local(x, skip)
        else:
            x = self.local(torch.cat((x, expand_batch(skip, x.shape[0])), dim=1))
        if self.modulation is not None:
            if self.generator is not None:
                weights = self.generator(condition)
            assert weights is not None
            x = self.modulation(x, *weights)
        if self.frequency is None:
            return x
        y = self.frequency(x, condition) if self.frequency_listens else self.frequency(x)
        return add_shared(y, x)


class EncoderLevel(nn.Module):
    """A stage and the down-sampling that follows it."""

    stage: Stage
    down: Downsampling

    def __init__(self, stage: Stage, down: Downsampling) -> None:
        super().__init__()
        self.stage = stage
        self.down = down


class DecoderLevel(nn.Module):
    """An up-sampling and the stage that follows it, which reads the skip connection too."""

    up: Upsampling
    stage: Stage

    def __init__(self, up: Upsampling, stage: Stage) -> None:
        super().__init__()
        self.up = up
        self.stage = stage


class UNet(nn.Module):
    """The core of the network, without the STFT: static shapes, real tensors.

    Source: LaSAFT (arXiv 2010.11631), section 2.1 and fig. 1.

    Args:
        spec: The network as data.

    Shape:
        spectrogram (B, K * 2 C, T, F) of K sub-bands, condition (B * Q, E)
        -> (B * Q, K * P, T, F), P = 2 C parts, or 3 C where ``estimate`` is ``mapping_and_mask``
    """

    def __init__(self, spec: Spec) -> None:
        super().__init__()
        unet = spec.unet
        width, edge_channels = unet.width, 2 * spec.channels * unet.num_subbands
        # A (1, 2) kernel takes n_fft/2 + 1 bins to n_fft/2 and back; elsewhere no bin is odd.
        kernel_bins = 2 if spec.sees_all_bins else 1
        self.entry = nn.Sequential(
            nn.Conv2d(edge_channels, width, (1, kernel_bins)),
            norm_2d(unet.norm, width),
            make_activation(unet.activation),
        )
        encoder, decoder = nn.ModuleList(), nn.ModuleList()
        for level in range(unet.depth):
            stage = _make_stage(spec, unet.encoder, in_channels=width, halvings=level)
            encoder.append(EncoderLevel(stage, Downsampling(width, **_resampling(unet))))
        for level in reversed(range(unet.depth)):
            stage = _make_stage(spec, unet.decoder, in_channels=2 * width, halvings=level)
            decoder.append(DecoderLevel(Upsampling(width, **_resampling(unet)), stage))
        self.encoder = cast("Sequence[EncoderLevel]", encoder)
        self.middle = _make_stage(spec, unet.middle, in_channels=width, halvings=unet.depth)
        self.decoder = cast("Sequence[DecoderLevel]", decoder)
        exit_channels = edge_channels
        if spec.estimate == "mapping_and_mask":
            exit_channels += spec.channels * unet.num_subbands
        self.exit = nn.Conv2d(width, exit_channels, (1, kernel_bins), padding=(0, kernel_bins - 1))
        stages = [level.stage for level in self.encoder] + [self.middle]
        stages += [level.stage for level in self.decoder]
        self.generator = _shared_generator(spec, stages)
        self.shared_modulations = [
            self.generator is not None and stage.modulation is not None for stage in stages
        ]

    def forward(self, spectrogram: Tensor, condition: Tensor | None) -> Tensor:
        """Estimate the spectrogram (or mask) of every condition; see the class for shapes."""
        modulations = self._modulations(condition)
        features = self._encode(spectrogram, condition, modulations)
        return self._decode(features, condition, modulations)

    def encode(self, spectrogram: Tensor, condition: Tensor | None) -> UNetFeatures:
        """Compute encoder and middle; ``condition`` may be None where they do not see it."""
        return self._encode(spectrogram, condition, self._modulations(condition))

    def decode(self, features: UNetFeatures, condition: Tensor | None) -> Tensor:
        """Compute the decoder for every condition from what ``encode`` returned."""
        return self._decode(features, condition, self._modulations(condition))

    def _encode(
        self, spectrogram: Tensor, condition: Tensor | None, modulations: Modulations
    ) -> UNetFeatures:
        skips = []
        x = self.entry(spectrogram)  # (B, H, T, F)
        for level, weights in zip(self.encoder, modulations, strict=False):
            x = level.stage(x, condition, weights)
            skips.append(x)
            x = level.down(x)
        x = self.middle(x, condition, modulations[len(self.encoder)])
        return UNetFeatures(skips=tuple(skips), middle=x)

    def _decode(
        self, features: UNetFeatures, condition: Tensor | None, modulations: Modulations
    ) -> Tensor:
        x = features.middle
        in_decoder = modulations[len(self.encoder) + 1 :]
        for level, skip, weights in zip(
            self.decoder, reversed(features.skips), in_decoder, strict=True
        ):
            x = level.up(x)
            shared: Tensor | None = skip
            if skip.shape[0] == x.shape[0]:
                x, shared = torch.cat((x, skip), dim=1), None
            x = level.stage(x, condition, weights, shared)
        return self.exit(x)

    def _modulations(self, condition: Tensor | None) -> Modulations:
        """What the shared generator makes for every stage, in the order of computation."""
        if self.generator is None or condition is None:
            return [None] * len(self.shared_modulations)
        made = iter(self.generator(condition))
        return [next(made) if served else None for served in self.shared_modulations]


def _make_stage(spec: Spec, stage: StageSpec, *, in_channels: int, halvings: int) -> Stage:
    shape = StageShape(
        in_channels=in_channels,
        channels=spec.unet.width,
        num_bins=spec.num_bins // 2**halvings,
        condition_dim=spec.condition.embed_dim if spec.condition else None,
        activation=spec.unet.activation,
        norm=spec.unet.norm,
    )
    own_generator = spec.condition is not None and spec.condition.generator == "per_stage"
    return Stage(stage, shape, own_generator=own_generator)


def _resampling(unet: UNetSpec) -> dict[str, str]:
    return {"activation": unet.resampling_activation, "norm": unet.norm}


def _shared_generator(spec: Spec, stages: list[Stage]) -> SharedGenerator | None:
    """The generator that serves every modulated stage, where the spec asks for a shared one."""
    modulations = [stage.modulation for stage in stages if stage.modulation is not None]
    if spec.condition is None or spec.condition.generator != "shared" or not modulations:
        return None
    return SharedGenerator(
        spec.condition.embed_dim,
        num_weights=[modulation.num_weights for modulation in modulations],
        num_biases=[modulation.num_biases for modulation in modulations],
        num_layers=spec.condition.num_layers,
        dropout=spec.condition.dropout,
        normalise=any(modulation.normalised_weights for modulation in modulations),
    )
