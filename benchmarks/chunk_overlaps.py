"""What context and crossfade of chunks cost, and whether they are worth it in dB.

    python -m benchmarks.chunk_overlaps DATA --weights house [--cuts 256,12,7 256,24,15 ...]

A cut is the frames of a chunk, those of context at each side, and those of a crossfade. "work" is
frames computed per frame kept. DATA is a folder of held-out tracks; the scores are MDX SDR in dB,
means over the tracks that have the source, at one pitch.
"""

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from unittest import mock

import zoo
from zoo.evaluation.tracks import EvaluationTrack, find_evaluation_tracks
from zoo.metrics import DEFAULT_ABSENT_DB, level_below, mdx_sdr
from zoo.overlap_add import Chunking
from zoo.records.tables import markdown_table
from zoo.separation import separator as separator_module

CUTS = ("256,12,7", "256,24,15", "512,24,15")


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="lightsaft_tfctdf_small")
    parser.add_argument("--weights", default="house")
    parser.add_argument("--cuts", nargs="+", default=CUTS, metavar="FRAMES,CONTEXT,CROSSFADE")
    arguments = parser.parse_args(argv)
    spec = zoo.load_spec(arguments.model)
    tracks = find_evaluation_tracks(arguments.data, sources=spec.sources)
    rows = []
    for cut in arguments.cuts:
        frames, context, crossfade = (int(number) for number in cut.split(","))
        hop = spec.stft.hop_length
        chunking = Chunking(
            chunk_length=(frames - 1) * hop,
            context=context * hop,
            crossfade=crossfade * hop,
            alignment=hop,
        )
        with mock.patch.object(
            separator_module, "choose_chunking", lambda *_, cut=chunking, **__: cut
        ):
            separator = zoo.Separator(arguments.model, weights=arguments.weights, pitches=1)
        scores = mean_scores(separator, tracks)
        work = frames / (chunking.hop_length / hop)
        cells = [str(frames), str(context), str(crossfade), f"{work:.2f}"]
        rows.append([*cells, *(f"{scores[source]:.3f}" for source in spec.sources)])
    print(markdown_table(("frames", "context", "crossfade", "work", *spec.sources), rows))
    return 0


def mean_scores(separator: zoo.Separator, tracks: tuple[EvaluationTrack, ...]) -> dict[str, float]:
    """Return the MDX SDR of every source in dB, over the tracks that have it."""
    scores = defaultdict(list)
    for track in tracks:
        audio = track.load()
        stems = separator((audio.mixture, audio.sample_rate)).stems
        for source, target in audio.targets.items():
            if level_below(target, audio.mixture) <= DEFAULT_ABSENT_DB:
                scores[source].append(mdx_sdr(target, stems[source]))
    return {source: fmean(values) for source, values in scores.items()}


if __name__ == "__main__":
    raise SystemExit(main())
