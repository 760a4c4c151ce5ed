"""A cheaper network out of a trained one, to be trained on: for the curve of quality against cost.

    python -m benchmarks.thin_network house THIN.safetensors --set unet.width=32
    python -m zoo train --recipe house_small_real --initial THIN.safetensors ...

`--set` takes `unet.width`, `unet.num_layers` and `low_band.width`, none larger than the network
has it.

Of the channels that a block computes those stay that count most for their readers: the sum of the
sizes of the weights that read a channel, times the scale of its normalisation. Channels that a sum
or a modulation ties together stay together. Of a dense block's layers the last and the first ones
stay. Nothing makes up for what went: that is left to the training.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

import zoo
from zoo.specs.spec import Spec, StageSpec, UNetSpec
from zoo.weights.checkpoints import write_safetensors
from zoo.weights.resolving import resolve_model

State = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Convolution:
    """What a convolution reads and writes, by the keys of modules.

    A group of channels has the name of the module that writes it, and a stage's output that of the
    stage: all that a stage does to its channels is tied together.

    Attributes:
        inputs: The groups that it reads, in their order; none where it reads the spectrogram.
        output: The group that it writes; empty where it writes the spectrogram.
        transposed: Whether its weight has the input's channels first.
    """

    inputs: tuple[str, ...]
    output: str
    transposed: bool = False


def main(argv: Sequence[str] | None = None) -> int:
    """Write the cheaper network."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("weights", help="the trained network: a file, or a tag of --model")
    parser.add_argument("output", type=Path, metavar="THIN.safetensors")
    parser.add_argument("--model", default="lightsaft_tfctdf_small")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=NUMBER", dest="sizes")
    arguments = parser.parse_args(argv)
    resolved = resolve_model(arguments.model, weights=arguments.weights)
    sizes = {field: int(number) for field, number in (one.split("=") for one in arguments.sizes)}
    spec = zoo.load_spec(resolved.spec, overrides=sizes)
    state = thin(dict(resolved.network.state_dict()), resolved.spec, spec)
    write_safetensors(arguments.output, state, spec=spec, entry=resolved.entry)
    return 0


def thin(state: State, wide: Spec, narrow: Spec) -> State:
    """Return the tensors of a narrower network.

    Args:
        state: Those of the wide one, by its keys.
        wide: The spec that they are for.
        narrow: The same but for widths and numbers of layers.

    Raises:
        RuntimeError: If the specs differ in more than that.
    """
    thinned = dict(state)
    for prefix, before, after in zip(
        ("unet.", "low_band.unet."), wide.parts, narrow.parts, strict=False
    ):
        part = {
            key.removeprefix(prefix): thinned.pop(key) for key in state if key.startswith(prefix)
        }
        thinned |= {
            prefix + key: tensor
            for key, tensor in _thin_unet(part, before.unet, after.unet).items()
        }
    zoo.build(narrow).load_state_dict(thinned)
    return thinned


def _thin_unet(state: State, wide: UNetSpec, narrow: UNetSpec) -> State:
    wiring = _wiring(wide)
    kept = _kept_channels(state, wiring, narrow.width)
    names, gone = _surviving_layers(wiring, wide, narrow)
    thinned: State = {}
    for key, tensor in state.items():
        module = key.rpartition(".")[0]
        block = module.rpartition(".")[0]
        if block in gone:
            continue
        name = key.replace(block, names.get(block, block), 1)
        stage = _stage_of(key)
        if convolution := wiring.get(module):
            thinned[name] = _thin_convolution(tensor, convolution, kept, gone)
        elif ".generator.net.2." in key:
            matrix = (kept[stage][:, None] * wide.width + kept[stage]).flatten()
            rows = torch.cat((matrix, wide.width**2 + kept[stage]))  # weights, then biases
            thinned[name] = tensor[rows]
        elif tensor.ndim == 1 and ".attention." not in key and ".generator." not in key:
            normalised = wiring.get(f"{block}.0")  # the convolution before it, if there is one
            thinned[name] = tensor[kept[normalised.output if normalised else stage]]
        else:
            thinned[name] = tensor
    return thinned


def _wiring(unet: UNetSpec) -> dict[str, Convolution]:
    """Return the convolutions by the keys of their modules, in the order of the computation."""
    wiring = {"entry.0": Convolution((), "entry")}

    def add_stage(stage: str, blocks: StageSpec, *inputs: str) -> None:
        for layer in range(blocks.local.options.num_layers):
            last = layer + 1 == blocks.local.options.num_layers
            block = f"{stage}.local.layers.{layer}"
            wiring[f"{block}.0"] = Convolution(inputs, stage if last else block)
            inputs = (block, *inputs)

    below = "entry"
    for level in range(unet.depth):
        add_stage(f"encoder.{level}.stage", unet.encoder, below)
        below = f"encoder.{level}.down"
        wiring[f"{below}.0"] = Convolution((f"encoder.{level}.stage",), below)
    add_stage("middle", unet.middle, below)
    below = "middle"
    for level in range(unet.depth):
        up, skip = f"decoder.{level}.up", f"encoder.{unet.depth - 1 - level}.stage"
        wiring[f"{up}.0"] = Convolution((below,), up, transposed=True)
        below = f"decoder.{level}.stage"
        add_stage(below, unet.decoder, up, skip)
    wiring["exit"] = Convolution((below,), "")
    return wiring


def _stage_of(key: str) -> str:
    return "middle" if key.startswith("middle.") else ".".join(key.split(".")[:3])


def _kept_channels(
    state: State, wiring: Mapping[str, Convolution], width: int
) -> dict[str, Tensor]:
    """Return which channels of every group stay, in their order."""
    importance: dict[str, Tensor] = {}
    for module, convolution in wiring.items():
        weight = state[f"{module}.weight"].transpose(0, int(not convolution.transposed))
        if convolution.inputs:
            read = weight.abs().flatten(1).sum(1).tensor_split(len(convolution.inputs))
            for group, sizes in zip(convolution.inputs, read, strict=True):
                importance[group] = importance.get(group, 0) + sizes
    for module, convolution in wiring.items():
        scale = state.get(f"{module.removesuffix('.0')}.1.weight")
        if scale is not None:
            importance[convolution.output] = importance[convolution.output] * scale.abs()
    return {group: sizes.topk(width).indices.sort().values for group, sizes in importance.items()}


def _surviving_layers(
    wiring: Mapping[str, Convolution], wide: UNetSpec, narrow: UNetSpec
) -> tuple[dict[str, str], set[str]]:
    """Return the new keys of the last layers of the blocks, and the keys of those that go."""
    names: dict[str, str] = {}
    gone: set[str] = set()
    for place in ("encoder", "middle", "decoder"):
        before, after = (getattr(unet, place).local.options.num_layers for unet in (wide, narrow))
        for module in wiring:
            block, layer = module.removesuffix(".0").rpartition(".")[::2]
            if module.startswith(place) and block.endswith(".layers"):
                if int(layer) + 1 == before:
                    names[f"{block}.{layer}"] = f"{block}.{after - 1}"
                elif int(layer) >= after - 1:
                    gone.add(f"{block}.{layer}")
    return names, gone


def _thin_convolution(
    tensor: Tensor, convolution: Convolution, kept: Mapping[str, Tensor], gone: set[str]
) -> Tensor:
    written = kept.get(convolution.output)
    if tensor.ndim == 1:
        return tensor if written is None else tensor[written]
    weight = tensor.transpose(0, 1) if convolution.transposed else tensor
    if written is not None:
        weight = weight[written]
    if convolution.inputs:
        parts = weight.tensor_split(len(convolution.inputs), dim=1)
        read = zip(convolution.inputs, parts, strict=True)
        weight = torch.cat([part[:, kept[group]] for group, part in read if group not in gone], 1)
    return weight.transpose(0, 1) if convolution.transposed else weight


if __name__ == "__main__":
    raise SystemExit(main())
