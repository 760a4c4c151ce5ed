"""From a file to a folder of stems, in flat memory, and the record that makes it resumable."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from zoo.audio import open_audio, read_tags
from zoo.audio.reading_ahead import read_ahead
from zoo.errors import AudioError, StemsNotWrittenError
from zoo.records.files import hash_file, remove_stale_partials
from zoo.separation.job import SeparationJob
from zoo.separation.record import RECORD_NAME, SeparationRecord, file_sizes, place_digest
from zoo.separation.separator import ProgressCallback
from zoo.separation.stem_writer import (
    StemWriter,
    check_output,
    make_folder,
    note_random_weights,
)
from zoo.weights.references import RANDOM_WEIGHTS

__all__ = ["FileSeparation", "SeparatedFile", "SeparationJob", "StoredSong", "separate_file"]

NO_TURN = nullcontext()


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparatedFile:
    """What became of a file.

    Attributes:
        folder: Where its stems are.
        record: What is on record of them.
        work_seconds: Time that the separation took, without waiting for other songs; 0 where
            nothing was left to do.
        network_seconds: For how much of it the network computed.
        was_complete: Whether an earlier run had done it already.
    """

    folder: Path
    record: SeparationRecord
    work_seconds: float = 0.0
    network_seconds: float = 0.0
    was_complete: bool = False

    @property
    def audio_seconds(self) -> float:
        """Duration of the song."""
        return self.record.seconds

    @property
    def gain(self) -> float:
        """The factor of all stems that keeps every one from clipping."""
        return self.record.gain


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredSong:
    """A song that is kept elsewhere than in the file that stands for it, as are its stems.

    Attributes:
        place: Digest of where the song is kept.
        record: Of the stems that are there; None where there are none.
        sizes: Bytes of the files that are there, by name.
    """

    place: str
    record: SeparationRecord | None
    sizes: Mapping[str, int]


class FileSeparation:
    """A file on its way to a folder of stems, in three steps that may run in different threads.

    :meth:`prepare` finds out what the file is and begins to decode it, :meth:`run` needs the
    network, :meth:`finish` encodes the stems. While the network is busy with one file, the next can
    be prepared and the last one finished; all samples are those of :func:`separate_file`. A context
    manager, which leaves nothing of what was not finished.

    Args:
        job: What is wanted.
        path: The file.
        folder: For its stems; created if need be.
        stored: Where the song and its stems are kept, if not there.
    """

    def __init__(
        self, job: SeparationJob, path: Path, folder: Path, *, stored: StoredSong | None = None
    ) -> None:
        self._job, self._path, self._folder = job, path, folder
        self._stored = stored
        self._closing = ExitStack()
        self._work_seconds = self._network_seconds = 0.0
        self._num_samples = 0

    def __enter__(self) -> "FileSeparation":
        """Return the separation itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop decoding and discard what was not finished."""
        self.close()

    @property
    def audio_seconds(self) -> float | None:
        """Duration that the prepared file promises."""
        return self._reader.info.seconds

    def close(self) -> None:
        """Stop decoding and discard what was not finished."""
        self._closing.close()

    def prepare(self) -> SeparatedFile | None:
        """Check that the file can be separated; return what there is if it was already.

        Raises:
            AudioError: The file cannot be read, or the folder holds the stems of another song.
        """
        with self._timed():
            job = self._job
            reader = open_audio(self._path, keep_going=job.separator.keep_going)
            self._closing.enter_context(reader)
            check_output(job.audio_format, job.stem_names, reader.info)
            input_sha256 = hash_file(self._path)
            self._request = job.describe(input_sha256)
            SeparationRecord.check_place(self._folder)
            stored = self._stored or _kept_here(self._path, self._folder)
            self._place, self._known = stored.place, stored.record
            remove_stale_partials(self._folder)
            if job.resume and self._known is not None:
                self._known.check_owner(self._folder, place=self._place, input_sha256=input_sha256)
                if self._known.is_complete(self._request, sizes=stored.sizes):
                    return SeparatedFile(folder=self._folder, record=self._known, was_complete=True)
            self._reader = self._closing.enter_context(read_ahead(reader))
            return None

    def run(
        self,
        *,
        progress: ProgressCallback | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        """Let the network separate the file, after :meth:`prepare`.

        Args:
            progress: Called with the fraction done and the stage.
            cancel: Set it from another thread to stop.

        Raises:
            AudioError: The file is damaged.
            StemsNotWrittenError: The folder refuses.
            SeparationCancelledError: ``cancel`` was set.
        """
        with self._timed():
            job = self._job
            with _writing():
                self._writer = self._closing.enter_context(self._open_writer())
            busy = job.separator.busy_seconds
            for block in job.separator.stream(
                self._reader,
                sources=job.sources,
                two_stems=job.two_stems,
                progress=progress,
                cancel=cancel,
            ):
                with _writing():
                    self._writer.write(block.stems, mixture=block.mixture)
                self._num_samples += block.num_samples
            self._network_seconds = job.separator.busy_seconds - busy

    def finish(self) -> SeparatedFile:
        """Encode the stems, give them their names and put them on record, after :meth:`run`.

        Raises:
            StemsNotWrittenError: The folder refuses.
        """
        with self._timed(), _writing():
            (self._folder / RECORD_NAME).unlink(missing_ok=True)
            saved = self._writer.commit()
            stems = {name: self._describe_file(path) for name, path in saved.paths.items()}
            earlier = self._known.file_names if self._known is not None else frozenset[str]()
            record = SeparationRecord(
                input=self._path.name,
                input_place_sha256=self._place,
                request=self._request,
                sample_rate=self._reader.info.sample_rate,
                num_samples=self._num_samples,
                gain=saved.gain,
                peak=saved.peak,
                stems=stems,
                files=tuple(sorted(earlier | {stem["file"] for stem in stems.values()})),
            )
            record.write(self._folder)
        return SeparatedFile(
            folder=self._folder,
            record=record,
            work_seconds=self._work_seconds,
            network_seconds=self._network_seconds,
        )

    def _open_writer(self) -> StemWriter:
        job, info = self._job, self._reader.info
        make_folder(self._folder)
        if job.separator.weights == RANDOM_WEIGHTS:
            note_random_weights(self._folder, job.separator.model_name)
        return StemWriter(
            self._folder,
            job.file_names(self._path.stem),
            audio_format=job.audio_format,
            sample_rate=info.sample_rate,
            num_channels=info.num_channels,
            num_samples=info.num_samples,
            tags=read_tags(self._path).of_song(self._path.stem),
        )

    def _describe_file(self, path: Path) -> dict[str, Any]:
        facts = {"file": path.name, "bytes": path.stat().st_size}
        return facts | ({"sha256": hash_file(path)} if self._job.checksums else {})

    @contextmanager
    def _timed(self) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self._work_seconds += time.perf_counter() - started


def separate_file(
    job: SeparationJob,
    path: Path,
    folder: Path,
    *,
    stored: StoredSong | None = None,
    turn: AbstractContextManager[object] = NO_TURN,
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
        stored: Where the song and its stems are kept, if not there.
        turn: Held while the network works on the file: a lock lets threads with a file each take
            turns, so that one decodes and another encodes meanwhile.
        progress: Called with the fraction done and the stage.
        cancel: Set it from another thread to stop.

    Raises:
        AudioError: The file cannot be read, or the folder holds the stems of another song.
        StemsNotWrittenError: The folder refuses.
        SeparationCancelledError: ``cancel`` was set.
    """
    with FileSeparation(job, path, folder, stored=stored) as separation:
        known = separation.prepare()
        if known is not None:
            return known
        with turn:
            separation.run(progress=progress, cancel=cancel)
        return separation.finish()


@contextmanager
def _writing() -> Iterator[None]:
    """Tell errors of writing from those of the song."""
    try:
        yield
    except (AudioError, OSError) as error:
        raise StemsNotWrittenError(str(error)) from error


def _kept_here(path: Path, folder: Path) -> StoredSong:
    return StoredSong(
        place=place_digest(path), record=SeparationRecord.read(folder), sizes=file_sizes(folder)
    )
