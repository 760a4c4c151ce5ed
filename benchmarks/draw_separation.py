"""Draw spectrograms of estimates against the truth, for docs.

    python -m benchmarks.draw_separation --model NAME --weights TAG --data DIR --out docs/images \
        [--tracks NAME ...] [--start 20 --end 40]

One picture a track: each source as it is and as it was separated, all on one colour scale, so that
what bleeds, dulls or warbles can be seen.
"""

import argparse
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from zoo.audio.spectrogram_figure import draw_spectrograms, save_figure
from zoo.evaluation.tracks import EvaluationTrack, find_evaluation_tracks
from zoo.metrics import mdx_sdr
from zoo.separation.separator import Separator

RANGE_DB = 70.0


def comparison_panels(
    targets: Mapping[str, np.ndarray], estimates: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Pair each source with its estimate, titled with the SDR of what is drawn.

    Args:
        targets: The true sources, each (C, N).
        estimates: Their estimates, each (C, N).
    """
    panels = {}
    for source, target in targets.items():
        panels[f"{source}: truth"] = target
        sdr = mdx_sdr(target, estimates[source])
        panels[f"{source}: estimate ({sdr:.1f} dB SDR here)"] = estimates[source]
    return panels


def draw_track(
    separator: Separator, track: EvaluationTrack, *, start: float, end: float, out: Path
) -> Path:
    """Separate a track whole, draw a part of it, and return the picture's path.

    Args:
        separator: Separates.
        track: Of the data folder.
        start: First second drawn.
        end: Last second drawn.
        out: Folder for the picture.
    """
    audio = track.load()
    stems = separator((audio.mixture, audio.sample_rate)).stems
    part = slice(int(start * audio.sample_rate), int(end * audio.sample_rate))
    panels = comparison_panels(
        {source: target[:, part] for source, target in audio.targets.items()},
        {source: stem[:, part] for source, stem in stems.items()},
    )
    figure = draw_spectrograms(
        panels, sample_rate=audio.sample_rate, scale="log", range_db=RANGE_DB
    )
    out.mkdir(parents=True, exist_ok=True)
    readable = re.sub(r"[^A-Za-z0-9]+", "-", track.name).strip("-")
    return save_figure(figure, out / f"separation-{readable}.webp")


def main() -> int:
    """Draw every track that is named, or all of them."""
    parser = argparse.ArgumentParser(description="draw spectrograms of estimates against the truth")
    parser.add_argument("--model", required=True)
    parser.add_argument("--weights", default="default")
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--tracks", nargs="*", default=[])
    parser.add_argument("--start", type=float, default=0.0)
    parser.add_argument("--end", type=float, default=20.0)
    arguments = parser.parse_args()
    separator = Separator(arguments.model, weights=arguments.weights)
    tracks = find_evaluation_tracks(arguments.data, sources=separator.sources)
    known = [track.name for track in tracks]
    for name in arguments.tracks:
        if name not in known:
            print(f"error: no track {name!r}; there are {', '.join(known)}", file=sys.stderr)
            return 1
    for track in tracks:
        if not arguments.tracks or track.name in arguments.tracks:
            path = draw_track(
                separator, track, start=arguments.start, end=arguments.end, out=arguments.out
            )
            print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
