"""Time a separation's pass in this checkout and in another one by turns, without loading.

    python -m benchmarks.compare_checkouts --other CHECKOUT [--model lightsaft_tfctdf] [--rounds 9]

Each checkout runs in a process of its own, which keeps its network; one of them works at a time.
Weights are random, which take the same time. A ratio is that of a round's two times; the median is
printed, with the lowest and the highest. Both use this Python's packages.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

import zoo
from zoo.benchmarking.measuring import make_song
from zoo.records.machine import describe_machine
from zoo.records.tables import markdown_table

ROOT = Path(__file__).parents[1]


class Pass:
    """A network's separation of a made song, in a process of a checkout.

    Args:
        process: Runs :func:`serve`.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, num_sources: int) -> float:
        """Separate the first sources; return the seconds of work per second of audio."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(num_sources, file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the process of {self._process.args} has ended")
        return float(answer)


@contextmanager
def start(checkout: Path, options: Sequence[str]) -> Iterator[Pass]:
    """Start the process of a checkout, and end it."""
    command = [sys.executable, str(Path(__file__).resolve()), "--serve", *options]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=checkout, env=environment, **pipes) as process:
        yield Pass(process)
        assert process.stdin is not None
        process.stdin.close()


def serve(options: argparse.Namespace) -> None:
    """Time a pass for every number of sources that comes in."""
    network = zoo.build(options.model).eval()
    separator = zoo.Separator(
        network, device="cpu", backend=options.backend, precision=options.precision, pitches=1
    )
    song = make_song(options.seconds, sample_rate=separator.sample_rate)[: separator.spec.channels]
    for line in sys.stdin:
        sources = separator.sources[: int(line)]
        started = time.perf_counter()
        separator((song, separator.sample_rate), sources=sources)
        print((time.perf_counter() - started) / options.seconds, flush=True)


def main(argv: Sequence[str] | None = None) -> None:
    """Print the times and the ratios."""
    parser = argparse.ArgumentParser(description="time a pass in two checkouts")
    parser.add_argument("--other", type=Path, help="checkout to compare with")
    parser.add_argument("--model", default="lightsaft_tfctdf_small", help="name or YAML spec")
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--seconds", type=float, default=20, help="of audio")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.serve:
        serve(options)
        return
    if options.other is None:
        parser.error("--other is missing")
    passed = [f"--{name}={getattr(options, name)}" for name in ("model", "backend", "precision")]
    passed.append(f"--seconds={options.seconds}")
    rows = []
    with ExitStack() as stack:
        checkouts = (options.other.resolve(), ROOT)
        other, here = (stack.enter_context(start(place, passed)) for place in checkouts)
        for count in dict.fromkeys((len(zoo.load_spec(options.model).sources), 1)):
            turns = [(other.run(count), here.run(count)) for _ in range(options.rounds + 1)][1:]
            ratios = sorted(new / old for old, new in turns)
            fastest = [f"{min(times):.4f}" for times in zip(*turns, strict=True)]
            spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
            rows.append([str(count), *fastest, f"{median(ratios):.3f}", spread])
    print(f"{describe_machine()}\n")
    header = ["sources", "other, s/s", "here, s/s", "here / other", "rounds"]
    print(markdown_table(header, rows))


if __name__ == "__main__":
    main()
