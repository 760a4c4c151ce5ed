"""The tracks that are scored: found by ``zoo.data``, checked before anything runs, loaded whole.

Shape legend: C channels, N samples.
"""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from zoo.data.parts import add_parts
from zoo.data.reading import read_header, read_samples, require_alike
from zoo.data.tracks import Track, TrackFile, find_tracks, is_one_source
from zoo.errors import AudioError
from zoo.records.files import digest_of, hash_file

MUSDB_SOURCES = ("vocals", "drums", "bass", "other")
MIXTURE = "mixture"
MIXTURE_STREAM = 0
# A source without a file is silent. Where a mixture is given, it must agree: what it holds beyond
# the sources that are there has to stay this far below it, or the file is missing, not silent.
MISSING_SOURCE_DB = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackAudio:
    """The samples of one track.

    Args:
        mixture: What systems separate, (C, N) float32.
        targets: The sources that are scored, each (C, N) float32; silent where there is no file.
        every_source: All sources that have a file, scored or not.
        sample_rate: Hz.
    """

    mixture: np.ndarray
    targets: Mapping[str, np.ndarray]
    every_source: Mapping[str, np.ndarray]
    sample_rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationTrack:
    """One track whose files were found to agree.

    Args:
        name: The track's folder relative to the data folder.
        sources: The sources that are scored.
        files: File of each source that is there, scored or not.
        mixture: File of the mixture; None where it is the sum of the sources.
        num_samples: Length in samples.
        sample_rate: Hz.
        part_of: By source, the source that holds it (:class:`zoo.Spec`).
    """

    name: str
    sources: tuple[str, ...]
    files: Mapping[str, TrackFile]
    mixture: TrackFile | None
    num_samples: int
    sample_rate: int
    part_of: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.num_samples / self.sample_rate

    def fingerprint(self) -> str:
        """Return a digest of what is scored: the bytes of every file, wherever they lie."""
        files = dict(self.files) if self.mixture is None else {**self.files, MIXTURE: self.mixture}
        digests = {path: hash_file(path) for path in {file.path for file in files.values()}}
        roles = {role: [file.stream, digests[file.path]] for role, file in files.items()}
        parts = {"part_of": dict(self.part_of)} if self.part_of else {}
        return digest_of({"sources": self.sources, "files": roles, **parts})

    def load(self) -> TrackAudio:
        """Decode the track.

        Raises:
            AudioError: If a file cannot be decoded, or the given mixture shows that the file of a
                source is missing.
        """
        decoded = {source: _decode(file) for source, file in self.files.items()}
        total = functools.reduce(np.add, decoded.values())
        mixture = total if self.mixture is None else _decode(self.mixture)
        absent = [source for source in self.sources if source not in decoded]
        if absent:
            self._require_silent(absent, mixture=mixture, residual=mixture - total)
        # A part counts in the source that holds it, whether or not it is scored by itself.
        names = list(dict.fromkeys([*self.sources, *self.part_of]))
        apart = np.stack([decoded.get(name, np.zeros_like(mixture)) for name in names])
        held = add_parts(apart, sources=names, part_of=self.part_of)
        return TrackAudio(
            mixture=mixture,
            targets=dict(zip(self.sources, held, strict=False)),
            every_source=decoded,
            sample_rate=self.sample_rate,
        )

    def _require_silent(
        self, absent: Sequence[str], *, mixture: np.ndarray, residual: np.ndarray
    ) -> None:
        """Refuse a track whose mixture is more than its sources explain."""
        allowed = np.sum(mixture**2) * 10 ** (-MISSING_SOURCE_DB / 10)
        if np.sum(residual**2) > allowed:
            raise AudioError(
                f"{self.mixture} holds more than the sources of track {self.name!r}, which has no "
                f"file for {', '.join(absent)}; add the missing file, or remove the mixture if the "
                "source is silent and the mixture is not its sum"
            )


def find_evaluation_tracks(
    directory: str | Path,
    *,
    sources: Sequence[str],
    part_of: Mapping[str, str] = MappingProxyType({}),
) -> tuple[EvaluationTrack, ...]:
    """Find the tracks under a folder and check that the files of each agree.

    The mixture is ``mixture.*`` where a track has one, else the sum of its sources. Sources that
    are not scored count for the mixture: a singing-voice network needs the band to remove.

    Args:
        directory: One folder per track, one file per source; or MUSDB18's ``.stem.mp4`` files.
        sources: Which sources to score; parts of others that no track has are left out.
        part_of: By source, the source that holds it (:class:`zoo.Spec`).

    Raises:
        AudioError: If there is no track, no track has one of the sources, the folder has both a
            ``train`` and another part, or files are unreadable or differ in length, rate or
            channels.
    """
    root = Path(directory)
    _refuse_training_parts(root)
    known = tuple(dict.fromkeys([*sources, *MUSDB_SOURCES]))
    found = find_tracks(root, sources=known)
    there = {name for track in found for name in track.files}
    sources = [name for name in sources if name in there or name not in part_of]
    for source in sources:
        if not any(source in track.files for track in found):
            raise AudioError(
                f"no track in {root} has a file for {source!r}; expected {source}.wav (or another "
                f"audio format) beside {', '.join(sorted({n for t in found for n in t.files}))}"
            )
    return tuple(replace(_check(track, sources), part_of=dict(part_of)) for track in found)


def _refuse_training_parts(root: Path) -> None:
    """Keep training tracks out of a score: a data set's root holds them beside the others."""
    if (root / "train").is_dir():
        others = sorted(
            path.name for path in root.iterdir() if path.is_dir() and path.name != "train"
        )
        if others:
            raise AudioError(
                f"{root} holds train and {', '.join(others)}; name the part to evaluate on, for "
                f"example {root / others[-1]}"
            )


def _check(track: Track, sources: Sequence[str]) -> EvaluationTrack:
    """Read the headers of a track and refuse files that do not agree."""
    mixture = _find_mixture(track)
    every = [*track.files.values(), *([] if mixture is None else [mixture])]
    headers = {file: read_header(file) for file in every}
    require_alike(headers)
    header = headers[every[0]]
    return EvaluationTrack(
        name=track.name,
        sources=tuple(sources),
        files=dict(track.files),
        mixture=mixture,
        num_samples=header.num_samples,
        sample_rate=header.sample_rate,
    )


def _find_mixture(track: Track) -> TrackFile | None:
    """Find the mixture that belongs to a track's sources."""
    file = next(iter(track.files.values()))
    if file.stream is not None:
        return TrackFile(path=file.path, stream=MIXTURE_STREAM)
    found = file.path.parent.glob(f"{MIXTURE}.*")
    candidates = sorted(path for path in found if is_one_source(path))
    if len(candidates) > 1:
        raise AudioError(f"two mixtures: {candidates[0]} and {candidates[1]}; keep one of them")
    return TrackFile(path=candidates[0]) if candidates else None


def _decode(file: TrackFile) -> np.ndarray:
    """Decode a file to (C, N) float32."""
    return np.ascontiguousarray(read_samples(file).T)  # (N, C) -> (C, N)
