"""``bench``: how fast separation is on this machine."""

import argparse
import sys
from pathlib import Path

HELP = "measure speed and memory of separation on this machine"
MEMORY_SECONDS = {"1 minute": 60, "1 hour": 3600}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``bench``."""
    parser.add_argument(
        "-m", "--model", default="lightsaft_tfctdf", help="spec to measure (default: %(default)s)"
    )
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="length of the song (default: %(default)s)"
    )
    parser.add_argument(
        "--rounds", type=int, default=3, help="how often every case runs (default: %(default)s)"
    )
    parser.add_argument(
        "--no-peers", action="store_true", help="leave other programs' networks out"
    )
    parser.add_argument(
        "--memory",
        action="store_true",
        help="also compare the peak memory of a minute and an hour of audio (takes minutes)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything measured")


def run(arguments: argparse.Namespace) -> int:
    """Measure, print a table, and write the record."""
    import json

    from zoo.benchmarking import (
        build_cases,
        format_table,
        measure_peak_memory,
        time_interleaved,
        to_record,
    )
    from zoo.records.machine import describe_machine
    from zoo.specs.loading import load_spec

    spec = load_spec(arguments.model)
    machine = describe_machine()
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    print(f"{machine['cpu']}, {machine['cores']} cores, {machine['threads']} threads; {packages}")
    cases = build_cases(arguments.model, with_peers=not arguments.no_peers)
    measurements = time_interleaved(
        cases,
        seconds=arguments.seconds,
        rounds=arguments.rounds,
        report=lambda line: print(line, file=sys.stderr),
    )
    print(f"{arguments.model}, {arguments.seconds:.0f} s of audio, {arguments.rounds} rounds\n")
    print(format_table(measurements))
    memory: dict[str, int] = {}
    if arguments.memory:
        for name, seconds in MEMORY_SECONDS.items():
            print(f"peak memory: {name}", file=sys.stderr)
            memory[name] = measure_peak_memory(
                arguments.model, seconds=seconds, sources=spec.sources[:1]
            )
            print(f"peak memory, {name} of audio, one source: {memory[name] / 2**20:.0f} MiB")
    if arguments.json is not None:
        record = to_record(measurements, model=arguments.model, memory=memory)
        arguments.json.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return 0
