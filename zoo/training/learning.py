"""What of a network learns: everything, or as little as a new source needs.

``all`` is an ordinary training; ``all_but_statistics`` leaves the running statistics of batch
normalisations as they are and dropout off, for fine-tuning on little.

The methods for a new source, from the least to the most that they change:

- ``row``: the condition vector of the new source. What the network does for the others stays to
  the last bit.
- ``low_rank``: the vector, and a low-rank update (Hu et al., "LoRA", ICLR 2022) of the layers that
  turn condition vectors into modulations and queries. The update is kept out of the directions
  that the other sources' conditions take in those layers (as Wang et al., "Training networks in
  null space of feature covariance for continual learning", CVPR 2021, keep gradients), so that they
  stay what they were to rounding.
- ``decoder``: the vector and the whole decoder, which all sources share.

S: sources that stay, E: width of a layer's input, r: rank
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from blocks.attention import ConditionQuery, ListeningQuery
from blocks.condition import PerStageGenerator, SharedGenerator
from blocks.registry import Registry
from zoo.networks.builder import build_network
from zoo.networks.network import SeparationNetwork

__all__ = ["METHODS", "fold", "is_frozen", "prepare_learning"]

METHODS: Registry["Method"] = Registry("method")
Method = Callable[[SeparationNetwork, Sequence[int]], None]
"""Marks what learns in a network; the outputs of the sources at the places given must stay."""

EVERYTHING = "all"
MAX_RANK = 8
# Directions in which the sources that stay reach less than this share of their farthest are free.
SMALLEST_SHARE = 1e-5


class LowRankUpdate(nn.Module):
    """A weight plus ``update @ directions``, of which only the update learns.

    Args:
        directions: Orthonormal rows (r, E).
        num_outputs: Outputs of the layer.

    Shape:
        weight (outputs, E) -> (outputs, E)
    """

    directions: Tensor

    def __init__(self, directions: Tensor, num_outputs: int) -> None:
        super().__init__()
        self.register_buffer("directions", directions)
        self.update = nn.Parameter(directions.new_zeros(num_outputs, directions.shape[0]))

    def forward(self, weight: Tensor) -> Tensor:
        """Add the update."""
        return weight + self.update @ self.directions


def prepare_learning(network: SeparationNetwork, method: str, *, kept: Sequence[int]) -> None:
    """Make a network learn by a method.

    Args:
        network: Changed in place; with ``low_rank`` its state dict has other keys until it is
            folded.
        method: A name of ``METHODS``.
        kept: Places of the sources whose outputs must stay.
    """
    METHODS[method](network, kept)


def is_frozen(method: str) -> bool:
    """Whether the method leaves the statistics of batch normalisations alone, and dropout off."""
    return method != EVERYTHING


@METHODS.register("all")
def learn_all(network: SeparationNetwork, kept: Sequence[int]) -> None:
    """Let everything learn."""
    network.requires_grad_(requires_grad=True)


@METHODS.register("all_but_statistics")
def learn_all_but_statistics(network: SeparationNetwork, kept: Sequence[int]) -> None:
    """Let everything learn but statistics of normalisations, which small batches would spoil."""
    learn_all(network, kept)


@METHODS.register("row")
def learn_row(network: SeparationNetwork, kept: Sequence[int]) -> None:
    """Let the embeddings learn; the rows of sources that are not asked for get no gradient."""
    network.requires_grad_(requires_grad=False)
    for part in network.parts:
        if part.embedding is not None:
            part.embedding.requires_grad_(requires_grad=True)


@METHODS.register("low_rank")
@torch.no_grad()
def learn_low_rank(network: SeparationNetwork, kept: Sequence[int]) -> None:
    """Let the embeddings learn, and a low-rank update of what makes modulations of a condition."""
    learn_row(network, kept)
    for part in network.parts:
        assert part.embedding is not None  # a network of several sources has one
        inputs = _layer_inputs(part.unet, part.embedding.weight[list(kept)])
        for layer, seen in inputs.items():
            directions = _free_directions(seen)
            if len(directions):
                update = LowRankUpdate(directions, layer.out_features)
                # The layer's own weights stay frozen: they were when they were registered.
                parametrize.register_parametrization(layer, "weight", update)


@METHODS.register("decoder")
def learn_decoder(network: SeparationNetwork, kept: Sequence[int]) -> None:
    """Let the embeddings and the decoder learn."""
    learn_row(network, kept)
    for part in network.parts:
        for name, parameter in part.unet.named_parameters():
            if name.partition(".")[0] in ("decoder", "generator", "exit"):
                parameter.requires_grad_()


@torch.no_grad()
def fold(network: SeparationNetwork, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a state as a network without low-rank updates has it: added to the weights.

    Args:
        network: What the state is of; it stays as it is.
        state: Its state dict, or the moving average of one.
    """
    if not any(map(_is_updated, network.modules())):
        return dict(state)
    # A copy's updates cannot be removed: it shares the class that parametrize made for a layer.
    updated = copy.deepcopy(network)
    updated.load_state_dict(dict(state))
    plain = build_network(network.spec)
    plain.load_state_dict(updated.state_dict(), strict=False)
    for name, layer in updated.named_modules():
        if _is_updated(layer):
            target = cast("nn.Linear", plain.get_submodule(name))
            if parametrize.is_parametrized(target):
                target.weight = cast(
                    "nn.Parameter", layer.weight
                )  # split into length and direction
            else:
                target.weight.copy_(cast("Tensor", layer.weight))
    return plain.state_dict()


def _weight_forms(layer: nn.Module) -> list[nn.Module]:
    """Return what a layer's weight is computed by, in order; nothing for a plain one."""
    if not parametrize.is_parametrized(layer, "weight"):
        return []
    return list(cast("nn.ModuleDict", layer.parametrizations)["weight"].children())


def _is_updated(layer: nn.Module) -> bool:
    return any(isinstance(form, LowRankUpdate) for form in _weight_forms(layer))


def _layer_inputs(unet: nn.Module, conditions: Tensor) -> dict[nn.Linear, Tensor]:
    """Return what conditions (S, E) come to be before each layer that they reach alone, (S, E')."""
    inputs: dict[nn.Linear, Tensor] = {}
    layers = [module for module in unet.modules() if isinstance(module, nn.Linear)]
    hooks = [
        layer.register_forward_pre_hook(lambda module, given: inputs.update({module: given[0]}))
        for layer in layers
    ]
    was_training = unet.training
    unet.eval()
    for module in unet.modules():
        if isinstance(module, PerStageGenerator | SharedGenerator):
            module(conditions)
        elif isinstance(module, ConditionQuery):
            module.linear(conditions)
        elif isinstance(module, ListeningQuery):
            module.generator(conditions)
    unet.train(was_training)
    for hook in hooks:
        hook.remove()
    return inputs


def _free_directions(seen: Tensor) -> Tensor:
    """Return orthonormal rows (r, E) at right angles to the rows seen (S, E)."""
    _, sizes, directions = torch.linalg.svd(seen.double(), full_matrices=True)
    num_taken = int((sizes > SMALLEST_SHARE * sizes.max()).sum())
    return directions[num_taken:][:MAX_RANK].to(seen)
