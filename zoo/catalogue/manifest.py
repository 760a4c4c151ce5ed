"""The manifest of a catalogue: what became of every song, in Parquet files that only ever grow.

A run appends parts, each written whole: a reader sees a part or does not. A song's latest row
counts; parts sort by the time of their writing. Many parts are merged into one now and then. The
merged part is there before the others go, so nothing is lost whenever a run is killed.
"""

import dataclasses
import io
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from zoo.catalogue.store import Store
from zoo.errors import CatalogueError

if TYPE_CHECKING:
    import pyarrow

__all__ = ["DONE", "FOLDER", "QUARANTINED", "Manifest", "ManifestRow", "OutputFile"]

FOLDER = "_catalogue"
PARTS = f"{FOLDER}/manifest"
SUFFIX = ".parquet"
DONE, QUARANTINED = "done", "quarantined"
MOST_PARTS = 64  # more are merged when a run starts or ends
ROWS_AT_ONCE = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class OutputFile:
    """A file of a song's stems.

    Attributes:
        file: Its name in the song's folder.
        bytes: Its size.
        sha256: Of its content; empty where an earlier run without a manifest wrote it.
    """

    file: str
    bytes: int
    sha256: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ManifestRow:
    """What became of a song.

    Attributes:
        song: Name of its folder in the output.
        input: Path or address of the song.
        input_bytes: Its size.
        input_version: What its store said of its content.
        request_sha256: Digest of everything that decides the stems.
        state: ``done`` or ``quarantined``.
        outputs: The files of its stems.
        audio_seconds: Its duration.
        work_seconds: What the separation took.
        network_seconds: For how much of it the network computed.
        node: Name of the machine.
        attempt: Which attempt this was, from 1.
        error: Why it is quarantined.
        finished_at: When.
    """

    song: str
    input: str
    input_bytes: int
    input_version: str
    request_sha256: str
    state: str
    outputs: tuple[OutputFile, ...] = ()
    audio_seconds: float = 0.0
    work_seconds: float = 0.0
    network_seconds: float = 0.0
    node: str = ""
    attempt: int = 1
    error: str = ""
    finished_at: datetime = dataclasses.field(default_factory=lambda: datetime.now(UTC))

    def has_outputs(self, size_of: Callable[[str], int | None]) -> bool:
        """Whether all its files are in the output store, with their sizes.

        Args:
            size_of: Returns the size of a file of the store, by its name.
        """
        return all(size_of(f"{self.song}/{each.file}") == each.bytes for each in self.outputs)


class Manifest:
    """The rows of a catalogue's manifest in its output store.

    Args:
        store: The output.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: list[ManifestRow] = []

    def rows(self) -> Iterator[ManifestRow]:
        """Yield the latest row of each song, in no order.

        Raises:
            CatalogueError: A part is no part of a manifest.
            StoreError: The store does not answer.
        """
        table = self._latest()
        for batch in table.to_batches(max_chunksize=ROWS_AT_ONCE):
            for values in batch.to_pylist():
                files = tuple(OutputFile(**each) for each in values.pop("outputs"))
                yield ManifestRow(outputs=files, **values)

    def add(self, row: ManifestRow) -> None:
        """Have a row written with the next part."""
        self._waiting.append(row)

    @property
    def num_waiting(self) -> int:
        """How many rows the next part will have."""
        return len(self._waiting)

    def flush(self) -> None:
        """Write the waiting rows as a part; they wait on where that fails.

        Raises:
            StoreError: The store refuses or does not answer.
        """
        if self._waiting:
            rows = [dataclasses.asdict(row) for row in self._waiting]
            self._write(_pyarrow().Table.from_pylist(rows, schema=_schema()))
            self._waiting.clear()

    def compact(self, *, most_parts: int = MOST_PARTS) -> None:
        """Merge the parts into one if there are more than so many.

        Raises:
            CatalogueError: A part is no part of a manifest.
            StoreError: The store refuses or does not answer.
        """
        parts = self._parts()
        if len(parts) > most_parts:
            self._write(self._latest(parts))
            for part in parts:
                self._store.remove(f"{PARTS}/{part}")

    def _parts(self) -> list[str]:
        return sorted(name for name in self._store.sizes(PARTS) if _is_part(name))

    def _write(self, table: "pyarrow.Table") -> None:
        from pyarrow import parquet

        content = io.BytesIO()
        parquet.write_table(table, content, compression="zstd")
        name = f"{time.time_ns():020d}-{secrets.token_hex(4)}{SUFFIX}"
        self._store.write(f"{PARTS}/{name}", content.getvalue())

    def _latest(self, parts: Iterable[str] | None = None) -> "pyarrow.Table":
        pyarrow = _pyarrow()
        tables = [self._read(part) for part in (self._parts() if parts is None else parts)]
        table = pyarrow.concat_tables([_schema().empty_table(), *(t for t in tables if t)])
        last: dict[str, int] = {}
        for index, song in enumerate(_values(table["song"])):
            last[song] = index
        return table.take(pyarrow.array(list(last.values()), pyarrow.int64()))

    def _read(self, part: str) -> "pyarrow.Table | None":
        """Read a part; None for one that another run has merged meanwhile."""
        from pyarrow import parquet

        content = self._store.read(f"{PARTS}/{part}")
        if content is None:
            return None
        try:
            # Without threads: those of read_table can bring the process down when it ends.
            source = _pyarrow().BufferReader(content)
            table = parquet.ParquetFile(source).read(use_threads=False)
        except (_pyarrow().ArrowException, OSError) as error:
            raise CatalogueError(
                f"{self._store.url}/{PARTS}/{part}: no part of a manifest "
                f"({str(error).splitlines()[0]}); remove it, its songs are then looked at again"
            ) from error
        if not table.schema.equals(_schema()):
            raise CatalogueError(
                f"{self._store.url}/{PARTS}/{part}: a part of a manifest of another version; "
                "remove it, its songs are then looked at again"
            )
        return table


def _is_part(name: str) -> bool:
    return name.endswith(SUFFIX) and not name.startswith(".") and "/" not in name


def _values(column: Any) -> Iterator[str]:
    for chunk in column.chunks:
        yield from chunk.to_pylist()


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise ImportError("this needs pyarrow: pip install 'lightsaft-zoo[distributed]'") from error
    return pyarrow


def _schema() -> "pyarrow.Schema":
    pyarrow = _pyarrow()
    output = [("file", pyarrow.string()), ("bytes", pyarrow.int64()), ("sha256", pyarrow.string())]
    return pyarrow.schema(
        [
            ("song", pyarrow.string()),
            ("input", pyarrow.string()),
            ("input_bytes", pyarrow.int64()),
            ("input_version", pyarrow.string()),
            ("request_sha256", pyarrow.string()),
            ("state", pyarrow.string()),
            ("outputs", pyarrow.list_(pyarrow.struct(output))),
            ("audio_seconds", pyarrow.float64()),
            ("work_seconds", pyarrow.float64()),
            ("network_seconds", pyarrow.float64()),
            ("node", pyarrow.string()),
            ("attempt", pyarrow.int32()),
            ("error", pyarrow.string()),
            ("finished_at", pyarrow.timestamp("us", tz="UTC")),
        ]
    )
