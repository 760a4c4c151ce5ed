"""Exported graphs in fewer bits: float16, or int8 by ONNX Runtime's static quantizer."""

import dataclasses
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from zoo.errors import WeightsError
from zoo.evaluation.tracks import EvaluationTrack
from zoo.exporting.calibration import record_inputs
from zoo.exporting.cost import PrecisionCost, measure_cost
from zoo.exporting.writing import export_network, file_facts, make_way
from zoo.graphs.exported import ExportedNetwork, read_export
from zoo.graphs.record import RECORD_FILE, ExportRecord
from zoo.records.files import write_whole
from zoo.weights.resolving import ResolvedModel

if TYPE_CHECKING:
    import onnx

__all__ = ["REDUCED", "export_reduced", "inner_convolutions", "reduce_export"]

REDUCED = ("float16", "int8")
# Their inputs or outputs are spectrograms, whose quiet bins are lost in 256 steps: with them in
# int8 the house network lost 0.4 dB of SDR, without them 0.04 (docs/speed.md).
KEPT_LAYERS = (".entry.", ".exit.")
# The mean of the ranges of the calls, not the widest: rare peaks are clipped, and everything else
# gets finer steps. By the widest the house network lost 0.75 dB on the demo song, by these 0.004.
AVERAGED_RANGES = {"CalibMovingAverage": True, "CalibMovingAverageConstant": 0.1}


def reduce_export(
    network: ExportedNetwork, folder: Path, precision: str, *, pieces: Sequence[Tensor] = ()
) -> ExportedNetwork:
    """Write the graphs of an exported network in fewer bits, with a record.

    In int8 are the convolutions but the first and the last; what else there is stays as it was,
    because it is little work. Inputs and outputs stay float32.

    Args:
        network: In ONNX and float32.
        folder: Where to; made if needed.
        precision: ``float16`` or ``int8``.
        pieces: For int8: pieces (1, C, N) of songs, from which the ranges are taken.

    Raises:
        ValueError: Another precision, no pieces for int8, or a network that is not float32 ONNX.
    """
    record = network.record
    if precision not in REDUCED:
        raise ValueError(f"unknown precision {precision!r}; expected {' or '.join(REDUCED)}")
    if (record.graph_format, record.precision) != ("onnx", "float32"):
        raise ValueError(
            f"got graphs in {record.graph_format} of {record.precision}; only onnx in float32 can "
            "be reduced"
        )
    if precision == "int8" and not pieces:
        raise ValueError("int8 needs pieces of songs to take the ranges from; got none")
    folder.mkdir(parents=True, exist_ok=True)
    seen = record_inputs(network, pieces) if precision == "int8" else {}
    parts = []
    for part in record.parts:
        graphs = {}
        for name, graph in part.graphs.items():
            source, target = network.graph_path(graph), folder / graph.file
            if precision == "int8":
                _quantize(source, target, seen[graph.file])
            else:
                _halve(source, target)
            graphs[name] = dataclasses.replace(graph, **file_facts(target))
        parts.append(dataclasses.replace(part, graphs=graphs))
    reduced = dataclasses.replace(
        record,
        precision=precision,  # pyright: ignore[reportArgumentType]  # checked above
        parts=tuple(parts),
    )
    write_whole(folder / RECORD_FILE, reduced.to_json())
    return read_export(folder)


def _halve(source: Path, target: Path) -> None:
    """Write a graph in float16, with inputs and outputs as they were."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = convert_float_to_float16(onnx.load(source), keep_io_types=True)
    onnx.save(model, target)


def _quantize(source: Path, target: Path, calls: Sequence[Mapping[str, np.ndarray]]) -> None:
    """Write a graph with its inner convolutions in int8, or as it is where it has none."""
    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.quant_utils import add_pre_process_metadata

    class Calls(CalibrationDataReader):
        """Hands out recorded inputs one by one."""

        def __init__(self) -> None:
            self._left = iter(calls)

        # None ends it, which the base class does not say.
        def get_next(self) -> Any:
            return next(self._left, None)

    model = onnx.load(source)
    names = list(inner_convolutions(model))
    if not names:
        shutil.copyfile(source, target)
        return
    # Without the mark the quantizer advises on the root logger to optimise first; that is done.
    add_pre_process_metadata(model)
    quantize_static(
        model,
        target,
        Calls(),
        quant_format=QuantFormat.QDQ,
        per_channel=True,
        activation_type=QuantType.QUInt8,  # most features come out of a ReLU
        weight_type=QuantType.QInt8,
        nodes_to_quantize=names,
        extra_options=AVERAGED_RANGES,
    )


def inner_convolutions(model: "onnx.ModelProto") -> Iterator[str]:
    """Yield the names of the convolutions but those at the U-Net's ends."""
    weights = {tensor.name for tensor in model.graph.initializer}
    for node in model.graph.node:
        is_convolution = node.op_type == "Conv" and node.input[1] in weights
        if is_convolution and not any(layer in node.input[1] for layer in KEPT_LAYERS):
            yield node.name


def export_reduced(
    resolved: ResolvedModel,
    folder: str | Path,
    precision: str,
    *,
    tracks: Sequence[EvaluationTrack],
    pieces: Sequence[Tensor] = (),
    max_cost_db: float,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[ExportRecord, PrecisionCost]:
    """Export a network in fewer bits, measure what that costs, and write it if it is cheap.

    Args:
        resolved: The network with its weights, in eval mode.
        folder: Where to; made if needed. An earlier export there is replaced.
        precision: ``float16`` or ``int8``.
        tracks: Songs with their true sources, on which the cost is measured.
        pieces: For int8: pieces (1, C, N) of songs, from which the ranges are taken.
        max_cost_db: Refuse what costs more SDR than this.
        report: Called with a line of text before every step.

    Raises:
        WeightsError: It costs more; nothing was written.
        ValueError: What :func:`reduce_export` refuses.
    """
    folder = Path(folder)
    with tempfile.TemporaryDirectory(prefix="lightsaft-zoo-") as scratch:
        report("exporting in float32")
        export_network(resolved, Path(scratch) / "float32")
        exact = read_export(Path(scratch) / "float32")
        report(f"writing {precision}")
        reduced = reduce_export(exact, Path(scratch) / precision, precision, pieces=pieces)
        cost = measure_cost(exact, reduced, tracks, report=report)
        if not cost.sdr_cost <= max_cost_db:
            raise WeightsError(
                f"nothing was written, because {precision} costs more than {max_cost_db} dB of "
                f"SDR: {cost}. --accept-cost {math.ceil(cost.sdr_cost * 100) / 100} takes it "
                "all the same"
            )
        record = dataclasses.replace(reduced.record, sdr_cost_db=round(cost.sdr_cost, 4))
        make_way(folder)
        for part in record.parts:
            for graph in part.graphs.values():
                shutil.copyfile(reduced.graph_path(graph), folder / graph.file)
        write_whole(folder / RECORD_FILE, record.to_json())
    return record, cost
