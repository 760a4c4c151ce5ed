"""From what a user names to songs, each with a folder of its own for its stems."""

import glob
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.audio.finding import SkippedFile, count_reasons, scan_folder
from zoo.errors import AudioError
from zoo.separation.naming import fold, safe_name
from zoo.separation.record import SeparationRecord

__all__ = ["PlannedSong", "SeparationPlan", "plan_separations", "tell_apart"]

OUR_STEM = "stems of an earlier separation"
IN_OUTPUT = "in the output folder"


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedSong:
    """A song to separate.

    Attributes:
        path: The file, or a pipe.
        folder: For its stems; no other song of the plan has it.
    """

    path: Path
    folder: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparationPlan:
    """What a run will do.

    Attributes:
        songs: In the order in which they were named.
        skipped: What was found in folders and left out, with the reasons.
        problems: A sentence for each input that stands for no song.
    """

    songs: tuple[PlannedSong, ...]
    skipped: tuple[SkippedFile, ...]
    problems: tuple[str, ...] = ()


def plan_separations(inputs: Iterable[str | Path], output: Path) -> SeparationPlan:
    """Find the songs and choose their folders.

    A folder stands for the audio files in it and below; their stems get folders of the same
    structure. A name with wildcards that no shell has expanded stands for the files that fit it.
    Stems that earlier separations made (their ``separation.json`` lists them) are no songs, nor is
    anything in an output folder that lies inside an input folder.

    Songs that would share a folder keep their extensions in its name, or the folders that tell them
    apart.

    Args:
        inputs: Audio files, folders and patterns.
        output: The folder for all songs.

    Raises:
        AudioError: No input stands for a song, or two songs cannot be told apart.
    """
    found: dict[str, tuple[Path, Path]] = {}  # by real path: the file, and its name in the output
    skipped: list[SkippedFile] = []
    problems: list[str] = []
    for path in _expand(inputs, problems):
        try:
            songs = _songs_in(path, output, skipped) if path.is_dir() else [(path, path.name)]
        except AudioError as error:
            problems.append(str(error))
            continue
        for file, name in songs:
            found.setdefault(os.path.realpath(file), (file, Path(name)))
    if problems and not found:
        raise AudioError("; ".join(problems))
    names = tell_apart(list(found.values()))
    planned = (PlannedSong(path=path, folder=output / name) for path, name in names)
    return SeparationPlan(songs=tuple(planned), skipped=tuple(skipped), problems=tuple(problems))


def _expand(inputs: Iterable[str | Path], problems: list[str]) -> Iterator[Path]:
    for name in inputs:
        path = Path(name)
        if path.exists() or not glob.has_magic(str(name)):
            yield path
            continue
        matches = sorted(glob.glob(str(name), recursive=True))  # noqa: PTH207  # also absolute
        if not matches:
            problems.append(f"{name}: no file fits this pattern")
        yield from map(Path, matches)


def _songs_in(folder: Path, output: Path, skipped: list[SkippedFile]) -> list[tuple[Path, Path]]:
    """Return the songs below a folder with their names relative to it."""
    inside, target = os.path.realpath(folder), os.path.realpath(output)
    is_output_inside = target != inside and Path(target).is_relative_to(inside)
    stems: dict[Path, frozenset[str]] = {}

    def refuse(path: Path) -> str | None:
        if is_output_inside and os.path.realpath(path) == target:
            return IN_OUTPUT
        parent = path.parent
        if parent not in stems:
            stems[parent] = _our_stems(parent)
        return OUR_STEM if path.name in stems[parent] else None

    scan = scan_folder(folder, refuse=refuse)
    skipped.extend(scan.skipped)
    if not scan.files:
        reasons = count_reasons(scan.skipped)
        raise AudioError(
            f"{folder}: no audio files in this folder" + (f" ({reasons})" if reasons else "")
        )
    return [(file, file.relative_to(folder)) for file in scan.files]


def _our_stems(folder: Path) -> frozenset[str]:
    """Return the names of the files that a record of ours lists in a folder."""
    record = SeparationRecord.read(folder)
    return frozenset() if record is None else record.file_names


def tell_apart(songs: Sequence[tuple[Path, Path]]) -> list[tuple[Path, Path]]:
    """Give each song a folder name that no other song has, on any system.

    Args:
        songs: The absolute or relative path of each, and the part of it that names its folder.

    Returns:
        The same paths, with the names of their folders.

    Raises:
        AudioError: Two songs cannot be told apart.
    """
    attempts = dict.fromkeys(range(len(songs)), 0)
    while meetings := _meetings({i: _candidate(*songs[i], attempts[i]) for i in attempts}):
        for index in (index for meeting in meetings for index in meeting):
            attempts[index] += 1
    return [(path, _candidate(path, name, attempts[i])) for i, (path, name) in enumerate(songs)]


def _candidate(path: Path, name: Path, attempt: int) -> Path:
    """Return a song's name; the next attempt keeps the extension, then comes one more parent."""
    depth, keeps_extension = divmod(attempt, 2)
    parents = path.absolute().parts[: -len(name.parts)][1:]
    if depth > len(parents):
        raise AudioError(
            f"{path}: its stems would get the folder of another song's; rename it, or separate it "
            "into another output folder"
        )
    longer = Path(*parents[len(parents) - depth :], name)
    return Path(*map(safe_name, (longer if keeps_extension else longer.with_suffix("")).parts))


def _meetings(chosen: dict[int, Path]) -> list[list[int]]:
    """Return the groups of songs that share a folder."""
    groups = defaultdict(list)
    for index, name in chosen.items():
        groups[fold(name.as_posix())].append(index)
    return [group for group in groups.values() if len(group) > 1]
