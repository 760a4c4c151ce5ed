"""What a network costs: parameters, multiply-accumulates (MACs), stages."""

from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.hooks import RemovableHandle

from zoo.networks.bounds import meta_network
from zoo.networks.network import SeparationNetwork
from zoo.specs.spec import Spec, StageSpec

__all__ = ["NetworkInfo", "StageInfo", "count_parameters", "measure_network"]


@dataclass(frozen=True, kw_only=True, slots=True)
class StageInfo:
    """One row of the stage table.

    Attributes:
        name: Place in the network, e.g. ``decoder.0`` or ``low_band.decoder.0``.
        blocks: Names of its blocks, in the order of computation.
        in_shape: (H, T, F) that enters, of one chunk.
        out_shape: (H, T, F) that leaves.
        parameters: Trainable numbers.
        macs_per_second: Multiply-accumulates per second of audio, all sources.
    """

    name: str
    blocks: tuple[str, ...]
    in_shape: tuple[int, int, int]
    out_shape: tuple[int, int, int]
    parameters: int
    macs_per_second: int


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkInfo:
    """What a network is made of and what it costs.

    Attributes:
        name: Name of its spec.
        spec: The network as data.
        parameters: Trainable numbers.
        macs_per_second: Multiply-accumulates per second of audio for all sources at once.
        macs_per_second_one_source: The same for one source.
        stages: The stage table.
    """

    name: str
    spec: Spec
    parameters: int
    macs_per_second: int
    macs_per_second_one_source: int
    stages: tuple[StageInfo, ...]


@lru_cache(maxsize=64)
def measure_network(spec: Spec) -> NetworkInfo:
    """Count parameters and multiply-accumulates of a spec's network; nothing is computed.

    The costs come from torch's flop counter over the network on the meta device, one chunk of
    ``spec.chunk_frames`` frames.

    Raises:
        SpecError: If the network would exceed the bounds.
    """
    network = meta_network(spec).eval().requires_grad_(requires_grad=False)
    all_sources, stages = _count(network, len(spec.sources))
    one_source, _ = _count(network, 1)
    return NetworkInfo(
        name=spec.name,
        spec=spec,
        parameters=count_parameters(network),
        macs_per_second=all_sources,
        macs_per_second_one_source=one_source,
        stages=stages,
    )


def count_parameters(module: nn.Module) -> int:
    """Count the numbers that training would change; buffers do not count."""
    return sum(parameter.numel() for parameter in module.parameters())


def _count(network: SeparationNetwork, num_conditions: int) -> tuple[int, tuple[StageInfo, ...]]:
    """MACs per second of audio, in all and by stage, for a number of sources sharing a mixture."""
    total, stages = _count_unet(network, num_conditions)
    if network.low_band is None:
        return total, stages
    more, low_stages = _count_unet(network.low_band, num_conditions)
    renamed = (replace(stage, name=f"low_band.{stage.name}") for stage in low_stages)
    return total + more, (*stages, *renamed)


def _count_unet(
    network: SeparationNetwork, num_conditions: int
) -> tuple[int, tuple[StageInfo, ...]]:
    spec = network.spec
    edge_channels = 2 * spec.channels * spec.unet.num_subbands
    bins = spec.num_bins + spec.sees_all_bins
    spectrogram = torch.empty(1, edge_channels, spec.chunk_frames, bins, device="meta")
    condition = None
    if spec.condition is not None:
        condition = torch.empty(num_conditions, spec.condition.embed_dim, device="meta")
    shapes = _ShapeRecorder(network.unet)
    counter = FlopCounterMode(display=False, depth=4)
    counter.mod_tracker = _ModuleTracker(network.unet)  # pyright: ignore[reportAttributeAccessIssue]
    with shapes, counter:
        network.unet(spectrogram, condition)
    seconds = spec.chunk_frames * spec.stft.hop_length / spec.sample_rate
    by_module = {
        name.removeprefix("UNet."): sum(counts.values())
        for name, counts in counter.get_flop_counts().items()
    }

    def per_second(flops: int) -> int:
        return round(flops / 2 / seconds)

    stages = tuple(
        StageInfo(
            name=name,
            blocks=blocks,
            in_shape=shapes.inputs[place],
            out_shape=shapes.outputs[place],
            parameters=count_parameters(network.unet.get_submodule(place)),
            macs_per_second=per_second(by_module.get(place, 0)),
        )
        for name, place, blocks in _places(spec)
    )
    return per_second(counter.get_total_flops()), stages


def _places(spec: Spec) -> list[tuple[str, str, tuple[str, ...]]]:
    """Name, module path and blocks of every row of the stage table, in the order of computation."""

    def names(stage: StageSpec) -> tuple[str, ...]:
        return tuple(block.name for _, block in stage.blocks())

    unet = spec.unet
    rows: list[tuple[str, str, tuple[str, ...]]] = [("entry", "entry", ("conv",))]
    for level in range(unet.depth):
        rows.append((f"encoder.{level}", f"encoder.{level}.stage", names(unet.encoder)))
        rows.append((f"encoder.{level}.down", f"encoder.{level}.down", ("conv",)))
    rows.append(("middle", "middle", names(unet.middle)))
    for level in range(unet.depth):
        rows.append((f"decoder.{level}.up", f"decoder.{level}.up", ("transposed conv",)))
        rows.append((f"decoder.{level}", f"decoder.{level}.stage", names(unet.decoder)))
    rows.append(("exit", "exit", ("conv",)))
    return rows


class _ModuleTracker:
    """Knows which modules of one network are computing, as the counter asks for it.

    torch's own tracker hooks every module of the process while it counts. A network that another
    thread computes then runs its hooks, and fails.

    Attributes:
        parents: Names of the modules that are computing, from the network's class on.
    """

    def __init__(self, network: nn.Module) -> None:
        self.parents = {"Global"}
        self._network = network
        self._hooks: list[RemovableHandle] = []

    def __enter__(self) -> None:
        for path, module in self._network.named_modules():
            name = ".".join(filter(None, (type(self._network).__name__, path)))
            self._hooks += [
                module.register_forward_pre_hook(lambda *_, name=name: self.parents.add(name)),
                module.register_forward_hook(lambda *_, name=name: self.parents.discard(name)),
            ]

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()


class _ShapeRecorder:
    """Context manager that records (H, T, F) in and out of every submodule.

    H of what goes in counts the channels of a skip connection too.
    """

    def __init__(self, module: nn.Module) -> None:
        self.inputs: dict[str, tuple[int, int, int]] = {}
        self.outputs: dict[str, tuple[int, int, int]] = {}
        self._module = module
        self._handles: list = []

    def __enter__(self) -> "_ShapeRecorder":
        for name, module in self._module.named_modules():
            self._handles.append(module.register_forward_hook(self._hook(name)))
        return self

    def __exit__(self, *exception: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _hook(self, name: str):
        def record(_module: nn.Module, inputs: tuple, out: object) -> None:
            features = [x for x in inputs if isinstance(x, torch.Tensor) and x.ndim == 4]
            if features and isinstance(out, torch.Tensor):
                _, _, frames, bins = features[0].shape
                self.inputs[name] = (sum(x.shape[1] for x in features), frames, bins)
                self.outputs[name] = tuple(out.shape[1:])  # pyright: ignore[reportArgumentType]

        return record
