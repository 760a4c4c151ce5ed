"""The file formats that graphs are written in, each registered under its name in ``FORMATS``."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import torch

from blocks.registry import Registry
from zoo.graphs.cutting import Graph
from zoo.graphs.onnx_files import (
    OPSET,
    dynamic_shapes,
    example_inputs,
    quietly,
    to_onnx,
    write_onnx,
)

__all__ = ["FORMATS", "GraphFormat"]


class GraphFormat(Protocol):
    """One way to write a graph. To add one, register an instance in :data:`FORMATS`.

    Attributes:
        suffix: Of its files.
        opset: Version of its operators, where it has such.
        needs: Packages that must be installed to write it.
    """

    suffix: str
    opset: int | None
    needs: tuple[str, ...]

    def write(self, graph: Graph, path: Path, metadata: Mapping[str, str]) -> None:
        """Write a graph, batch and frames left open, with texts by name beside it."""
        ...


FORMATS: Registry[GraphFormat] = Registry("graph format")


def missing_packages(graph_format: GraphFormat) -> list[str]:
    """Return the packages that a format needs and that are not installed."""
    return [name for name in graph_format.needs if importlib.util.find_spec(name) is None]


class OnnxFormat:
    """ONNX, for ONNX Runtime, OpenVINO, browsers, phones and others."""

    suffix: str = ".onnx"
    opset: int | None = OPSET
    needs: tuple[str, ...] = ("onnx", "onnxscript")

    def write(self, graph: Graph, path: Path, metadata: Mapping[str, str]) -> None:
        """Write a graph; see :class:`GraphFormat`."""
        write_onnx(to_onnx(graph), path, metadata)


class TorchScriptFormat:
    """TorchScript, for ``torch.jit.load`` in Python and LibTorch in C++."""

    suffix: str = ".ts"
    opset: int | None = None
    needs: tuple[str, ...] = ()

    def write(self, graph: Graph, path: Path, metadata: Mapping[str, str]) -> None:
        """Write a graph; see :class:`GraphFormat`."""
        with quietly():
            traced = torch.jit.trace(graph.module, example_inputs(graph), check_trace=False)
            torch.jit.save(traced, str(path), _extra_files=dict(metadata))


class ExportedProgramFormat:
    """PT2, for ``torch.export.load`` and what compiles its programs."""

    suffix: str = ".pt2"
    opset: int | None = None
    needs: tuple[str, ...] = ()

    def write(self, graph: Graph, path: Path, metadata: Mapping[str, str]) -> None:
        """Write a graph; see :class:`GraphFormat`."""
        with quietly():
            program = torch.export.export(
                graph.module,
                example_inputs(graph),
                dynamic_shapes=dynamic_shapes(graph),
                strict=False,
            )
            torch.export.save(program, path, extra_files=dict(metadata))


FORMATS.add("onnx", OnnxFormat())
FORMATS.add("torchscript", TorchScriptFormat())
FORMATS.add("pt2", ExportedProgramFormat())
