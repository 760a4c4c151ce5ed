"""What a quantizer has to see: the inputs of every graph on pieces of given songs.

C: channels, N: samples
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zoo.audio import read_audio, resample
from zoo.audio.finding import scan_folder
from zoo.data.reading import read_header, read_samples
from zoo.data.tracks import Track, find_tracks
from zoo.errors import AudioError
from zoo.graphs.exported import ExportedNetwork
from zoo.graphs.running import GraphNetwork, RunnablePart, Runner
from zoo.separation.backends.onnxruntime import load_exported
from zoo.separation.pipeline import ChannelPlan
from zoo.specs.spec import Spec

__all__ = ["GraphInputs", "read_pieces", "record_inputs"]

GraphInputs = dict[str, list[dict[str, np.ndarray]]]
"""By the file of a graph what it was given, one entry a call."""

NUM_PIECES = 12
QUIETEST_PIECE = 1e-3  # of full scale, RMS: a quieter piece says nothing of the ranges


def read_pieces(paths: Sequence[Path], spec: Spec) -> list[Tensor]:
    """Cut pieces of a chunk's length out of songs, spread evenly over all of them.

    Args:
        paths: Audio files, folders of them, or folders of tracks with a file per source, whose sums
            are taken.
        spec: The network that will see the pieces.

    Returns:
        Pieces (1, C, N) of ``spec.chunk_samples`` samples.

    Raises:
        AudioError: Nothing can be read, or all of it is silent.
    """
    songs = [song for path in paths for song in _find_songs(path, spec)]
    per_song = -(-NUM_PIECES // max(1, len(songs)))
    step = max(1, len(songs) // NUM_PIECES)
    pieces = [
        piece
        for song in songs[::step]
        for piece in _cut(_to_network(*song(), spec), spec, per_song)
    ]
    heard = [piece for piece in pieces if piece.square().mean().sqrt() > QUIETEST_PIECE]
    if not heard:
        named = ", ".join(map(str, paths))
        raise AudioError(f"{named}: no sound to calibrate with; give songs of the kind to separate")
    return heard[:NUM_PIECES]


def record_inputs(network: ExportedNetwork, pieces: Iterable[Tensor]) -> GraphInputs:
    """Run an exported network on pieces and keep what each of its graphs was given."""
    kept: GraphInputs = {}

    def watched(file: str, runner: Runner) -> Runner:
        calls = kept.setdefault(file, [])

        def run(tensors: Sequence[Tensor]) -> Sequence[Tensor]:
            named = zip(runner.inputs, tensors, strict=True)
            calls.append({name: tensor.numpy() for name, tensor in named})
            return runner.run(tensors)

        return Runner(inputs=runner.inputs, outputs=runner.outputs, run=run)

    parts = [
        RunnablePart(
            spec=part.spec,
            graphs={
                name: watched(facts.graphs[name].file, runner)
                for name, runner in part.graphs.items()
            },
        )
        for part, facts in zip(load_exported(network).parts, network.record.parts, strict=True)
    ]
    ready = GraphNetwork(network.spec, parts)
    with torch.inference_mode():
        for piece in pieces:
            ready(piece)
    return kept


Song = tuple[np.ndarray, int]
"""Samples (C, N) and their rate in Hz."""


def _find_songs(path: Path, spec: Spec) -> list[Callable[[], Song]]:
    """Return what reads each of the songs at a path."""
    if not path.is_dir():
        return [partial(read_audio, path)]
    files = scan_folder(path).files
    if any(file.stem in spec.sources for file in files):
        tracks = find_tracks(path, sources=spec.sources)
        return [partial(_sum_of_sources, track) for track in tracks]
    return [partial(read_audio, file) for file in files]


def _sum_of_sources(track: Track) -> Song:
    files = list(track.files.values())
    total = sum(read_samples(file) for file in files)  # (N, C)
    return np.ascontiguousarray(np.transpose(total)), read_header(files[0]).sample_rate


def _to_network(samples: np.ndarray, sample_rate: int, spec: Spec) -> Tensor:
    """Bring a song (C, N) to the network's rate and channels, (B, C, N)."""
    samples = resample(samples, from_rate=sample_rate, to_rate=spec.sample_rate)
    plan = ChannelPlan(name="song", song=samples.shape[0], network=spec.channels)
    return plan.to_network(samples)


def _cut(song: Tensor, spec: Spec, number: int) -> Iterator[Tensor]:
    """Yield pieces (1, C, N) of the first signal of a song, evenly spaced."""
    signal = song[:1, :, :]
    length = spec.chunk_samples
    missing = length - signal.shape[-1]
    if missing > 0:
        signal = torch.nn.functional.pad(signal, (0, missing))
    last = signal.shape[-1] - length
    for index in range(number):
        start = round(last * (index + 0.5) / number)
        yield signal[..., start : start + length]
