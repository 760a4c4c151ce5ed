"""A network through ONNX Runtime: exported folders, and networks that are exported on the way.

A network is exported once and kept in the cache, because that takes seconds.
"""

import importlib.util
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import zoo
from zoo.errors import WeightsError
from zoo.graphs.cutting import Part, cut_network
from zoo.graphs.exported import ExportedNetwork
from zoo.graphs.onnx_files import OPSET, to_onnx
from zoo.graphs.running import GraphNetwork, RunnablePart, Runner
from zoo.networks.network import SeparationNetwork
from zoo.records.files import digest_of, write_whole
from zoo.separation.backends.backend import BACKENDS
from zoo.weights.digest import digest_tensors

__all__ = ["OnnxRuntimeBackend", "is_installed", "load_exported"]

logger = logging.getLogger(__name__)

EXPORTERS = ("onnx", "onnxscript")


def is_installed(package: str = "onnxruntime") -> bool:
    """Whether a package is there."""
    return importlib.util.find_spec(package) is not None


class OnnxRuntimeBackend:
    """Runs exported graphs, and the U-Nets of networks as such graphs, on CPUs only."""

    name = "onnxruntime"
    # Below torch: it is slower than OpenVINO in float32 and has no bfloat16 (docs/speed.md).
    rank = -10
    fills_last_chunk = True
    autocasts = False

    def version(self) -> str:
        """Return ONNX Runtime's version."""
        import onnxruntime

        return onnxruntime.__version__

    def obstacle(self, network: nn.Module, device: torch.device) -> str | None:
        """Return why it cannot run a network here; None if it can."""
        if device.type != "cpu":
            return f"it serves the CPU, not {device}"
        if not isinstance(network, SeparationNetwork | ExportedNetwork):
            return (
                f"it runs networks that zoo.build made, and exported ones, not "
                f"{type(network).__name__}"
            )
        if isinstance(network, ExportedNetwork) and network.record.graph_format != "onnx":
            return (
                f"it reads the format onnx, and {network.folder} is {network.record.graph_format}"
            )
        needed = ["onnxruntime"]
        if isinstance(network, SeparationNetwork):
            needed += EXPORTERS
        missing = [package for package in needed if not is_installed(package)]
        return f"not installed: pip install {' '.join(missing)}" if missing else None

    def fastest_precision(self, device: torch.device) -> torch.dtype:
        """Return float32: it has no kernels in bfloat16 for CPUs."""
        del device
        return torch.float32

    def prepare(
        self,
        network: nn.Module,
        *,
        device: torch.device,
        precision: torch.dtype,
        cache: Path | None,
        may_fall_back: bool,
    ) -> nn.Module:
        """Return a network of sessions.

        Raises:
            ValueError: Another precision than float32.
        """
        del device, may_fall_back
        if precision != torch.float32:
            raise ValueError(
                "the onnxruntime backend computes in float32; use precision auto or float32"
            )
        if isinstance(network, ExportedNetwork):
            return load_exported(network)
        assert isinstance(network, SeparationNetwork)
        folder = None if cache is None else cache / _fingerprint(network)
        parts = [
            RunnablePart(spec=part.spec, graphs=_export_part(part, folder))
            for part in cut_network(network)
        ]
        return GraphNetwork(network.spec, parts)


def load_exported(network: ExportedNetwork) -> GraphNetwork:
    """Make sessions of the graphs of a folder."""
    parts = [
        RunnablePart(
            spec=spec,
            graphs={
                name: _make_runner(network.graph_path(graph), named=str(network.graph_path(graph)))
                for name, graph in part.graphs.items()
            },
        )
        for spec, part in zip(network.spec.parts, network.record.parts, strict=True)
    ]
    return GraphNetwork(network.spec, parts)


def _export_part(part: Part, folder: Path | None) -> dict[str, Runner]:
    """Make sessions of the graphs of a part, from the cache where they are there."""
    runners = {}
    for graph in part.graphs:
        path = None if folder is None else folder / f"{part.name}.{graph.name}.onnx"
        if path is not None and path.is_file():
            try:
                runners[graph.name] = _make_runner(path, named=path.name)
                continue
            except WeightsError:
                logger.warning("%s cannot be read; exporting the network again", path)
        model = to_onnx(graph).SerializeToString()
        runners[graph.name] = _make_runner(model, named=f"{part.name}.{graph.name}")
        if path is not None:
            _store(model, path)
    return runners


def _make_runner(model: Path | bytes, *, named: str) -> Runner:
    """Open a session.

    Raises:
        WeightsError: If it is no model that this version of ONNX Runtime can run.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    options.log_severity_level = 3  # errors; what the optimiser remarks is for its authors
    source = model if isinstance(model, bytes) else str(model)
    try:
        session = onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # it has no common base of its errors but this one
        reason = str(error).strip().splitlines()[0]
        raise WeightsError(f"{named}: ONNX Runtime cannot run this graph: {reason}") from error
    inputs = tuple(value.name for value in session.get_inputs())
    outputs = tuple(value.name for value in session.get_outputs())

    def run(tensors: Sequence[Tensor]) -> list[Tensor]:
        arrays = {name: tensor.numpy() for name, tensor in zip(inputs, tensors, strict=True)}
        values = session.run(list(outputs), arrays)
        return [torch.from_numpy(np.asarray(value)) for value in values]

    return Runner(inputs=inputs, outputs=outputs, run=run)


def _fingerprint(network: SeparationNetwork) -> str:
    """Return what decides over exported graphs, in short."""
    weights = digest_tensors(network.state_dict())
    versions = [zoo.__version__, torch.__version__, OPSET]
    return digest_of([network.spec.to_dict(), weights, versions])[:32]


def _store(model: bytes, path: Path) -> None:
    """Keep a graph for later starts."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, model)
    except OSError as error:
        logger.info("the exported network is not kept: %s", error)


BACKENDS.add("onnxruntime", OnnxRuntimeBackend())
