"""Training examples: random chunks of random tracks, augmented and mixed.

Shape legend: S sources, N samples of a chunk.

Example ``index`` depends on (seed, index) alone: any process may make it in any order, and to
resume is to go on counting. No generator's state has to be saved.
"""

import math
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch.utils.data import Dataset

from zoo.data.augmentations.dynamics import soft_clip_bus
from zoo.data.augmentations.levels import db_to_gain
from zoo.data.augmentations.pitch_and_tempo import EDGE_SAMPLES
from zoo.data.decoded import DecodedFile, DecodedTrack
from zoo.data.examples import Draft, Example
from zoo.data.mixing_config import MixingConfig
from zoo.data.pools import weigh

QUIETEST_LAYER_DB = -10.0


class MixingDataset(Dataset):
    """Draw example ``index`` of an endless, seeded stream of training examples.

    Args:
        tracks: The decoded training tracks.
        sources: Names of the sources to be estimated, in the order of the targets; those of the
            background follow.
        config: How examples are drawn.
        chunk_samples: Length N of an example, samples.
        seed: Two streams of one seed are equal.

    Raises:
        ValueError: If no track has one of the sources, or a track has a sum and one of its sources.

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
        self.sources = (*sources, *config.background)
        self._names = (*self.sources, *config.sums)
        self.chunk_samples = chunk_samples
        self.config = config
        self.seed = seed
        _warn_of_unknown_sources(config, self._names)
        for track in tracks:
            _refuse_double(track, config.sums)
        self._solo = {
            source: weigh(
                [track for track in tracks if source in track.files],
                lambda track, source=source: track.files[source].active_seconds,
                config.group_weights,
            )
            for source in self._names
        }
        for source, pool in self._solo.items():
            if not pool.tracks:
                raise ValueError(
                    f"no training track has a file for {source!r}, so it cannot be learnt; "
                    "add one, or train a network without that source"
                )
        self._aligned = weigh(
            [track for track in tracks if len(track.files) > 1],
            lambda track: max(file.active_seconds for file in track.files.values()),
            config.group_weights,
        )

    def __getitem__(self, index: int) -> Example:
        """Draw one example."""
        generator = np.random.default_rng([self.seed, index])
        remixed = generator.random() < self.config.remix_probability or not self._aligned.tracks
        draft = Draft(self.sources, self.config.sums, num_samples=self.chunk_samples)
        if remixed:
            self._draw_remix(draft, index, generator)
        else:
            self._draw_aligned(draft, index, generator)
        if generator.random() < self.config.bus_clip_probability:
            drive = generator.uniform(-6.0, self.config.bus_clip_max_db)
            draft.targets[:] = soft_clip_bus(draft.targets, drive_db=drive)
        return Example(torch.from_numpy(draft.targets), torch.from_numpy(draft.certainty))

    def _draw_remix(self, draft: Draft, index: int, generator: np.random.Generator) -> None:
        """Draw every source from a track of its own, or a sum in place of its sources."""
        drawn: str | None = None
        # Nothing is drawn for what never happens, so that its stream stays what it was.
        if self.config.sums and generator.random() < self.config.sum_probability:
            drawn = list(self.config.sums)[generator.integers(len(self.config.sums))]
        in_sum = () if drawn is None else self.config.sums[drawn]
        for source in self.sources:
            if source not in in_sum:
                draft.put(source, self._draw_solo(source, index, generator))
        if drawn is not None and generator.random() >= self.config.dropout_probability:
            track = self._solo[drawn].draw(generator)
            start = self._place(track.files[drawn], generator)
            self._put_sum(draft, drawn, track, start, index, aligned=False)

    def _put_sum(
        self,
        draft: Draft,
        name: str,
        track: DecodedTrack,
        start: int,
        index: int,
        *,
        aligned: bool,
    ) -> None:
        """Put in a sum: what a teacher made of it, where there are labels, else the sum itself."""
        file, gain = track.files[name], 1.0
        wanted = self.config.level_dbfs.get(name)
        if wanted is not None and not aligned and file.active_level > 0:
            gain = db_to_gain(wanted) / file.active_level
        members, certainty = self.config.sums[name], track.certainty
        if certainty is None or not all(each in track.labels for each in members):
            audio = file.read(start, self._read_length) * np.float32(gain)
            draft.put_sum(name, self._augment(audio, name, index, aligned=aligned))
            return
        # All are changed alike, as their sum would be.
        read = {each: track.labels[each].read(start, self._read_length) for each in members}
        labels = {
            each: self._augment(audio * np.float32(gain), name, index, aligned=aligned)
            for each, audio in read.items()
        }
        first, last = (each / file.sample_rate for each in (start, start + self.chunk_samples))
        sure = {each: certainty.mean(each, first, last) for each in members}
        draft.put_labels(name, labels, sure)

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

    def _draw_aligned(self, draft: Draft, index: int, generator: np.random.Generator) -> None:
        """Draw every source from one place of one track, or scattered over the track."""
        track = self._aligned.draw(generator)
        scatter = self.config.scatter_probability
        # Nothing is drawn for what never happens, so that its stream stays what it was.
        if scatter and generator.random() < scatter:
            starts = {
                name: self._place(track.files[name], generator)
                for name in self._names
                if name in track.files
            }
        else:
            sounding = list(track.files.values())
            start = self._place(sounding[generator.integers(len(sounding))], generator)
            starts = dict.fromkeys(track.files, start)
        sums = [name for name in self.config.sums if name in track.files]
        in_sum = {member for name in sums for member in self.config.sums[name]}
        for source in self.sources:
            if source in in_sum:
                continue
            if generator.random() < self.config.swap_probability:
                draft.put(source, self._draw_solo(source, index, generator))
            elif source in starts:
                audio = track.files[source].read(starts[source], self._read_length)
                draft.put(source, self._augment(audio, source, index, aligned=True))
        for name in sums:
            self._put_sum(draft, name, track, starts[name], index, aligned=True)

    def _augment(
        self, audio: np.ndarray, source: str, index: int, *, aligned: bool, layer: int = 0
    ) -> np.ndarray:
        """Apply the augmentations; shared ones draw alike for all aligned sources."""
        for place, planned in enumerate(self.config.augmentations):
            if planned.sources and source not in planned.sources:
                continue
            shared = aligned and planned.transform.shared
            own = 0 if shared else 1 + self._names.index(source) + layer * len(self._names)
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

    def __getitem__(self, index: int) -> Example:
        """Draw one example."""
        is_old = np.random.default_rng([self._seed, index, 2]).random() < self._share
        return (self._old if is_old else self._new)[index]


def _refuse_double(track: DecodedTrack, sums: Mapping[str, Sequence[str]]) -> None:
    """Refuse a track that has something twice: a sum, and one of its sources or another sum."""
    seen: dict[str, str] = {name: name for name in track.files if name not in sums}
    for name in sums:
        for member in sums[name] if name in track.files else ():
            if member in seen:
                raise ValueError(
                    f"track {track.name!r} has {member!r} twice, in {seen[member]!r} and in "
                    f"{name!r}; leave one of these files out"
                )
            seen[member] = name


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
