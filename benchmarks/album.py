"""Time `python -m zoo separate ALBUM` in two checkouts by turns, on songs cut from the demo song.

    python -m benchmarks.album --other CHECKOUT [--songs 10] [--seconds 12] [--format mp3]

A round starts the command line anew in both, so that loading counts as it does for a user. The
ratio is of each round's two times. Run it on a quiet machine.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.catalogue_songs import ROOT, cut_songs


def time_command(checkout: Path, album: Path, options: list[str]) -> float:
    """Separate the album with the code of a checkout; return the wall time in seconds."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "zoo", "separate", str(album), "-o", out, *options]
        environment = os.environ | {"PYTHONPATH": str(checkout)}
        started = time.perf_counter()
        subprocess.run(command, cwd=checkout, env=environment, check=True, capture_output=True)
        return time.perf_counter() - started


def main() -> int:
    """Print every round and the median ratio."""
    parser = argparse.ArgumentParser(description="time separate over an album in two checkouts")
    parser.add_argument("--other", type=Path, required=True, help="checkout to compare with")
    parser.add_argument("--model", default="lightsaft_tfctdf_small")
    parser.add_argument("--songs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--format", default="mp3")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    options = ["--model", arguments.model, "--format", arguments.format]
    ratios = []
    with tempfile.TemporaryDirectory() as name:
        cut_songs(Path(name), number=arguments.songs, seconds=arguments.seconds)
        for index in range(arguments.rounds):
            here = time_command(ROOT, Path(name), options)
            other = time_command(arguments.other.resolve(), Path(name), options)
            ratios.append(here / other)
            print(f"round {index}: here {here:.1f} s, other {other:.1f} s, {ratios[-1]:.3f}")
    print(f"here / other: {statistics.median(ratios):.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
