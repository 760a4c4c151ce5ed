"""The one core of OpenVINO, how networks are compiled for the CPU, and exported graphs on it."""

import functools
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from zoo.errors import WeightsError
from zoo.graphs.exported import ExportedNetwork
from zoo.graphs.record import GraphFacts
from zoo.graphs.running import GraphNetwork, RunnablePart, Runner
from zoo.no_telemetry import import_openvino

if TYPE_CHECKING:
    import openvino

__all__ = ["compile_network", "get_core", "load_exported"]

PRECISIONS = {torch.float32: "f32", torch.bfloat16: "bf16"}

_core_lock = threading.Lock()


def get_core() -> "openvino.Core":
    """Return the one core of this process, which is never freed.

    On CPUs with AMX a core's plugin gives the thread that loads it a stack for signals. Of two that
    are freed in the order they came, the second gives back the first one's, whose memory is gone,
    and the next signal that Python handles ends the process.
    """
    with _core_lock:
        return _make_core()


@functools.cache
def _make_core() -> "openvino.Core":
    return import_openvino().Core()


def compile_network(model: "openvino.Model", precision: torch.dtype) -> "openvino.InferRequest":
    """Compile for one song at a time on torch's number of threads.

    Args:
        model: Of fixed sizes; it is changed in place.
        precision: float32 or bfloat16.
    """
    _scale_before_linear_layers(model)
    options = {
        "INFERENCE_PRECISION_HINT": PRECISIONS[precision],
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }
    return get_core().compile_model(model, "CPU", options).create_infer_request()


def _scale_before_linear_layers(model: "openvino.Model") -> None:
    """Scale the channels before a linear layer over frequency that a normalisation follows.

    The layer treats channels alike, so their scales may come first: norm(W x) = W (scale x) +
    shift. The compiler would put scales that come behind it into the weights, which are then others
    for every channel, and such a product it computes in float32 whatever the precision.
    """
    from openvino import opset13 as ops

    for norm in model.get_ops():
        if norm.get_type_name() != "BatchNormInference":
            continue
        product, gamma, beta, mean, variance = norm.input_values()
        linear, rank = product.get_node(), len(product.get_partial_shape())
        is_product = linear.get_type_name() == "MatMul" and len(product.get_target_inputs()) == 1
        # Of two dimensions, (B, H), the layer mixes the channels themselves.
        if not is_product or rank == 2 or linear.get_attributes()["transpose_a"]:
            continue
        x, weights = linear.input_values()
        if len(weights.get_partial_shape()) != 2:
            continue
        epsilon = ops.constant(norm.get_attributes()["epsilon"], gamma.get_element_type())
        scale = ops.divide(gamma, ops.sqrt(ops.add(variance, epsilon)))
        shift = ops.subtract(beta, ops.multiply(mean, scale))
        behind = ops.constant(list(range(1, rank - 1)))  # (H) -> (H, 1, 1)
        scaled = ops.multiply(x, ops.unsqueeze(scale, behind))
        again = ops.matmul(scaled, weights, **linear.get_attributes())
        shifted = ops.add(again, ops.unsqueeze(shift, behind))
        norm.output(0).replace(shifted.output(0))


def load_exported(network: ExportedNetwork, precision: torch.dtype) -> GraphNetwork:
    """Read the graphs of an exported folder.

    Raises:
        WeightsError: If OpenVINO cannot read one.
    """
    parts = [
        RunnablePart(
            spec=spec,
            graphs={
                name: _make_runner(network.graph_path(graph), graph, precision)
                for name, graph in part.graphs.items()
            },
        )
        for spec, part in zip(network.spec.parts, network.record.parts, strict=True)
    ]
    return GraphNetwork(network.spec, parts)


def _make_runner(path: Path, facts: GraphFacts, precision: torch.dtype) -> Runner:
    graph = _ExportedGraph(path, facts, precision)
    return Runner(
        inputs=tuple(value.name for value in facts.inputs),
        outputs=tuple(value.name for value in facts.outputs),
        run=graph.run,
    )


class _ExportedGraph:
    """A graph that is compiled for every choice of sizes that it meets: a song has one."""

    def __init__(self, path: Path, facts: GraphFacts, precision: torch.dtype) -> None:
        try:
            self._model = get_core().read_model(path)
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise WeightsError(f"{path}: OpenVINO cannot read this graph: {reason}") from error
        self._inputs = [value.name for value in facts.inputs]
        self._outputs = [value.name for value in facts.outputs]
        self._precision = precision
        self._requests: dict[tuple[tuple[int, ...], ...], openvino.InferRequest] = {}

    def run(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        request = self._request(tuple(tuple(tensor.shape) for tensor in tensors))
        arrays = {name: tensor.numpy() for name, tensor in zip(self._inputs, tensors, strict=True)}
        values = request.infer(arrays, share_inputs=True, share_outputs=True)
        # The request owns the memory and writes there again in the next call.
        return [torch.from_numpy(values[name]).clone() for name in self._outputs]

    def _request(self, shapes: tuple[tuple[int, ...], ...]) -> "openvino.InferRequest":
        if shapes not in self._requests:
            model = self._model.clone()
            named = zip(self._inputs, shapes, strict=True)
            model.reshape({name: list(shape) for name, shape in named})
            self._requests[shapes] = compile_network(model, self._precision)
        return self._requests[shapes]
