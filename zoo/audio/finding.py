"""Finding audio files below a folder, with an account of everything that was left out."""

import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from zoo.audio.formats import AUDIO_EXTENSIONS

__all__ = ["FolderScan", "SkippedFile", "count_reasons", "scan_folder"]

HIDDEN = "hidden"
NOT_AUDIO = "not audio by name"
NO_FILE = "no regular file"
UNREADABLE = "unreadable"
FOUND_ALREADY = "found under another name"
TRASH = "in a trash folder"
TRASH_FOLDERS = frozenset({"$recycle.bin", "__macosx", "lost+found", "@eadir", "#recycle"})


@dataclass(frozen=True, kw_only=True, slots=True)
class SkippedFile:
    """A file or folder that was left out.

    Attributes:
        path: Which one.
        reason: Why, in a few words that read on after "2 files: ".
    """

    path: Path
    reason: str

    @property
    def is_surprising(self) -> bool:
        """Whether a user who looks for a song would miss it."""
        return self.reason not in (HIDDEN, NOT_AUDIO, TRASH)


@dataclass(kw_only=True, slots=True)
class FolderScan:
    """What a folder holds.

    Attributes:
        files: Audio files, in the order of their paths.
        skipped: Everything else.
    """

    files: list[Path] = field(default_factory=list)
    skipped: list[SkippedFile] = field(default_factory=list)


def scan_folder(
    root: Path, *, refuse: Callable[[Path], str | None] = lambda path: None
) -> FolderScan:
    """Find the audio files in a folder and below it.

    Links are followed; of several names for one file or folder the first counts. Files are taken by
    their extension, one of :data:`~zoo.audio.formats.AUDIO_EXTENSIONS` in any case.

    Args:
        root: The folder.
        refuse: Asked about each file and folder; a reason leaves it out.
    """
    scan = FolderScan()
    seen: set[str] = {os.path.realpath(root)}
    _scan(root, scan, seen, refuse)
    scan.files.sort()
    return scan


def count_reasons(skipped: Iterable[SkippedFile]) -> str:
    """Return the skipped files counted by reason, the most frequent first; empty for none.

    >>> one, two = (SkippedFile(path=Path(name), reason="hidden") for name in ("a", "b"))
    >>> count_reasons([one, two, SkippedFile(path=Path("c"), reason="unreadable")])
    '2 hidden, 1 unreadable'
    """
    counts = Counter(file.reason for file in skipped)
    return ", ".join(f"{number} {reason}" for reason, number in counts.most_common())


def _scan(
    folder: Path, scan: FolderScan, seen: set[str], refuse: Callable[[Path], str | None]
) -> None:
    def skip(path: Path, reason: str) -> None:
        scan.skipped.append(SkippedFile(path=path, reason=reason))

    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208  # names, not paths, sort alike everywhere
    except OSError:
        skip(folder, UNREADABLE)
        return
    for name in names:
        path = folder / name
        reason = HIDDEN if name.startswith(".") else refuse(path)
        if reason is None and name.lower() in TRASH_FOLDERS:
            reason = TRASH
        try:
            mode = path.stat().st_mode
        except OSError:
            reason = reason or UNREADABLE
            mode = 0
        is_folder = stat.S_ISDIR(mode)
        if reason is None and not is_folder:
            reason = _reason_against_file(path, mode)
        place = os.path.realpath(path)
        if reason is None and place in seen:
            reason = FOUND_ALREADY
        if reason is not None:
            skip(path, reason)
            continue
        seen.add(place)
        if is_folder:
            _scan(path, scan, seen, refuse)
        else:
            scan.files.append(path)


def _reason_against_file(path: Path, mode: int) -> str | None:
    if path.suffix.lower() not in AUDIO_EXTENSIONS:
        return NOT_AUDIO
    if not stat.S_ISREG(mode):
        return NO_FILE
    return None if os.access(path, os.R_OK) else UNREADABLE
