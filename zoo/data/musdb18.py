"""The MUSDB18 and MUSDB18-HQ layouts: which track is for training, validation and testing."""

from pathlib import Path

from zoo.data.tracks import Track, find_tracks
from zoo.errors import AudioError

SOURCES = ("vocals", "drums", "bass", "other")
VALIDATION_TRACKS = frozenset(
    {
        "ANiMAL - Rockshow",
        "Actions - One Minute Smile",
        "Alexander Ross - Goodbye Bolero",
        "Clara Berry And Wooldog - Waltz For My Victims",
        "Fergessen - Nos Palpitants",
        "James May - On The Line",
        "Johnny Lokke - Promises & Lies",
        "Leaf - Summerghost",
        "Meaxic - Take A Step",
        "Patrick Talbot - A Reason To Leave",
        "Skelpolu - Human Mistakes",
        "Traffic Experiment - Sirens",
        "Triviul - Angelsaint",
        "Young Griffo - Pennies",
    }
)
"""The 14 tracks of the training part that are kept for validation: ``validation_tracks`` of the
``musdb`` package by Fabian-Robert Stöter and Antoine Liutkus (``musdb/configs/mus.yaml``)."""


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
        AudioError: If the split has no track.
        ValueError: If ``split`` is no split.
    """
    if split not in ("train", "valid", "test"):
        raise ValueError(f"split must be train, valid or test, got {split!r}")
    root = Path(directory).resolve()
    tracks = find_tracks(root / ("test" if split == "test" else "train"), sources=sources)
    chosen = tuple(
        track
        for track in tracks
        if split == "test" or (track.name in VALIDATION_TRACKS) == (split == "valid")
    )
    if not chosen:
        raise AudioError(f"the {split} split of {root} has no track; is the download complete?")
    return chosen
