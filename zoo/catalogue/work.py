"""One song of a catalogue, from its store to the output store; runs in the workers."""

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from zoo.audio import find_format
from zoo.catalogue.manifest import DONE, OutputFile
from zoo.catalogue.songs import CatalogueSong
from zoo.catalogue.store import Store, is_local, local_copy
from zoo.errors import StemsNotWrittenError, StoreError
from zoo.records.files import digest_of
from zoo.separation.files import SeparatedFile, StoredSong, separate_file
from zoo.separation.job import SeparationJob
from zoo.separation.naming import STEM_TEMPLATE
from zoo.separation.record import RECORD_NAME, SeparationRecord, file_sizes, place_digest
from zoo.separation.separator import Separator

__all__ = [
    "BAD_SONG",
    "BAD_STORE",
    "DONE",
    "CatalogueJob",
    "SongResult",
    "SongWorker",
    "request_digest",
]

BAD_SONG, BAD_STORE = "bad song", "bad store"


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogueJob:
    """What is wanted of every song; it travels to the workers.

    Attributes:
        make_separator: Returns the network, where it is called.
        output: Where the stems go.
        format: Of the stems.
        sources: The sources wanted, None for all; a song may have its own.
        two_stems: Instead: this source and everything else.
        name_template: Name of a stem's file.
    """

    make_separator: Callable[[], Separator]
    output: str
    format: str = "wav"
    sources: tuple[str, ...] | None = None
    two_stems: str | None = None
    name_template: str = STEM_TEMPLATE


@dataclass(frozen=True, kw_only=True, slots=True)
class SongResult:
    """What an attempt at a song came to.

    Attributes:
        state: ``done``, ``bad song`` or ``bad store``.
        error: What went wrong.
        outputs: The files of its stems.
        audio_seconds: Its duration.
        work_seconds: What the separation took; 0 where nothing was left to do.
        network_seconds: For how much of it the network computed.
        node: Name of the machine.
    """

    state: str
    error: str = ""
    outputs: tuple[OutputFile, ...] = ()
    audio_seconds: float = 0.0
    work_seconds: float = 0.0
    network_seconds: float = 0.0
    node: str = ""


class SongWorker:
    """A network on its device, and what it does with songs. Several threads may use it at once.

    The network works on one song at a time; other songs are fetched, decoded, encoded and stored
    meanwhile.

    Args:
        job: What is wanted.
    """

    def __init__(self, job: CatalogueJob) -> None:
        self.separator = job.make_separator()
        self._job = job
        self._store = Store(job.output)
        self._turn = threading.Lock()

    def separate(self, song: CatalogueSong) -> SongResult:
        """Separate a song, and say what went wrong instead of raising it."""
        try:
            done = self._separate(song)
        except (StoreError, StemsNotWrittenError) as error:
            return SongResult(state=BAD_STORE, error=str(error), node=socket.gethostname())
        except Exception as error:  # noqa: BLE001  # whatever befalls a song, others go on
            reason = str(error) or type(error).__name__
            return SongResult(state=BAD_SONG, error=reason, node=socket.gethostname())
        outputs = {
            stem["file"]: OutputFile(
                file=stem["file"], bytes=stem["bytes"], sha256=str(stem.get("sha256", ""))
            )
            for stem in done.record.stems.values()
        }
        return SongResult(
            state=DONE,
            outputs=tuple(outputs.values()),
            audio_seconds=done.audio_seconds,
            work_seconds=done.work_seconds,
            network_seconds=done.network_seconds,
            node=socket.gethostname(),
        )

    def _separate(self, song: CatalogueSong) -> SeparatedFile:
        job = SeparationJob(
            separator=self.separator,
            audio_format=find_format(self._job.format),
            sources=song.sources if song.sources is not None else self._job.sources,
            two_stems=self._job.two_stems if song.sources is None else None,
            name_template=self._job.name_template,
            checksums=True,
        )
        with ExitStack() as stack:
            path = stack.enter_context(local_copy(song.url))
            place = place_digest(path) if is_local(song.url) else digest_of(song.url)
            if self._store.folder is not None:
                folder = self._store.folder / song.name
                stored = StoredSong(
                    place=place, record=SeparationRecord.read(folder), sizes=file_sizes(folder)
                )
                return separate_file(job, path, folder, stored=stored, turn=self._turn)
            content = self._store.read(f"{song.name}/{RECORD_NAME}")
            stored = StoredSong(
                place=place,
                record=SeparationRecord.parse(content) if content else None,
                sizes=self._store.sizes(song.name) if content else {},
            )
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="lightsaft-zoo-")))
            done = separate_file(job, path, folder, stored=stored, turn=self._turn)
            if not done.was_complete:
                self._upload(folder, song.name)
            return done

    def _upload(self, folder: Path, name: str) -> None:
        """Store stems, and their record last: where it is, they are."""
        self._store.remove(f"{name}/{RECORD_NAME}")
        for path in sorted(folder.iterdir()):
            if path.name != RECORD_NAME:
                self._store.put(path, f"{name}/{path.name}")
        self._store.put(folder / RECORD_NAME, f"{name}/{RECORD_NAME}")


def request_digest(job: CatalogueJob, identity: str, song: CatalogueSong) -> str:
    """Return the digest of everything that decides the stems of a song, the song included.

    Args:
        job: What is wanted.
        identity: Digest of the separator's identity.
        song: As its store describes it.
    """
    return digest_of(
        {
            "identity": identity,
            "format": job.format,
            "sources": song.sources or job.sources,
            "two_stems": job.two_stems,
            "name": job.name_template,
            "input": song.url,
            "bytes": song.num_bytes,
            "version": song.version,
        }
    )
