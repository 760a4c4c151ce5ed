"""What a separation hands out.

C: channels, N: samples
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zoo.audio import AudioInfo, Tags, find_format
from zoo.errors import AudioError, UnknownNameError
from zoo.separation.naming import safe_name
from zoo.separation.stem_writer import SavedStems, StemWriter, make_folder, note_random_weights
from zoo.separation.stems import StemSelection
from zoo.weights.references import RANDOM_WEIGHTS

__all__ = [
    "SeparationBlock",
    "SeparationProgress",
    "SeparationResult",
    "join_blocks",
    "make_blocks",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparationProgress:
    """How far the separation of a song is.

    Attributes:
        num_samples: Samples of the song that are separated.
        total_samples: Samples that the song's container promises; None where it does not.
        sample_rate: The song's, in Hz.
    """

    num_samples: int
    total_samples: int | None
    sample_rate: int

    @property
    def fraction(self) -> float:
        """Share of the song that is separated, 0 to 1; 0 for a song of unknown length."""
        return min(1.0, self.num_samples / self.total_samples) if self.total_samples else 0.0

    @property
    def seconds(self) -> float:
        """Seconds of the song that are separated."""
        return self.num_samples / self.sample_rate


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparationBlock:
    """A part of a separated song.

    Attributes:
        start: Where it begins, in samples of the song.
        stems: (C, n) float32 by the stem's name, at the song's rate and channels.
        residual: (C, n), the mixture less the sum of the stems, parts apart.
        parts: Stems that are heard in another stem too (:attr:`zoo.Spec.part_of`), so that they
            count in no sum.
        sample_rate: In Hz.
        progress: How far the separation is with this block.
    """

    start: int
    stems: dict[str, np.ndarray]
    residual: np.ndarray
    parts: tuple[str, ...] = ()
    sample_rate: int
    progress: SeparationProgress

    @property
    def num_samples(self) -> int:
        """Length n."""
        return self.residual.shape[-1]

    @property
    def mixture(self) -> np.ndarray:
        """The song itself, (C, n), to rounding."""
        return _add_up(self.stems, self.parts, self.residual)


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparationResult:
    """A separated song.

    Attributes:
        stems: (C, N) float32 by the stem's name: the song's rate, channels and length, and the
            levels at which they sum (with the residual) to the song.
        residual: (C, N), the mixture less the sum of the stems, parts apart. Zero to rounding after
            a full separation with mixture consistency; the accompaniment if only vocals were asked
            for.
        parts: Stems that are heard in another stem too (:attr:`zoo.Spec.part_of`), so that they
            count in no sum.
        sample_rate: In Hz.
        name: The song's.
        model: Name of the network.
        weights: Tag or place of its weights.
        tags: What the song's file says of itself; the files of the stems say it, too.
    """

    stems: dict[str, np.ndarray]
    residual: np.ndarray
    sample_rate: int
    name: str
    model: str
    weights: str
    parts: tuple[str, ...] = ()
    tags: Tags = field(default_factory=Tags)

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.residual.shape[-1] / self.sample_rate

    @property
    def mixture(self) -> np.ndarray:
        """The song itself, (C, N), to rounding."""
        return _add_up(self.stems, self.parts, self.residual)

    def everything_but(self, source: str) -> np.ndarray:
        """Return the mixture without one stem, (C, N): for vocals, the instrumental version.

        Raises:
            UnknownNameError: No such stem in this result.
        """
        if source not in self.stems:
            raise UnknownNameError("stem", source, list(self.stems))
        if source in self.parts:
            return self.mixture - self.stems[source]
        others = {name: stem for name, stem in self.stems.items() if name != source}
        return _add_up(others, self.parts, self.residual)

    def save(
        self, folder: str | os.PathLike[str], *, format: str = "wav", residual: bool = False
    ) -> SavedStems:
        """Write every stem to a file named after it, or all into one that is named after the song.

        Args:
            folder: Created if need be; files of the same names are replaced.
            format: A name of :data:`zoo.audio.AUDIO_FORMATS`: ``wav`` (32-bit float), ``flac``,
                ``mp3``, ``stem``, ... Where one that clips would, all stems are turned down by
                one gain.
            residual: Whether to write ``residual`` too.

        Returns:
            The files, and the gain.

        Raises:
            UnknownNameError: No such format.
            AudioError: The format cannot hold this audio, or the folder cannot be written to.
        """
        stems = dict(self.stems) | ({"residual": self.residual} if residual else {})
        audio_format = find_format(format)
        song = Path(self.name).stem
        is_one_file = audio_format.is_multitrack
        folder = make_folder(Path(folder))
        with StemWriter(
            folder,
            {name: safe_name(song) if is_one_file else name for name in stems},
            audio_format=audio_format,
            sample_rate=self.sample_rate,
            num_channels=self.residual.shape[0],
            num_samples=self.residual.shape[1],
            tags=self.tags.of_song(song),
        ) as writer:
            writer.write(stems, mixture=self.mixture)
            saved = writer.commit()
        if self.weights == RANDOM_WEIGHTS:
            note_random_weights(folder, self.model)
        return saved


def make_blocks(
    pairs: Iterable[tuple[np.ndarray, np.ndarray]], *, info: AudioInfo, selection: StemSelection
) -> Iterator[SeparationBlock]:
    """Name the estimates of a song, and add what they leave of it.

    Args:
        pairs: Successive blocks of the mixture (C, n) with their estimates (S, C, n).
        info: Of the song.
        selection: Which sources the estimates are of, and which stems are wanted.

    Raises:
        AudioError: An estimate is no number, which no file should ever hold.
    """
    position = 0
    for mixture, estimates in pairs:
        _check_finite(estimates, info, selection.sources, position)
        stems = [*estimates]
        if len(stems) < len(selection.stems):
            stems.append(mixture - stems[0])
        residual = mixture - np.sum([stems[place] for place in selection.summands], axis=0)
        start, position = position, position + residual.shape[-1]
        yield SeparationBlock(
            start=start,
            stems=dict(zip(selection.stems, stems, strict=True)),
            residual=residual,
            parts=selection.parts,
            sample_rate=info.sample_rate,
            progress=SeparationProgress(
                num_samples=position, total_samples=info.num_samples, sample_rate=info.sample_rate
            ),
        )


def _add_up(
    stems: Mapping[str, np.ndarray], parts: Sequence[str], residual: np.ndarray
) -> np.ndarray:
    """Return the sum of the stems that are heard in no other, and of the residual."""
    return np.sum([residual, *(stem for name, stem in stems.items() if name not in parts)], axis=0)


def _check_finite(
    estimates: np.ndarray, info: AudioInfo, sources: Sequence[str], position: int
) -> None:
    is_finite = np.isfinite(estimates).all(axis=1)  # (S, n)
    if not is_finite.all():
        source, sample = np.argwhere(~is_finite)[0]
        raise AudioError(
            f"{info.name}: the estimate of {sources[source]} is not finite from sample "
            f"{position + sample} ({(position + sample) / info.sample_rate:.3f} s) on; is the song "
            "far beyond full scale there? precision='float32' holds larger numbers"
        )


def join_blocks(blocks: Iterable[SeparationBlock]) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Join successive blocks into whole stems and their residual, each (C, N)."""
    residual: list[np.ndarray] = []
    parts: dict[str, list[np.ndarray]] = {}
    for block in blocks:
        residual.append(block.residual)
        for name, stem in block.stems.items():
            parts.setdefault(name, []).append(stem)
    # Stem by stem, so that no more than one of them is in the memory twice.
    stems = {name: np.concatenate(parts.pop(name), axis=-1) for name in list(parts)}
    return stems, np.concatenate(residual, axis=-1)
