"""From a file to a folder of stems, in flat memory, and the record that makes it resumable."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from zoo.audio import AudioFormat, open_audio, read_tags
from zoo.records.files import hash_file, remove_stale_partials
from zoo.separation.naming import SONG_TEMPLATE, STEM_TEMPLATE, file_name
from zoo.separation.record import RECORD_NAME, SeparationRecord, place_digest
from zoo.separation.separator import ProgressCallback, Separator
from zoo.separation.stem_writer import (
    StemWriter,
    check_output,
    make_folder,
    note_random_weights,
)
from zoo.weights.references import RANDOM_WEIGHTS

__all__ = ["SeparatedFile", "SeparationJob", "separate_file"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparationJob:
    """What is wanted of every file.

    Attributes:
        separator: The network.
        audio_format: Of the stems.
        sources: The sources wanted, None for all.
        two_stems: Instead: this source and everything else.
        name_template: Name of a stem's file, as :func:`~zoo.separation.naming.check_template` has
            it.
        resume: Whether a folder stays as it is where an equal job has completed it. Otherwise its
            stems are replaced, whosever they are.
    """

    separator: Separator
    audio_format: AudioFormat
    sources: Sequence[str] | None = None
    two_stems: str | None = None
    name_template: str = STEM_TEMPLATE
    resume: bool = True

    @property
    def stem_names(self) -> tuple[str, ...]:
        """The stems that every file gives."""
        return self.separator.stem_names(sources=self.sources, two_stems=self.two_stems)

    def file_names(self, song: str) -> dict[str, str]:
        """Return the name of each stem's file for a song, without extension.

        Where one file holds them all it is named after the song.
        """
        template, model = self.name_template, self.separator.model_name
        if self.audio_format.is_multitrack and "{stem}" in template:
            template = SONG_TEMPLATE
        return {
            stem: file_name(template, song=song, stem=stem, model=model) for stem in self.stem_names
        }


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
        AudioError: The file cannot be read, the stems cannot be written, or the folder holds the
            stems of another song.
        SeparationCancelledError: ``cancel`` was set.
    """
    started = time.perf_counter()
    with open_audio(path, keep_going=job.separator.keep_going) as reader:
        info = reader.info
        check_output(job.audio_format, job.stem_names, info)
    input_sha256 = hash_file(path)
    request = _describe_request(job, input_sha256)
    known = SeparationRecord.read(folder)
    remove_stale_partials(folder)
    if job.resume and known is not None:
        known.check_owner(folder, path=path, input_sha256=input_sha256)
        if known.is_complete(folder, request):
            return SeparatedFile(
                folder=folder,
                audio_seconds=known.seconds,
                work_seconds=0.0,
                gain=known.gain,
                was_complete=True,
            )
    make_folder(folder)
    if job.separator.weights == RANDOM_WEIGHTS:
        note_random_weights(folder, job.separator.model_name)
    num_samples = 0
    with StemWriter(
        folder,
        job.file_names(path.stem),
        audio_format=job.audio_format,
        sample_rate=info.sample_rate,
        num_channels=info.num_channels,
        num_samples=info.num_samples,
        tags=read_tags(path).of_song(path.stem),
    ) as writer:
        for block in job.separator.stream(
            path, sources=job.sources, two_stems=job.two_stems, progress=progress, cancel=cancel
        ):
            writer.write(block.stems, mixture=block.mixture)
            num_samples += block.num_samples
        (folder / RECORD_NAME).unlink(missing_ok=True)
        saved = writer.commit()
    stems = {name: {"file": p.name, "bytes": p.stat().st_size} for name, p in saved.paths.items()}
    earlier = known.file_names if known is not None else frozenset[str]()
    record = SeparationRecord(
        input=path.name,
        input_place_sha256=place_digest(path),
        request=request,
        sample_rate=info.sample_rate,
        num_samples=num_samples,
        gain=saved.gain,
        peak=saved.peak,
        stems=stems,
        files=tuple(sorted(earlier | {stem["file"] for stem in stems.values()})),
    )
    record.write(folder)
    return SeparatedFile(
        folder=folder,
        audio_seconds=record.seconds,
        work_seconds=time.perf_counter() - started,
        gain=saved.gain,
        was_complete=False,
    )


def _describe_request(job: SeparationJob, input_sha256: str) -> dict[str, object]:
    """Return what decides the content of the stems: equal requests give equal stems."""
    return {
        "input_sha256": input_sha256,
        "model": job.separator.model_name,
        "weights": job.separator.weights,
        "stems": list(job.stem_names),
        "format": job.audio_format.name,
        "name": job.name_template,
        **job.separator.identity.to_dict(),
    }
