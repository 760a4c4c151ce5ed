"""Graphs by torch's exporters: ONNX, with batch and frames left open."""

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from zoo.graphs.cutting import Graph
from zoo.graphs.record import BATCH, Size
from zoo.records.files import open_whole

if TYPE_CHECKING:
    import onnx

__all__ = ["OPSET", "dynamic_shapes", "example_inputs", "quietly", "to_onnx", "write_onnx"]

OPSET = 20
EXAMPLE_BATCH = 2  # torch takes a size of one for a constant
EXAMPLE_STEPS = 3  # frames of the innermost stage
MAX_BATCH, MAX_STEPS = 4096, 1 << 16


def to_onnx(graph: Graph) -> "onnx.ModelProto":
    """Export a graph.

    Raises:
        RuntimeError: If a block holds what ONNX has no operator for.
    """
    shapes = dynamic_shapes(graph)
    with quietly():
        program = torch.onnx.export(
            graph.module,
            example_inputs(graph),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=shapes,
            input_names=[facts.name for facts in graph.inputs],
            output_names=[facts.name for facts in graph.outputs],
            external_data=False,
            verbose=False,
        )
    assert program is not None
    model = program.model_proto
    _name_sizes(model, graph)
    return model


def write_onnx(model: "onnx.ModelProto", path: Path, metadata: Mapping[str, str]) -> None:
    """Write a model with metadata in one file.

    Raises:
        OSError: The folder refuses.
    """
    from onnx import helper

    helper.set_model_props(model, dict(metadata))
    with open_whole(path) as file:
        file.write(model.SerializeToString(deterministic=True))


def example_inputs(graph: Graph) -> tuple[Tensor, ...]:
    """Return inputs of small sizes that fit a graph, the same every time."""
    generator = torch.Generator().manual_seed(0)

    def number(size: Size) -> int:
        if size == BATCH:
            return EXAMPLE_BATCH
        return EXAMPLE_STEPS * _steps(graph, size) if isinstance(size, str) else size

    return tuple(
        torch.randn([number(size) for size in facts.shape], generator=generator)
        for facts in graph.inputs
    )


def dynamic_shapes(graph: Graph) -> tuple[Any, ...]:
    """Return which sizes torch's exporter must leave open, for :func:`example_inputs`."""
    batch = torch.export.Dim(BATCH, max=MAX_BATCH)
    block = torch.export.Dim("steps", max=MAX_STEPS)

    def dimension(size: Size) -> Any:
        steps = 0 if size == BATCH else _steps(graph, size)
        return batch if size == BATCH else block if steps == 1 else steps * block

    shapes = tuple(
        {axis: dimension(size) for axis, size in enumerate(facts.shape) if isinstance(size, str)}
        for facts in graph.inputs
    )
    return (shapes,) if graph.takes_any_number else shapes


def _steps(graph: Graph, size: Size) -> int:
    """Return how many frames of an open size go into one of the innermost stage."""
    _, _, divisor = str(size).partition("/")
    return 2**graph.module.spec.unet.depth // int(divisor or 1)


def _name_sizes(model: "onnx.ModelProto", graph: Graph) -> None:
    """Give open sizes the names that our records have for them."""
    facts_by_name = {facts.name: facts for facts in (*graph.inputs, *graph.outputs)}
    for value in (*model.graph.input, *model.graph.output):
        sizes = value.type.tensor_type.shape.dim
        for size, ours in zip(sizes, facts_by_name[value.name].shape, strict=True):
            if isinstance(ours, str):
                size.dim_param = ours
            else:
                size.dim_value = ours
    del model.graph.value_info[:]  # the exporter's own names of sizes stand there


@contextmanager
def quietly() -> Iterator[None]:
    """Keep what torch's exporters say of their own insides from the user."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
