"""Training examples: random chunks of random tracks, augmented and mixed.

Shape legend: S sources, N samples of a chunk.

Example ``index`` depends on (seed, index) alone: any process may make it in any order, and to
resume is to go on counting. No generator's state has to be saved.
"""

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.utils.data import Dataset

from zoo.data.augmentations.dynamics import soft_clip_bus
from zoo.data.augmentations.levels import db_to_gain
from zoo.data.augmentations.pitch_and_tempo import EDGE_SAMPLES
from zoo.data.decoded import DecodedFile, DecodedTrack
from zoo.data.mixing_config import MixingConfig

QUIETEST_LAYER_DB = -10.0


class MixingDataset(Dataset):
    """Draw example ``index`` of an endless, seeded stream of training examples.

    Args:
        tracks: The decoded training tracks.
        sources: Names of the sources to be estimated, in the order of the targets; those of the
            background follow, and then the sums of the config.
        config: How examples are drawn.
        chunk_samples: Length N of an example, samples.
        seed: Two streams of one seed are equal.

    Shape:
        - Item: (S, 2, N) float32 targets; the mixture is their sum.

    Raises:
        ValueError: If no track has one of the sources.

    Warns:
        UserWarning: If the config names a source that is not drawn. That is no error, because a
            recipe for four sources may train a network of fewer.
    """

    def __init__(
        self,
        tracks: Sequence[DecodedTrack],
        *,
        sources: Sequence[str],
        config: MixingConfig,
        chunk_samples: int,
        seed: int = 0,
    ) -> None:
        self.sources = (*sources, *config.background, *config.sums)
        self.chunk_samples = chunk_samples
        self.config = config
        self.seed = seed
        _warn_of_unknown_sources(config, self.sources)
        self._solo = {
            source: _weigh(
                [track for track in tracks if source in track.files],
                lambda track, source=source: track.files[source].active_seconds,
                config.group_weights,
            )
            for source in self.sources
        }
        for source, pool in self._solo.items():
            if not pool.tracks:
                raise ValueError(
                    f"no training track has a file for {source!r}, so it cannot be learnt; "
                    "add one, or train a network without that source"
                )
        self._aligned = _weigh(
            [track for track in tracks if len(track.files) > 1],
            lambda track: max(file.active_seconds for file in track.files.values()),
            config.group_weights,
        )

    def __getitem__(self, index: int) -> torch.Tensor:
        """Draw one example."""
        generator = np.random.default_rng([self.seed, index])
        remixed = generator.random() < self.config.remix_probability or not self._aligned.tracks
        if remixed:
            targets = self._draw_remix(index, generator)
        else:
            targets = self._draw_aligned(index, generator)
        mixed = np.stack(targets)  # (S, 2, N)
        if generator.random() < self.config.bus_clip_probability:
            drive = generator.uniform(-6.0, self.config.bus_clip_max_db)
            mixed = soft_clip_bus(mixed, drive_db=drive)
        return torch.from_numpy(np.ascontiguousarray(mixed, dtype=np.float32))

    def _draw_remix(self, index: int, generator: np.random.Generator) -> list[np.ndarray]:
        """Draw every source from a track of its own, or a sum in place of its sources."""
        left_out = set(self.config.sums)
        # Nothing is drawn for what never happens, so that its stream stays what it was.
        if self.config.sums and generator.random() < self.config.sum_probability:
            drawn = list(self.config.sums)[generator.integers(len(self.config.sums))]
            left_out = left_out - {drawn} | set(self.config.sums[drawn])
        return [
            np.zeros((2, self.chunk_samples), dtype=np.float32)
            if source in left_out
            else self._draw_solo(source, index, generator)
            for source in self.sources
        ]

    def _draw_solo(self, source: str, index: int, generator: np.random.Generator) -> np.ndarray:
        """Draw one source from a track of its own, or two that play it together."""
        if generator.random() < self.config.dropout_probability:
            return np.zeros((2, self.chunk_samples), dtype=np.float32)
        first = self._draw_layer(source, index, generator, layer=0)
        layer_probability = self.config.layer_probability.get(source, 0.0)
        # Nothing is drawn for a source that is always one, so that its stream stays what it was.
        if layer_probability == 0.0 or generator.random() >= layer_probability:
            return first
        share = db_to_gain(generator.uniform(QUIETEST_LAYER_DB, 0.0))
        second = self._draw_layer(source, index, generator, layer=1)
        return (first + np.float32(share) * second) / np.float32(math.hypot(1.0, share))

    def _draw_layer(
        self, source: str, index: int, generator: np.random.Generator, *, layer: int
    ) -> np.ndarray:
        """Draw one source from one track, brought to its level and augmented."""
        track = self._solo[source].draw(generator)
        file = track.files[source]
        audio = file.read(self._place(file, generator), self._read_length)
        wanted = self.config.level_dbfs.get(source)
        if wanted is not None and file.active_level > 0:
            audio = audio * np.float32(db_to_gain(wanted) / file.active_level)
        return self._augment(audio, source, index, aligned=False, layer=layer)

    def _draw_aligned(self, index: int, generator: np.random.Generator) -> list[np.ndarray]:
        """Draw every source from one place of one track, or scattered over the track."""
        track = self._aligned.draw(generator)
        scatter = self.config.scatter_probability
        # Nothing is drawn for what never happens, so that its stream stays what it was.
        if scatter and generator.random() < scatter:
            audio = self._read_scattered(track, generator)
        else:
            sounding = list(track.files.values())
            start = self._place(sounding[generator.integers(len(sounding))], generator)
            audio = track.read(self.sources, start, self._read_length)
        return [
            self._draw_solo(source, index, generator)
            if source not in self.config.sums and generator.random() < self.config.swap_probability
            else self._augment(chunk, source, index, aligned=True)
            for source, chunk in zip(self.sources, audio, strict=True)
        ]

    def _read_scattered(self, track: DecodedTrack, generator: np.random.Generator) -> np.ndarray:
        """Read every source from a place of its own, (S, 2, N)."""
        audio = np.zeros((len(self.sources), 2, self._read_length), dtype=np.float32)
        for chunk, source in zip(audio, self.sources, strict=True):
            file = track.files.get(source)
            if file is not None:
                chunk[:] = file.read(self._place(file, generator), self._read_length)
        return audio

    def _augment(
        self, audio: np.ndarray, source: str, index: int, *, aligned: bool, layer: int = 0
    ) -> np.ndarray:
        """Apply the augmentations; shared ones draw alike for all aligned sources."""
        for place, planned in enumerate(self.config.augmentations):
            if planned.sources and source not in planned.sources:
                continue
            shared = aligned and planned.transform.shared
            own = 0 if shared else 1 + self.sources.index(source) + layer * len(self.sources)
            generator = np.random.default_rng([self.seed, index, place, own])
            if generator.random() < planned.probability:
                audio = planned.transform(audio, generator)
        return audio[:, : self.chunk_samples]

    @property
    def _read_length(self) -> int:
        """Samples to read so that the chunk is full after any change of speed or tempo."""
        reach = math.prod(planned.transform.reach for planned in self.config.augmentations)
        timed = sum(planned.transform.shared for planned in self.config.augmentations)
        return int((self.chunk_samples + timed * EDGE_SAMPLES) * reach)

    def _place(self, file: DecodedFile, generator: np.random.Generator) -> int:
        """Choose where a chunk starts; mostly so that a sounding moment lies in it."""
        length = self._read_length
        latest = max(0, file.num_samples - length)
        active = file.active_windows
        if len(active) and generator.random() < self.config.active_probability:
            window = active[generator.integers(len(active))]
            moment = int((window + generator.random()) * 0.1 * file.sample_rate)
            start = moment - int(generator.random() * self.chunk_samples)
            return min(max(start, 0), latest)
        return int(generator.integers(latest + 1))


class ReplayDataset(Dataset):
    """Draw some examples from what a network had learnt from before, so that it is not forgotten.

    Args:
        new: What it is to learn.
        old: What it had learnt from.
        share: How often an example is of ``old``, 0 to 1.
        seed: With an example's number it decides which.
    """

    def __init__(
        self, new: MixingDataset, old: MixingDataset, *, share: float, seed: int = 0
    ) -> None:
        self._new, self._old, self._share, self._seed = new, old, share, seed

    def __getitem__(self, index: int) -> torch.Tensor:
        """Draw one example."""
        is_old = np.random.default_rng([self._seed, index, 2]).random() < self._share
        return (self._old if is_old else self._new)[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pool:
    """Tracks with the chance of each to be drawn."""

    tracks: tuple[DecodedTrack, ...]
    cumulative: np.ndarray

    def draw(self, generator: np.random.Generator) -> DecodedTrack:
        """Draw one track."""
        return self.tracks[int(np.searchsorted(self.cumulative, generator.random(), side="right"))]


def _warn_of_unknown_sources(config: MixingConfig, sources: tuple[str, ...]) -> None:
    """Warn of settings for sources that are not drawn: misspelt, or for another network."""
    named = {
        "level_dbfs": set(config.level_dbfs),
        "layer_probability": set(config.layer_probability),
        "augmentations": {name for planned in config.augmentations for name in planned.sources},
    }
    for setting, names in named.items():
        unknown = sorted(names - set(sources))
        if unknown:
            warnings.warn(
                f"{setting} is set for {', '.join(unknown)}, but the sources that are drawn are "
                f"{', '.join(sources)}",
                stacklevel=3,
            )


def _weigh(tracks: list[DecodedTrack], seconds, group_weights: Mapping[str, float]) -> _Pool:
    """Give each group its share and, inside it, each track a share by how long it sounds."""
    groups: dict[str, float] = {}
    for track in tracks:
        groups[track.group] = groups.get(track.group, 0.0) + seconds(track)
    weights = np.array(
        [
            seconds(track) / max(groups[track.group], 1e-9) * group_weights.get(track.group, 1.0)
            for track in tracks
        ]
    )
    kept = [place for place, weight in enumerate(weights) if weight > 0]
    cumulative = np.cumsum(weights[kept] / max(weights.sum(), 1e-9))
    if len(cumulative):
        cumulative[-1] = 1.0
    return _Pool(tracks=tuple(tracks[place] for place in kept), cumulative=cumulative)
