"""How a network is cut into graphs that other runtimes can run: spectrograms in, spectrograms out.

The transform stays outside. Sub-bands, masks, embeddings and generators are inside, so that whoever
runs the graphs needs no more than a Fourier transform. Where the encoder does not see the condition
there is a graph of the encoder and one of the decoder, and a mixture is encoded once for all
sources; elsewhere one graph is the whole U-Net.

Shapes: see the legend in ``blocks.stage``. Every item of a batch has one condition: Q is 1.
"""

import copy
from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn.utils import parametrize

from zoo.graphs.record import BATCH, FRAMES, TensorFacts
from zoo.networks.folding import fold_batch_norms
from zoo.networks.network import SeparationNetwork
from zoo.networks.spectra import enter_unet, leave_unet, num_bins
from zoo.networks.unet import UNetFeatures
from zoo.specs.spec import Spec

__all__ = ["FULL_BAND", "LOW_BAND", "Graph", "GraphModule", "Part", "cut_network"]

FULL_BAND, LOW_BAND = "full_band", "low_band"
SPECTROGRAM, CONDITION, ESTIMATE, MIDDLE = "spectrogram", "condition", "estimate", "middle"


class GraphModule(nn.Module):
    """What all graphs are made of: a part of a network, without what only training needs.

    Args:
        part: The full band or the low band, in eval mode; it is copied.
    """

    def __init__(self, part: SeparationNetwork) -> None:
        super().__init__()
        self.spec = part.spec
        self.unet = copy.deepcopy(part.unet)
        self.embedding = copy.deepcopy(part.embedding)
        fold_batch_norms(self.unet)
        _compute_weights(self.unet)
        self.eval().requires_grad_(requires_grad=False)

    def embed(self, condition: Tensor | None) -> Tensor | None:
        """Weights of the sources (B, S) -> condition vectors (B, E)."""
        if self.embedding is None or condition is None:
            return None
        return condition @ self.embedding.weight


def _compute_weights(module: nn.Module) -> None:
    """Put plain layers in the place of those whose weight is computed from others.

    Not ``remove_parametrizations``: it changes the class, which copies of a layer share.
    """
    for name, child in module.named_children():
        if isinstance(child, nn.Linear) and parametrize.is_parametrized(child, "weight"):
            plain = nn.Linear(child.in_features, child.out_features, bias=child.bias is not None)
            plain.weight.data.copy_(child.weight)
            if child.bias is not None:
                plain.bias.data.copy_(child.bias)
            setattr(module, name, plain)
        else:
            _compute_weights(child)


class EncoderModule(GraphModule):
    """Encoder and middle: (B, 2 C, T, F) -> skip connections, the outermost first, and middle."""

    def forward(self, spectrogram: Tensor) -> tuple[Tensor, ...]:
        """Encode; see the class for shapes."""
        features = self.unet.encode(enter_unet(self.spec, spectrogram), None)
        return (*features.skips, features.middle)


class DecoderModule(GraphModule):
    """The decoder: skip connections, middle, condition, and the spectrogram where there is a mask.

    Shape:
        skips (B, H, T / 2^i, F / 2^i), middle, condition (B, S), spectrogram (B, 2 C, T, F)
        -> (B, 2 C, T, F)
    """

    def forward(self, *inputs: Tensor) -> Tensor:
        """Decode; see the class for shapes."""
        depth = self.spec.unet.depth
        features = UNetFeatures(skips=tuple(inputs[:depth]), middle=inputs[depth])
        estimate = self.unet.decode(features, self.embed(inputs[depth + 1]))
        return leave_unet(self.spec, estimate, inputs[-1])


class WholeModule(GraphModule):
    """A whole U-Net: spectrogram (B, 2 C, T, F) and, where it has sources, condition (B, S)."""

    def forward(self, spectrogram: Tensor, condition: Tensor | None = None) -> Tensor:
        """Estimate the source's spectrogram, (B, 2 C, T, F)."""
        estimate = self.unet(enter_unet(self.spec, spectrogram), self.embed(condition))
        return leave_unet(self.spec, estimate, spectrogram)


@dataclass(frozen=True, kw_only=True, slots=True)
class Graph:
    """One graph of a part.

    Attributes:
        name: ``encoder``, ``decoder`` or ``network``.
        module: What it computes.
        inputs: Names and shapes, in the order of the module's arguments.
        outputs: Names and shapes.
    """

    name: str
    module: GraphModule
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]

    @property
    def takes_any_number(self) -> bool:
        """Whether the module's arguments are of any number, as those of a decoder are."""
        return isinstance(self.module, DecoderModule)


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """A network whose estimates are added to those of the other parts.

    Attributes:
        name: ``full_band``, or ``low_band`` for the second look at the lowest frequencies.
        spec: The part's own spec.
        graphs: ``encoder`` and ``decoder``, or ``network``.
    """

    name: str
    spec: Spec
    graphs: tuple[Graph, ...]


def cut_network(network: SeparationNetwork) -> tuple[Part, ...]:
    """Cut a network into the graphs of its parts.

    Args:
        network: In eval mode.

    Raises:
        ValueError: A network in train mode.
    """
    names = (FULL_BAND, LOW_BAND)
    return tuple(
        Part(name=name, spec=part.spec, graphs=_cut_part(part))
        for name, part in zip(names, network.parts, strict=False)
    )


def _cut_part(part: SeparationNetwork) -> tuple[Graph, ...]:
    spec = part.spec
    bins = num_bins(spec)
    spectrogram = TensorFacts(name=SPECTROGRAM, shape=(BATCH, 2 * spec.channels, FRAMES, bins))
    condition = TensorFacts(name=CONDITION, shape=(BATCH, len(spec.sources)))
    estimate = TensorFacts(name=ESTIMATE, shape=spectrogram.shape)
    if part.embedding is None or not part.encodes_once:
        inputs = (spectrogram,) if part.embedding is None else (spectrogram, condition)
        whole = WholeModule(part)
        return (Graph(name="network", module=whole, inputs=inputs, outputs=(estimate,)),)
    features = _features(spec)
    masked = () if spec.estimate == "mapping" else (spectrogram,)
    return (
        Graph(name="encoder", module=EncoderModule(part), inputs=(spectrogram,), outputs=features),
        Graph(
            name="decoder",
            module=DecoderModule(part),
            inputs=(*features, condition, *masked),
            outputs=(estimate,),
        ),
    )


def _features(spec: Spec) -> tuple[TensorFacts, ...]:
    """Return the skip connections, the outermost first, and the middle features."""
    depth, width = spec.unet.depth, spec.unet.width
    names = [*(f"skip_{level}" for level in range(depth)), MIDDLE]
    return tuple(
        TensorFacts(
            name=name,
            shape=(
                BATCH,
                width,
                f"{FRAMES}/{2**level}" if level else FRAMES,
                spec.num_bins >> level,
            ),
        )
        for level, name in enumerate(names)
    )
