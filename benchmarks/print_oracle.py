"""Print what a ratio mask of the true magnitudes reaches with frames of several lengths.

    python -m benchmarks.print_oracle --data DIR

Long frames tell apart what short ones put into one bin, such as the harmonics of bass and chords.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.evaluation.references import oracle_ratio_mask
from zoo.evaluation.summary import DEFAULT_ABSENT_DB
from zoo.evaluation.tracks import find_evaluation_tracks
from zoo.metrics import level_below, mdx_sdr
from zoo.records.tables import markdown_table

FRAMES = (1024, 2048, 4096, 8192, 16384)
SOURCES = ("vocals", "drums", "bass", "other")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the mean MDX SDR over the tracks, a line a frame length."""
    parser = argparse.ArgumentParser(description="oracle ratio masks by the length of a frame")
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--frames", type=int, nargs="+", default=FRAMES)
    arguments = parser.parse_args(argv)
    scores: dict[tuple[int, str], list[float]] = {}
    for track in find_evaluation_tracks(arguments.data, sources=SOURCES):
        audio = track.load()
        for n_fft in arguments.frames:
            estimates = oracle_ratio_mask(audio, n_fft=n_fft)
            for source, target in audio.targets.items():
                if level_below(target, audio.mixture) <= DEFAULT_ABSENT_DB:
                    score = mdx_sdr(target, estimates[source])
                    scores.setdefault((n_fft, source), []).append(score)
    rows = [
        [f"{n_fft:,}", *(f"{np.mean(scores[n_fft, source]):.2f}" for source in SOURCES)]
        for n_fft in arguments.frames
    ]
    print(markdown_table(("n_fft", *SOURCES), rows, align=["right"] * (len(SOURCES) + 1)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
