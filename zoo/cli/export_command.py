"""``python -m zoo export``: a network as files that other runtimes read."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.graphs.record import ExportRecord
    from zoo.weights.resolving import ResolvedModel

HELP = "export a network to ONNX, TorchScript or PT2, for other runtimes and for browsers"
MAX_COST_DB = 0.1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``export``."""
    parser.add_argument("model", help="name, YAML file, weights file or Hub repository")
    parser.add_argument(
        "-w",
        "--weights",
        default="default",
        help="tag, checkpoint file, Hub repository, or 'random' for a trial run without any",
    )
    parser.add_argument(
        "-f",
        "--format",
        default="onnx",
        help="onnx, torchscript, pt2, or one that a plugin adds (default: %(default)s)",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder for the export"
    )
    reduced = parser.add_argument_group(
        "fewer bits", "the cost in SDR is measured and printed; the graphs must be ONNX"
    )
    choice = reduced.add_mutually_exclusive_group()
    choice.add_argument(
        "--dtype",
        choices=("float32", "float16"),
        default="float32",
        help="of the weights and of what is computed (default: %(default)s)",
    )
    choice.add_argument(
        "--quantize", choices=("int8",), help="convolutions in int8, for ranges see --calibrate"
    )
    reduced.add_argument(
        "--calibrate",
        type=Path,
        nargs="+",
        metavar="SONG",
        help="for --quantize: songs, folders of songs, or folders of tracks with a file per source",
    )
    reduced.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="measure the cost on these tracks, a file per source (default: the demo song)",
    )
    reduced.add_argument(
        "--accept-cost",
        type=float,
        default=MAX_COST_DB,
        metavar="DB",
        help="write what costs up to so many dB of SDR (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Export, and print what was written."""
    from zoo.exporting import export_network
    from zoo.graphs.record import RECORD_FILE
    from zoo.weights.resolving import resolve_model

    precision = arguments.quantize or arguments.dtype
    _check_choices(arguments, precision)
    resolved = resolve_model(arguments.model, weights=arguments.weights)
    for notice in resolved.notices:
        print(f"note: {notice}", file=sys.stderr)
    if precision == "float32":
        record = export_network(resolved, arguments.output, graph_format=arguments.format)
    else:
        record = _export_reduced(arguments, resolved, precision)
    for part in record.parts:
        for graph in part.graphs.values():
            print(f"{graph.num_bytes / 1e6:8.2f} MB  {arguments.output / graph.file}")
    print(f"             {arguments.output / RECORD_FILE}")
    return 0


def _check_choices(arguments: argparse.Namespace, precision: str) -> None:
    if precision != "float32" and arguments.format != "onnx":
        raise ValueError(f"{precision} is for --format onnx, got {arguments.format}")
    if arguments.quantize and not arguments.calibrate:
        raise ValueError("--quantize needs --calibrate SONG ...: songs of the kind to separate")
    if arguments.calibrate and not arguments.quantize:
        raise ValueError("--calibrate is for --quantize")


def _export_reduced(
    arguments: argparse.Namespace, resolved: "ResolvedModel", precision: str
) -> "ExportRecord":
    from zoo.evaluation.tracks import find_evaluation_tracks
    from zoo.exporting.calibration import read_pieces
    from zoo.exporting.reducing import export_reduced

    data = arguments.data or _demo_songs()
    tracks = find_evaluation_tracks(
        data, sources=resolved.spec.sources, part_of=resolved.spec.part_of
    )
    pieces = read_pieces(arguments.calibrate, resolved.spec) if arguments.calibrate else []
    record, cost = export_reduced(
        resolved,
        arguments.output,
        precision,
        pieces=pieces,
        tracks=tracks,
        max_cost_db=arguments.accept_cost,
        report=lambda line: print(line, file=sys.stderr),
    )
    print(f"on {data}: {cost}")
    return record


def _demo_songs() -> Path:
    import zoo

    return Path(zoo.__file__).parent / "examples" / "demo_song"
