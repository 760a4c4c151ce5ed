"""int8 against bfloat16 and float32 on this CPU, through OpenVINO: speed and cost in SDR.

python -m benchmarks.int8 --calibrate ../shared/house/train/album ../shared/house/train/renders \
    --data ../shared/house/valid

Every instruction set gets a process of its own, limited by oneDNN's ONEDNN_MAX_CPU_ISA, in which
the cases take turns: the exported folders, and the network by its name, whose sources share what a
skip connection gives all of them. Weights of lightsaft_tfctdf are random, which cost the same time;
instead of SDR its rows say how far the estimates are from those of float32. Where the package nncf
is installed, its quantizer takes part.
"""

import argparse
import dataclasses
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

import zoo
from zoo.benchmarking.measuring import make_song
from zoo.evaluation.tracks import EvaluationTrack, find_evaluation_tracks
from zoo.exporting import export_network
from zoo.exporting.calibration import GraphInputs, read_pieces, record_inputs
from zoo.exporting.cost import mean_sdr
from zoo.exporting.reducing import inner_convolutions, reduce_export
from zoo.exporting.writing import file_facts
from zoo.graphs.exported import ExportedNetwork, read_export
from zoo.records.files import write_whole
from zoo.records.machine import describe_machine
from zoo.weights.resolving import ResolvedModel, resolve_model

MODELS = {"lightsaft_tfctdf_small": "house", "lightsaft_tfctdf": "random"}
# "": all that the CPU has, AMX where it has that. The next is without AMX, the last also without
# instructions for bfloat16, so that bfloat16 takes no part.
INSTRUCTION_SETS = ("", "AVX512_CORE_BF16", "AVX512_CORE_VNNI")
WITHOUT_BFLOAT16 = ("AVX512_CORE_VNNI",)
NOISE_SECONDS = 12


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--calibrate", type=Path, nargs="+", metavar="SONG")
    parser.add_argument("--data", type=Path, metavar="DIR")
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=list(MODELS))
    parser.add_argument("--seconds", type=float, default=12.0, help="length of the song")
    parser.add_argument("--rounds", type=int, default=7, help="how often every case runs")
    parser.add_argument(
        "--instruction-sets", nargs="*", default=list(INSTRUCTION_SETS), metavar="ISA"
    )
    parser.add_argument(
        "--no-sdr", action="store_true", help="leave out the cost, which takes longest"
    )
    parser.add_argument("--worker", type=Path, nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--no-bfloat16", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        _work(arguments)
        return
    if not (arguments.calibrate and arguments.data):
        parser.error("--calibrate and --data are needed")
    machine = describe_machine()
    about = f"{machine['cpu']}, {machine['threads']} threads, AMX: {_has_amx()}"
    print(f"{about}; {machine['packages']}\n")
    print(
        "Times are: by the clock / of the processor, all threads. Ratios are medians over rounds.\n"
    )
    print("| model | instruction set | case | s/s audio | x float32 | x bfloat16 | cost |")
    print("| --- | --- | --- | --- | --- | --- | --- |", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        for model in arguments.models:
            _compare(model, Path(scratch) / model, arguments)


def _compare(model: str, scratch: Path, arguments: argparse.Namespace) -> None:
    resolved = _resolve(model)
    export_network(resolved, scratch / "float")
    exact = read_export(scratch / "float")
    pieces = read_pieces(arguments.calibrate, resolved.spec)
    reduce_export(exact, scratch / "int8", "int8", pieces=pieces)
    folders = [scratch / "float", scratch / "int8"]
    if importlib.util.find_spec("nncf") is not None:
        _quantize_by_nncf(exact, scratch / "int8 by NNCF", record_inputs(exact, pieces))
        folders.append(scratch / "int8 by NNCF")
    tracks = find_evaluation_tracks(arguments.data, sources=resolved.spec.sources)
    costs = {} if arguments.no_sdr else _costs(folders, resolved, tracks)
    for instruction_set in arguments.instruction_sets:
        timed = _time_apart([*folders, Path(model)], instruction_set, arguments)
        for name, runs in timed.items():
            row = [model, instruction_set or "all", name]
            row.append(
                " / ".join(f"{best / arguments.seconds:.3f}" for best in np.min(runs, axis=0))
            )
            for base in ("float, float32", "float, bfloat16"):
                ratios = np.median(np.divide(timed[base], runs), axis=0) if base in timed else ()
                row.append(" / ".join(f"{ratio:.2f}" for ratio in ratios) or "-")
            print(f"| {' | '.join([*row, costs.get(name, '-')])} |", flush=True)


def _resolve(model: str) -> ResolvedModel:
    resolved = resolve_model(model, weights=MODELS[model])
    if MODELS[model] == "random":
        for module in resolved.network.modules():
            if isinstance(module, nn.BatchNorm2d):  # no numbers so small that the CPU slows down
                nn.init.constant_(module.running_var, 0.5)
    return resolved


def _quantize_by_nncf(exact: ExportedNetwork, folder: Path, seen: GraphInputs) -> None:
    import nncf
    import onnx

    folder.mkdir()
    parts = []
    for part in exact.record.parts:
        graphs = {}
        for name, graph in part.graphs.items():
            model, calls = onnx.load(exact.graph_path(graph)), seen[graph.file]
            wanted = set(inner_convolutions(model))
            ignored = [node.name for node in model.graph.node if node.name not in wanted]
            quantized = nncf.quantize(
                model,
                nncf.Dataset(calls),
                subset_size=len(calls),
                preset=nncf.QuantizationPreset.MIXED,
                ignored_scope=nncf.IgnoredScope(names=ignored),
            )
            onnx.save(quantized, folder / graph.file)
            graphs[name] = dataclasses.replace(graph, **file_facts(folder / graph.file))
        parts.append(dataclasses.replace(part, graphs=graphs))
    record = dataclasses.replace(exact.record, precision="int8", parts=tuple(parts))
    write_whole(folder / "model.json", record.to_json())


def _costs(
    folders: Sequence[Path], resolved: ResolvedModel, tracks: Sequence[EvaluationTrack]
) -> dict[str, str]:
    """Return by case what it costs: SDR, or the distance to float32 where weights are random."""
    costs = {}
    reference: float | torch.Tensor | None = None
    for name, separator in _separators(folders, with_bfloat16=True):
        if resolved.weights != "random":
            value = mean_sdr(separator, tracks)
            reference = value if reference is None else reference
            costs[name] = f"{reference - value:.3f} dB of {reference:.3f}"
            continue
        audio = tracks[0].load()
        song = audio.mixture[:, : NOISE_SECONDS * audio.sample_rate]
        stems = separator((song, audio.sample_rate)).stems
        estimates = torch.from_numpy(np.stack(list(stems.values())))
        reference = estimates if reference is None else reference
        noise = (estimates - reference).square().sum()
        ratio = 10 * torch.log10(reference.square().sum() / noise)
        costs[name] = f"SNR {float(ratio):.1f} dB" if noise > 0 else "0"
    return costs


def _separators(
    folders: Sequence[Path], *, with_bfloat16: bool
) -> Iterator[tuple[str, zoo.Separator]]:
    for folder in folders:
        exported = folder.is_dir()
        for precision in ("float32", "bfloat16") if with_bfloat16 else ("float32",):
            yield (
                f"{folder.name if exported else 'by name'}, {precision}",
                zoo.Separator(
                    folder if exported else _resolve(folder.name).network.eval(),
                    device="cpu",
                    backend="openvino",
                    precision=precision,
                    pitches=1,
                ),
            )


def _time_apart(
    folders: Sequence[Path], instruction_set: str, arguments: argparse.Namespace
) -> dict[str, list[list[float]]]:
    """Time the cases in a process that knows one instruction set."""
    command = [sys.executable, __file__, "--seconds", str(arguments.seconds)]
    command += ["--rounds", str(arguments.rounds), "--worker", *map(str, folders)]
    if instruction_set in WITHOUT_BFLOAT16:
        command.append("--no-bfloat16")
    limit = {"ONEDNN_MAX_CPU_ISA": instruction_set} if instruction_set else {}
    done = subprocess.run(command, env=os.environ | limit, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def _work(arguments: argparse.Namespace) -> None:
    """Time the cases in turns; the first round, which compiles, does not count."""
    song = make_song(arguments.seconds)
    cases = dict(_separators(arguments.worker, with_bfloat16=not arguments.no_bfloat16))
    runs: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for index in range(arguments.rounds + 1):
        for name, separator in cases.items():
            wall, cpu = time.perf_counter(), time.process_time()
            separator((song, 44100))
            if index:
                runs[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    print(json.dumps(runs))


def _has_amx() -> bool:
    return bool(getattr(torch.cpu, "get_capabilities", dict)().get("amx_int8", False))


if __name__ == "__main__":
    main()
