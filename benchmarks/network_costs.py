"""Where the time of a separation goes on this CPU, and what cheaper networks would take.

    python -m benchmarks.network_costs [--precision float32] [--seconds 20] [--rounds 5]

Networks with random weights, which cost the same time, take turns through OpenVINO. Every song
fills its network's chunks, so that the padding of a last chunk does not count. "s/s" is seconds of
work per second of audio, the median over the rounds; "x" is the median of the rounds' ratios to the
first row. The first calls, which compile, are left out. "context" and "crossfade" are the shares of
a chunk's frames that its neighbours compute too. A network takes about 0.6 GB of memory.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any
from unittest import mock

import numpy as np
import openvino
from torch import nn

import zoo
from blocks import STFT
from zoo.benchmarking.measuring import make_song
from zoo.errors import SpecError
from zoo.networks.info import measure_network
from zoo.networks.network import SeparationNetwork
from zoo.records.machine import describe_machine
from zoo.records.tables import markdown_table
from zoo.separation.backends.openvino_core import get_core
from zoo.separation.chunking import choose_chunking
from zoo.separation.devices import precision_name
from zoo.specs.loading import load_spec
from zoo.specs.spec import Spec

AS_IS = "as it is"
# Frames of a low band overlap by three quarters at least, so half as many are twice as long.
HALF_FRAMES = {"low_band.n_fft": 16384, "low_band.hop_length": 4096}
VARIANTS: dict[str, dict[str, Any]] = {
    AS_IS: {},
    "no low band": {"low_band": None},
    "low band: half the frames": HALF_FRAMES | {"low_band.num_bins": 1024},
    "low band: half the frames, to 1,378 Hz": HALF_FRAMES,
    "low band: 256 bins": {"low_band.num_bins": 256},
    "low band: width 24": {"low_band.width": 24},
    "low band: 1 sub-band": {"low_band.num_subbands": 1},
    "low band: 2 sub-bands": {"low_band.num_subbands": 2},
    "low band: 8 sub-bands": {"low_band.num_subbands": 8},
    "width 32": {"unet.width": 32},
    "width 24": {"unet.width": 24},
    "depth 2": {"unet.depth": 2},
    "2 layers": {"unet.num_layers": 2},
    "4 latent sources": {"unet.num_latent_sources": 4},
    "bottleneck factor 8": {"unet.bottleneck_factor": 8},
    "width 32, low band: width 24": {"unet.width": 32, "low_band.width": 24},
    "width 24, low band: width 24": {"unet.width": 24, "low_band.width": 24},
    "2 layers, low band: width 24": {"unet.num_layers": 2, "low_band.width": 24},
    # Songs are cut into chunks of twice these frames.
    "chunks half as long": {"chunk_frames": 64},
    "chunks twice as long": {"chunk_frames": 256},
}
MOST_ROWS = 14
GRAPH, NETWORK = "graph of the U-Net", "network"
PARTS = {  # what the time of a call belongs to
    (STFT, "forward"): "STFT",
    (openvino.InferRequest, "infer"): GRAPH,
    (STFT, "inverse"): "inverse STFT",
    (SeparationNetwork, "forward"): NETWORK,
}
HEADER = ("variant", "parameters", "GMAC/s, all", "GMAC/s, one", "frames", "context", "crossfade")
Seconds = dict[str, float]  # by name, per second of audio


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidate:
    """A network that takes its turn.

    Attributes:
        facts: What its row says of it.
        separator: The network, ready to run.
        song: What it separates, (C, N).
        audio_seconds: How much new audio the song's chunks hold.
    """

    facts: tuple[str, ...]
    separator: zoo.Separator
    song: np.ndarray
    audio_seconds: float

    def run(self, num_sources: int) -> float:
        """Separate the song; return the seconds of work per second of audio."""
        sources = self.separator.sources[:num_sources]
        started = time.perf_counter()
        self.separator((self.song, self.separator.sample_rate), sources=sources)
        return (time.perf_counter() - started) / self.audio_seconds


def make_candidate(name: str, spec: Spec, options: argparse.Namespace) -> Candidate:
    """Build a spec's network, and a song that fills its chunks."""
    network, info = zoo.build(spec).eval(), measure_network(spec)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_var is not None:
            nn.init.constant_(module.running_var, 0.5)  # smaller numbers may slow the CPU down
    cut, rate, hop = choose_chunking(spec), spec.sample_rate, spec.stft.hop_length
    new = cut.hop_length * max(1, round(options.seconds * rate / cut.hop_length))
    frames = cut.chunk_length // hop + 1
    macs = (info.macs_per_second, info.macs_per_second_one_source)
    facts = [name, f"{info.parameters:,}", *(f"{number / 1e9:.2f}" for number in macs), str(frames)]
    facts += [f"{shared / hop / frames:.1%}" for shared in (2 * cut.context, cut.crossfade)]
    return Candidate(
        facts=tuple(facts),
        separator=zoo.Separator(
            network, device="cpu", backend="openvino", precision=options.precision, pitches=1
        ),
        song=make_song((new + cut.crossfade) / rate, sample_rate=rate)[: spec.channels],
        audio_seconds=new / rate,
    )


def print_variants(options: argparse.Namespace) -> None:
    """Let the variants take turns; one that the spec refuses is skipped."""
    candidates = []
    for name in dict.fromkeys((AS_IS, *options.variants)):
        try:
            spec = load_spec(options.model, overrides=VARIANTS[name])
            candidates.append(make_candidate(name, spec, options))
        except SpecError as error:
            print(f"{name}: skipped, {error}\n")
    print(f"precision: {precision_name(candidates[0].separator.precision)}\n", flush=True)
    runs: list[list[list[float]]] = [[[] for _ in options.counts] for _ in candidates]
    for index in range(options.rounds + 1):
        for candidate, of_candidate in zip(candidates, runs, strict=True):
            for count, times in zip(options.counts, of_candidate, strict=True):
                seconds = candidate.run(count)
                if index:
                    times.append(seconds)
    rows = []
    for candidate, of_candidate in zip(candidates, runs, strict=True):
        row = list(candidate.facts)
        for times, first in zip(of_candidate, runs[0], strict=True):
            row += [f"{median(times):.4f}", f"{median(np.divide(times, first).tolist()):.2f}"]
        rows.append(row)
    timed = [title for count in options.counts for title in (f"s/s, sources: {count}", "x")]
    print(markdown_table([*HEADER, *timed], rows), flush=True)


@contextmanager
def watch_passes(spec: Spec) -> Iterator[tuple[Seconds, set[openvino.InferRequest]]]:
    """Yield the seconds by part, and the graphs, which the passes inside fill in."""
    seconds: Seconds = defaultdict(float)
    graphs: set[openvino.InferRequest] = set()
    band = ""

    def timed(method: Callable[..., Any], part: str) -> Callable[..., Any]:
        def call(self: Any, *args: Any, **options: Any) -> Any:
            nonlocal band
            if isinstance(self, STFT):  # a band's transform comes before its graph
                band = "full band" if self.n_fft == spec.stft.n_fft else "low band"
            started = time.perf_counter()
            result = method(self, *args, **options)
            place = part if part == NETWORK else f"{band}: {part}"
            seconds[place] += time.perf_counter() - started
            if isinstance(self, openvino.InferRequest):
                graphs.add(self)
            return result

        return call

    with ExitStack() as stack:
        for (owner, name), part in PARTS.items():
            stack.enter_context(mock.patch.object(owner, name, timed(getattr(owner, name), part)))
        yield seconds, graphs


def measure_parts(candidate: Candidate, spec: Spec, num_sources: int) -> tuple[Seconds, Seconds]:
    """Return the parts of a pass, and the kernels of its last chunk's graphs."""
    with watch_passes(spec) as (seconds, graphs):
        whole = candidate.run(num_sources)
    parts = {name: value / candidate.audio_seconds for name, value in seconds.items()}
    network = parts.pop(NETWORK)
    parts["level, sub-bands, masks, copies"] = network - sum(parts.values())
    parts["cutting, overlap-add, residual, joining"] = whole - network
    kernels: Seconds = defaultdict(float)
    new_seconds = choose_chunking(spec).hop_length / spec.sample_rate
    for node in (node for graph in graphs for node in graph.profiling_info):
        if node.status == node.Status.EXECUTED:
            kernel = f"{node.node_type}, {node.exec_type}"
            kernels[kernel] += node.real_time.total_seconds() / new_seconds
    return parts, kernels


def print_parts(options: argparse.Namespace) -> None:
    """Print the parts of a pass of the spec as it is, and the kernels of its graphs."""
    spec, core = load_spec(options.model), get_core()
    candidate = make_candidate(AS_IS, spec, options)
    core.set_property("CPU", {"PERF_COUNT": True})
    try:
        for count in options.counts:
            candidate.run(count)
    finally:
        core.set_property("CPU", {"PERF_COUNT": False})
    turns = range(options.rounds)
    runs = [[measure_parts(candidate, spec, count) for _ in turns] for count in options.counts]
    print_shares("part", [[parts for parts, _ in rounds] for rounds in runs], options)
    print_shares("kernel", [[kernels for _, kernels in rounds] for rounds in runs], options)


def print_shares(
    title: str, columns: Sequence[Sequence[Seconds]], options: argparse.Namespace
) -> None:
    """Print medians over the rounds, the largest first, and what each further source takes."""
    names = {name for rounds in columns for found in rounds for name in found}
    medians = [
        {name: median(found.get(name, 0.0) for found in rounds) for name in names}
        for rounds in columns
    ]
    rows = []
    for name in sorted(names, key=lambda name: -medians[0][name])[:MOST_ROWS]:
        times = [(found[name], found[name] / sum(found.values())) for found in medians]
        cells = [cell for each, share in times for cell in (f"{each:.4f}", f"{share:.1%}")]
        further = (times[0][0] - times[-1][0]) / max(1, options.counts[0] - 1)
        rows.append([name, *cells, f"{further:.4f}"])
    timed = [title for count in options.counts for title in (f"s/s, sources: {count}", "share")]
    print("\n" + markdown_table([title, *timed, "each further source"], rows), flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="where the time of a separation goes")
    parser.add_argument("--model", default="lightsaft_tfctdf_small")
    parser.add_argument("--seconds", type=float, default=20, help="of audio, in whole chunks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--precision", default="auto", choices=["auto", "float32", "bfloat16"])
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS), choices=list(VARIANTS))
    parser.add_argument("--no-parts", action="store_true", help="leave out the parts of a pass")
    options = parser.parse_args(argv)
    options.counts = tuple(dict.fromkeys((len(load_spec(options.model).sources), 1)))
    print(f"{describe_machine()}\n")
    print_variants(options)
    if not options.no_parts:
        print_parts(options)


if __name__ == "__main__":
    main()
