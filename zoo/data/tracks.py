"""Finding the tracks of a data set: one folder per track, one file per source.

Any nesting is read: a track is a folder that holds at least one file named after a source, in any
format that can be decoded. A source without a file is silent in that track. MUSDB18-HQ and every
export of ``SOURCE.wav`` folders have this layout; MUSDB18's ``.stem.mp4`` files are found too.
"""

import hashlib
import logging
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from zoo.audio import AUDIO_EXTENSIONS
from zoo.audio.finding import SkippedFile, count_reasons, scan_folder
from zoo.data.labels import CERTAINTY_FILE, LABEL_SUFFIX, Certainty, label_path, read_certainty
from zoo.errors import AudioError

logger = logging.getLogger(__name__)

STEM_SUFFIX = ".stem.mp4"
MIXTURE = "mixture"
NO_SOURCE = "audio files named after no source"
# The order of the streams in a MUSDB18 file; stream 0 is the mixture.
STEM_STREAMS = {"drums": 1, "bass": 2, "other": 3, "vocals": 4}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackFile:
    """Where the samples of one source of one track are.

    Args:
        path: The audio file.
        stream: The audio stream inside a ``.stem.mp4`` file; None for an ordinary file.
    """

    path: Path
    stream: int | None = None

    def __str__(self) -> str:
        """Name the file, and the stream where there are several."""
        return str(self.path) if self.stream is None else f"{self.path} (stream {self.stream})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One track: aligned files of some of the sources.

    Args:
        name: The track's folder relative to the data folder, with forward slashes.
        group: The first folder of ``name`` where the data folder has groups, else "".
        files: File of each source that is there; every other source is silent.
        labels: A teacher's label of each source of a sum, where the folder has them.
        certainty: How certain the teacher was; None without labels.
    """

    name: str
    group: str
    files: Mapping[str, TrackFile]
    labels: Mapping[str, TrackFile] = field(default_factory=dict)
    certainty: Certainty | None = None


def find_tracks(directory: str | Path, *, sources: Sequence[str]) -> tuple[Track, ...]:
    """Find every track under a folder, sorted by name.

    Args:
        directory: The data folder (for MUSDB18-HQ its ``train`` or ``test`` folder).
        sources: Names of the sources; other files (a ``mixture.wav``) are left alone.

    Raises:
        AudioError: If the folder is missing or holds no track, a source has two files, or a file
            has almost the name of a source.
    """
    root = Path(directory)
    if not root.is_dir():
        raise AudioError(f"{root} is no folder; give a folder with one sub-folder per track")
    scan = scan_folder(root)
    by_folder: dict[Path, list[Path]] = defaultdict(list)
    for path in scan.files:
        by_folder[path.parent].append(path)
    tracks: list[Track] = []
    skipped = [file for file in scan.skipped if file.path.name != CERTAINTY_FILE]
    for folder in sorted(by_folder):
        files = _source_files(by_folder[folder], sources, skipped)
        if files:
            track = _track(root, folder.relative_to(root), files)
            tracks.append(_with_labels(track, folder))
    for path in scan.files:
        if not path.name.endswith(STEM_SUFFIX):
            continue
        streams = {
            source: TrackFile(path=path, stream=STEM_STREAMS[source])
            for source in sources
            if source in STEM_STREAMS
        }
        relative = path.relative_to(root)
        tracks.append(_track(root, relative.with_name(path.name[: -len(STEM_SUFFIX)]), streams))
    if not tracks:
        wanted = ", ".join(f"{source}.wav" for source in sources)
        left_out = count_reasons(skipped)
        raise AudioError(
            f"no track in {root}: expected folders that hold any of {wanted} "
            f"(or another audio format), or MUSDB18 *{STEM_SUFFIX} files"
            + (f"; found {left_out}" if left_out else "")
        )
    if skipped:
        logger.warning("%s: tracks: %d; left out: %s", root, len(tracks), count_reasons(skipped))
    return tuple(tracks)


def require_disjoint(train: Iterable[Track], valid: Iterable[Track]) -> None:
    """Refuse validation files that are also trained on.

    Files are compared by path and by size plus digest of the first and last 64 KiB, so that a copy
    under another name is found as well.

    Raises:
        ValueError: If a file is in both; the message names the pair.
    """
    trained = {fingerprint(file): file for track in train for file in track.files.values()}
    for track in valid:
        for file in track.files.values():
            twin = trained.get(fingerprint(file))
            if twin is not None:
                raise ValueError(
                    f"{file} of the validation set is {twin} of the training set; "
                    "validation must be on other tracks: remove it from one of the two"
                )


def is_one_source(path: Path) -> bool:
    """Whether a path looks like one audio file of one source."""
    return path.suffix.lower() in AUDIO_EXTENSIONS and not path.name.endswith(STEM_SUFFIX)


def _source_files(
    paths: Iterable[Path], sources: Sequence[str], skipped: list[SkippedFile]
) -> dict[str, TrackFile]:
    """Match the audio files of a folder with the sources by their stem."""
    files: dict[str, TrackFile] = {}
    for path in paths:
        if not is_one_source(path):
            continue
        if path.stem not in sources:
            _refuse_near_name(path, sources)
            if path.stem != MIXTURE and not path.name.endswith(LABEL_SUFFIX):
                skipped.append(SkippedFile(path=path, reason=NO_SOURCE))
            continue
        if path.stem in files:
            raise AudioError(
                f"two files for {path.stem!r}: {files[path.stem]} and {path}; keep one of them"
            )
        files[path.stem] = TrackFile(path=path)
    return files


def _refuse_near_name(path: Path, sources: Sequence[str]) -> None:
    """Refuse a file that means a source and does not say so: its source would count as silent."""
    meant = unicodedata.normalize("NFKC", path.stem).casefold().strip(" ._-")
    for source in sources:
        if meant in (source, f"{source}s", source.removesuffix("s")):
            raise AudioError(
                f"{path}: is this {source}? Files of sources are named exactly; rename it to "
                f"{source}{path.suffix}, or move it away"
            )


def _track(root: Path, relative: Path, files: dict[str, TrackFile]) -> Track:
    """Name a track by its place under the data folder."""
    name = relative.as_posix() if relative.parts else root.name
    group = relative.parts[0] if len(relative.parts) > 1 else ""
    return Track(name=name, group=group, files=files)


def _with_labels(track: Track, folder: Path) -> Track:
    """Add the labels of a folder, if it has them."""
    certainty = read_certainty(folder)
    if certainty is None:
        return track
    labels = {source: TrackFile(path=label_path(folder, source)) for source in certainty.sources}
    return replace(track, labels=labels, certainty=certainty)


def fingerprint(file: TrackFile) -> tuple[int, str, int | None]:
    """Identify the content of a file cheaply: size, digest of both its ends, stream."""
    edge = 65536
    size = file.path.stat().st_size
    with file.path.open("rb") as stream:
        head = stream.read(edge)
        stream.seek(max(0, size - edge))
        digest = hashlib.sha256(head + stream.read(edge)).hexdigest()
    return size, digest, file.stream
