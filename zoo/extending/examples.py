"""Examples of a new source: finding them, refusing what teaches nothing, holding some out."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.audio.finding import scan_folder
from zoo.data import DecodedTrack, Track, decode_tracks, find_tracks, require_disjoint
from zoo.data.decoded import Progress
from zoo.data.tracks import TrackFile, fingerprint
from zoo.errors import AudioError, ExamplesError

__all__ = ["BACKGROUND", "ExampleSource", "Examples", "gather_examples", "read_tracks"]

BACKGROUND = "background"
LEAST_SECONDS = 10.0  # of sound, in all examples together
HELD_OUT_SHARE = 0.2
MOST_HELD_OUT = 8

ExampleSource = str | os.PathLike[str] | Iterable[str | os.PathLike[str] | Track]
"""A folder, or files and tracks one by one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Examples:
    """What a new source is learnt from.

    Attributes:
        train: Tracks with the new source to learn from.
        valid: Tracks with the new source to choose by.
        background: Tracks of what sounds beside it, without it.
    """

    train: tuple[DecodedTrack, ...]
    valid: tuple[DecodedTrack, ...]
    background: tuple[DecodedTrack, ...]

    def background_names(self, source: str) -> tuple[str, ...]:
        """Name all that can be mixed with the new source, in the order of the tracks."""
        tracks = (*self.background, *self.train)
        return tuple(dict.fromkeys(n for track in tracks for n in track.files if n != source))


def read_tracks(given: ExampleSource, *, known: Sequence[str], loose: str) -> tuple[Track, ...]:
    """Read a folder, or files and tracks, as tracks.

    Args:
        given: A folder of tracks (one folder each, files named after sources), or one of any audio
            files; or files and tracks one by one.
        known: Names of the sources that files of a track may have.
        loose: The source that a file counts as that is named after none.

    Raises:
        AudioError: If there is nothing, or a name is almost that of a source.
    """
    if not isinstance(given, str | os.PathLike):
        return tuple(
            each if isinstance(each, Track) else _loose_track(Path(each), loose) for each in given
        )
    root = Path(given)
    if root.is_file():
        return (_loose_track(root, loose),)
    files = scan_folder(root).files if root.is_dir() else []
    if any(path.stem in known for path in files) or not root.is_dir():
        return find_tracks(root, sources=known)
    if not files:
        raise AudioError(f"no audio in {root}; expected songs or files of sources")
    return tuple(_loose_track(path, loose, root=root) for path in files)


def _loose_track(path: Path, source: str, *, root: Path | None = None) -> Track:
    name = path.name if root is None else path.relative_to(root).as_posix()
    return Track(name=name, group="", files={source: TrackFile(path=path)})


def gather_examples(
    source: str,
    *,
    tracks: Sequence[Track],
    background: Sequence[Track],
    valid: Sequence[Track],
    cache: Path,
    sample_rate: int,
    progress: Progress | None = None,
) -> Examples:
    """Decode examples and background, refuse what teaches nothing, and hold some out.

    Args:
        source: Name of the new source.
        tracks: Tracks, some of which have a file of the source.
        background: Tracks of what sounds beside it.
        valid: Held-out examples; without them a fifth of the examples, at most eight, is held out:
            whole files, or the last fifth of the only one.
        cache: Folder of decoded samples.
        sample_rate: Hz.
        progress: Called with (files done, files in all) of each of the three.

    Raises:
        ExamplesError: If there are none, they are silent or shorter than 10 s in all, or all the
            same recording.
        ValueError: If a held-out file is learnt from.
        AudioError: If a file cannot be decoded.
    """
    with_source = [track for track in tracks if source in track.files]
    if not with_source:
        raise ExamplesError(
            f"no track has a file for {source!r}; name the examples {source}.wav (or another audio "
            "format), each in a folder of its own, or give a folder of nothing but examples"
        )
    _refuse_copies(source, with_source)
    require_disjoint(with_source, valid)

    def decode(chosen: Sequence[Track]) -> tuple[DecodedTrack, ...]:
        return decode_tracks(
            chosen, cache_directory=cache, sample_rate=sample_rate, progress=progress
        )

    decoded = decode(with_source)
    _refuse_silence(source, decoded)
    train, held_out = decoded, decode(valid)
    if not valid:
        train, held_out = _hold_out(source, decoded)
    else:
        _refuse_silence(source, held_out, least=0.0)
    without = [track for track in tracks if source not in track.files]
    return Examples(train=train, valid=held_out, background=decode([*without, *background]))


def _refuse_copies(source: str, tracks: Sequence[Track]) -> None:
    """Refuse examples that are one recording under several names."""
    files = [track.files[source] for track in tracks]
    if len(files) > 1 and len({fingerprint(file) for file in files}) == 1:
        raise ExamplesError(
            f"all {len(files)} examples of {source!r} are the same recording ({files[0]} and "
            "copies); give different ones"
        )


def _refuse_silence(
    source: str, tracks: Sequence[DecodedTrack], *, least: float = LEAST_SECONDS
) -> None:
    """Refuse examples in which the source does not sound, or not for long enough."""
    for track in tracks:
        if track.files[source].active_seconds == 0:
            raise ExamplesError(
                f"{source!r} is silent in {track.name}: no tenth of a second is louder than "
                "-50 dBFS; remove it, or give a louder export"
            )
    total = sum(track.files[source].active_seconds for track in tracks)
    if total < least:
        raise ExamplesError(
            f"the examples of {source!r} sound for {total:.1f} s in all; at least "
            f"{least:.0f} s are needed, and minutes are better"
        )


def _hold_out(
    source: str, tracks: tuple[DecodedTrack, ...]
) -> tuple[tuple[DecodedTrack, ...], tuple[DecodedTrack, ...]]:
    """Keep whole tracks, spread over the list, or the end of the only one."""
    if len(tracks) == 1:
        (track,) = tracks
        border = round(track.num_samples * (1 - HELD_OUT_SHARE))
        return (_cut(track, 0, border),), (_cut(track, border, track.num_samples),)
    count = min(MOST_HELD_OUT, max(1, round(len(tracks) * HELD_OUT_SHARE)))
    chosen = {round((place + 0.5) * len(tracks) / count - 0.5) for place in range(count)}
    return (
        tuple(track for place, track in enumerate(tracks) if place not in chosen),
        tuple(track for place, track in enumerate(tracks) if place in chosen),
    )


def _cut(track: DecodedTrack, start: int, end: int) -> DecodedTrack:
    """Return the part of a track between two samples."""
    files = {name: file.cut(start, end) for name, file in track.files.items()}
    return DecodedTrack(name=track.name, group=track.group, num_samples=end - start, files=files)
