"""Print, band by band, how loud the estimates are against the truth and what the error is made of.

    python -m benchmarks.print_bands --model NAME --weights TAG --data DIR

An SDR alone hides a network that gives nothing at all above some frequency: highs have little
energy. Estimates are taken as the network makes them, without mixture consistency.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from zoo.evaluation.tracks import find_evaluation_tracks
from zoo.records.tables import markdown_table
from zoo.separation.separator import Separator

EDGES_HZ = (0, 250, 1000, 2000, 4000, 8000, 22050)
FRAME = 4096


def band_energies(signal: np.ndarray, *, sample_rate: int) -> np.ndarray:
    """Energy of a signal in each band.

    Shape:
        signal (C, N) -> (bands,)
    """
    spectrum = torch.stft(
        torch.from_numpy(np.ascontiguousarray(signal)),
        FRAME,
        window=torch.hann_window(FRAME),
        return_complex=True,
    )  # (C, F, T)
    power = spectrum.abs().square().sum(dim=(0, 2)).double().numpy()
    places = np.digitize(np.fft.rfftfreq(FRAME, 1 / sample_rate), EDGES_HZ[1:-1])
    return np.bincount(places, weights=power, minlength=len(EDGES_HZ) - 1)


def format_table(rows: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]]) -> str:
    """Format (source, truth, estimate, error) energies as Markdown, a line per source and quantity.

    Levels are of the estimate over the truth, dB; errors are shares of the source's whole energy.
    """
    bands = [f"{low:,} Hz" for low in EDGES_HZ[:-1]]
    lines = []
    for source, truth, estimate, error in rows:
        level = 10 * np.log10(np.maximum(estimate, 1e-12) / np.maximum(truth, 1e-12))
        cells = [f"{value:+.0f}" for value in level]
        lines.append([source, "level / dB", *cells])
        for name, energy in (("energy / %", truth), ("error / %", error)):
            cells = [f"{value:.1f}" for value in 100 * energy / max(truth.sum(), 1e-12)]
            lines.append(["", name, *cells])
    header = ("source", "", *(f"from {band}" for band in bands))
    return markdown_table(header, lines, align=("", "", *["right"] * len(bands)))


def main(argv: Sequence[str] | None = None) -> int:
    """Separate every track and print the table over all of them."""
    parser = argparse.ArgumentParser(description="levels and errors of estimates by band")
    parser.add_argument("--model", required=True)
    parser.add_argument("--weights", default="default")
    parser.add_argument("--data", required=True, type=Path)
    arguments = parser.parse_args(argv)
    separator = Separator(arguments.model, weights=arguments.weights, mixture_consistency=False)
    sums = {source: np.zeros((3, len(EDGES_HZ) - 1)) for source in separator.sources}
    for track in find_evaluation_tracks(arguments.data, sources=separator.sources):
        audio = track.load()
        stems = separator((audio.mixture, audio.sample_rate)).stems
        for source, target in audio.targets.items():
            signals = (target, stems[source], stems[source] - target)
            sums[source] += [
                band_energies(signal, sample_rate=audio.sample_rate) for signal in signals
            ]
    print(format_table([(source, *energies) for source, energies in sums.items()]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
