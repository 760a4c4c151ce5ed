"""From a file to a folder of stems, in flat memory, and the record that makes it resumable."""

import json
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.audio import AudioFormat, open_audio, remove_stale_partials
from zoo.errors import AudioError
from zoo.records.files import hash_file, write_whole
from zoo.separation.separator import ProgressCallback, Separator
from zoo.separation.stem_writer import StemWriter, make_folder, note_random_weights
from zoo.weights.loading import RANDOM_WEIGHTS

__all__ = ["RECORD_NAME", "SeparatedFile", "SeparationJob", "separate_file"]

RECORD_NAME = "separation.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparationJob:
    """What is wanted of every file.

    Attributes:
        separator: The network.
        audio_format: Of the stems.
        sources: The sources wanted, None for all.
        two_stems: Instead: this source and everything else.
        resume: Whether a folder stays as it is where an equal job has completed it.
    """

    separator: Separator
    audio_format: AudioFormat
    sources: Sequence[str] | None = None
    two_stems: str | None = None
    resume: bool = True

    @property
    def stem_names(self) -> tuple[str, ...]:
        """The stems that every file gives."""
        return self.separator.stem_names(sources=self.sources, two_stems=self.two_stems)


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparatedFile:
    """What became of a file.

    Attributes:
        folder: Where its stems are.
        audio_seconds: Its duration.
        work_seconds: Time that the separation took; 0 where nothing was left to do.
        gain: The factor of all stems that keeps every one from clipping.
        was_complete: Whether an earlier run had done it already.
    """

    folder: Path
    audio_seconds: float
    work_seconds: float
    gain: float
    was_complete: bool


def separate_file(
    job: SeparationJob,
    path: Path,
    folder: Path,
    *,
    progress: ProgressCallback | None = None,
    cancel: threading.Event | None = None,
) -> SeparatedFile:
    """Separate a file into a folder.

    Stems appear under their names when all are complete, and the record after them. A run that is
    killed leaves at most hidden temporary files, which a later run removes.

    Args:
        job: What is wanted.
        path: The file.
        folder: For its stems; created if need be.
        progress: Called with the fraction done and the stage.
        cancel: Set it from another thread to stop.

    Raises:
        AudioError: The file cannot be read or the stems cannot be written.
        SeparationCancelledError: ``cancel`` was set.
    """
    started = time.perf_counter()
    with open_audio(path) as reader:
        info = reader.info
        job.audio_format.check(sample_rate=info.sample_rate, num_channels=info.num_channels)
    request = _describe_request(job, path)
    if job.resume and (record := _read_record(folder, request)) is not None:
        return SeparatedFile(
            folder=folder,
            audio_seconds=record["num_samples"] / record["sample_rate"],
            work_seconds=0.0,
            gain=record["gain"],
            was_complete=True,
        )
    make_folder(folder)
    remove_stale_partials(folder)
    if job.separator.weights == RANDOM_WEIGHTS:
        note_random_weights(folder, job.separator.model_name)
    num_samples = 0
    with StemWriter(
        folder,
        job.stem_names,
        audio_format=job.audio_format,
        sample_rate=info.sample_rate,
        num_channels=info.num_channels,
        num_samples=info.num_samples,
    ) as writer:
        for block in job.separator.stream(
            path, sources=job.sources, two_stems=job.two_stems, progress=progress, cancel=cancel
        ):
            writer.write(block.stems)
            num_samples += block.num_samples
        (folder / RECORD_NAME).unlink(missing_ok=True)
        saved = writer.commit()
    files = {name: {"file": p.name, "bytes": p.stat().st_size} for name, p in saved.paths.items()}
    record = {
        "input": path.name,
        "request": request,
        "sample_rate": info.sample_rate,
        "num_samples": num_samples,
        "gain": saved.gain,
        "peak": saved.peak,
        "stems": files,
    }
    _write_record(folder, record)
    return SeparatedFile(
        folder=folder,
        audio_seconds=num_samples / info.sample_rate,
        work_seconds=time.perf_counter() - started,
        gain=saved.gain,
        was_complete=False,
    )


def _describe_request(job: SeparationJob, path: Path) -> dict[str, object]:
    """Return what decides the content of the stems: equal requests give equal stems."""
    return {
        "input_sha256": hash_file(path),
        "model": job.separator.model_name,
        "weights": job.separator.weights,
        "stems": list(job.stem_names),
        "format": job.audio_format.name,
        **job.separator.identity.to_dict(),
    }


def _read_record(folder: Path, request: dict[str, object]) -> dict | None:
    """Return the record of an equal request whose files are all there, or None."""
    try:
        record = json.loads((folder / RECORD_NAME).read_text(encoding="utf-8"))
        sizes = {stem["file"]: stem["bytes"] for stem in record["stems"].values()}
        is_whole = all((folder / Path(name).name).stat().st_size == sizes[name] for name in sizes)
        is_equal = _without_labels(record["request"]) == _without_labels(request)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return record if is_whole and is_equal else None


def _without_labels(request: dict[str, object]) -> dict[str, object]:
    """Leave out the names of model and weights: their content decides, not what they are called."""
    return {key: value for key, value in request.items() if key not in ("model", "weights")}


def _write_record(folder: Path, record: dict[str, object]) -> None:
    try:
        write_whole(folder / RECORD_NAME, json.dumps(record, indent=2) + "\n")
    except OSError as error:
        raise AudioError(f"cannot write {folder / RECORD_NAME}: {error.strerror}") from error
