"""The MUSDB18 and MUSDB18-HQ layouts: which track is for training, validation and testing."""

import warnings
from pathlib import Path

from zoo.data.tracks import Track, find_tracks
from zoo.errors import AudioError

SOURCES = ("vocals", "drums", "bass", "other")


def is_musdb18(directory: str | Path) -> bool:
    """Whether a folder looks like MUSDB18: ``train`` and ``test`` folders with tracks."""
    root = Path(directory)
    return all(any((root / part).glob("*")) for part in ("train", "test"))


def find_musdb18_tracks(
    directory: str | Path, *, split: str, sources: tuple[str, ...] = SOURCES
) -> tuple[Track, ...]:
    """Find the tracks of a split as the ``musdb`` package defines it.

    Args:
        directory: The data set's root, with ``train`` and ``test``; stem files or (HQ) folders.
        split: ``train`` (86 tracks of the full set), ``valid`` (the 14 that are kept from training)
            or ``test`` (50).
        sources: Names of the sources.

    Raises:
        AudioError: If the musdb package is missing or the split has no track.
        ValueError: If ``split`` is no split.
    """
    if split not in ("train", "valid", "test"):
        raise ValueError(f"split must be train, valid or test, got {split!r}")
    try:
        import musdb
    except ImportError as error:
        raise AudioError(
            f"{directory} is a MUSDB18 root; its splits are those of the musdb package: "
            "pip install musdb, or give --data and --valid two folders of your own"
        ) from error
    subset = "test" if split == "test" else "train"
    root = Path(directory).resolve()
    is_wav = not any((root / subset).glob("*.stem.mp4"))
    with warnings.catch_warnings():
        # The package warns of its own default at every construction.
        warnings.simplefilter("ignore")
        database = musdb.DB(
            root=str(root),
            is_wav=is_wav,
            subsets=subset,
            split=None if split == "test" else split,
        )
    names = {track.name for track in database.tracks}
    tracks = find_tracks(root / subset, sources=sources)
    chosen = tuple(track for track in tracks if track.name in names)
    if not chosen:
        raise AudioError(f"the {split} split of {root} has no track; is the download complete?")
    return chosen
