"""Tables of songs: CSV, Parquet and JSON lines with a column ``path``."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from zoo.catalogue.store import attempt, open_url
from zoo.errors import CatalogueError
from zoo.records.reading import describe

__all__ = ["TABLE_SUFFIXES", "TableRow", "read_table"]

TABLE_SUFFIXES = (".csv", ".parquet", ".jsonl", ".ndjson")
COLUMNS = ("path", "sources", "name")
MAX_TEXT = 4000


@dataclass(frozen=True, kw_only=True, slots=True)
class TableRow:
    """A song as a table has it.

    Attributes:
        number: Of the row, from 1, without a header.
        path: Path or address.
        sources: The sources wanted, None for those of the run.
        name: Of its folder in the output, None to be named after the file.
    """

    number: int
    path: str
    sources: tuple[str, ...] | None = None
    name: str | None = None


def read_table(url: str) -> list[TableRow]:
    """Read a table of songs; columns beside ``path``, ``sources`` and ``name`` are left alone.

    Args:
        url: Path or address; its extension says what it is. ``sources`` is a list, or text with
            commas.

    Raises:
        CatalogueError: It is no such table, or a row has no path.
        StoreError: It cannot be read.
    """
    import pyarrow

    files, path = open_url(url)
    try:
        content = attempt(lambda: files.cat_file(path), f"read {url}")
    except OSError as error:
        raise CatalogueError(f"{url}: cannot be read: {error.strerror or error}") from error
    try:
        table = _parse(content, PurePosixPath(path.lower()).suffix)
    except (pyarrow.ArrowException, ValueError) as error:
        raise CatalogueError(f"{url}: no table: {str(error).splitlines()[0]}") from error
    if "path" not in table.column_names:
        listed = ", ".join(table.column_names) or "none"
        raise CatalogueError(f"{url}: expected a column 'path', got the columns {listed}")
    if table.num_rows == 0:
        raise CatalogueError(f"{url}: the table has no rows")
    rows = []
    kept = table.select([name for name in COLUMNS if name in table.column_names])
    for batch in kept.to_batches(max_chunksize=10_000):
        for values in batch.to_pylist():
            rows.append(_read_row(url, len(rows) + 1, values))
    return rows


def _parse(content: bytes, suffix: str) -> Any:
    import pyarrow
    from pyarrow import csv, json, parquet

    # Without threads, which can bring the process down when it ends.
    source = pyarrow.BufferReader(content)
    if suffix == ".parquet":
        return parquet.ParquetFile(source).read(use_threads=False)
    if suffix == ".csv":
        # As text: a song may be called 007, and the sources are read below.
        kinds = dict.fromkeys(COLUMNS, pyarrow.string())
        options = csv.ConvertOptions(column_types=kinds, strings_can_be_null=True)
        threads = csv.ReadOptions(use_threads=False)
        return csv.read_csv(source, read_options=threads, convert_options=options)
    return json.read_json(source, read_options=json.ReadOptions(use_threads=False))


def _read_row(url: str, number: int, values: dict[str, Any]) -> TableRow:
    def fault(column: str, expected: str) -> CatalogueError:
        got = describe(values.get(column))
        return CatalogueError(f"{url}: row {number}: {column}: expected {expected}, got {got}")

    path, name, sources = (values.get(column) for column in ("path", "name", "sources"))
    if not isinstance(path, str) or not 0 < len(path) <= MAX_TEXT or "\0" in path:
        raise fault("path", "a path or an address")
    if name is not None and not (isinstance(name, str) and 0 < len(name) <= MAX_TEXT):
        raise fault("name", "the name of a folder, or nothing")
    if isinstance(sources, str):
        sources = [part.strip() for part in sources.split(",") if part.strip()]
    if sources is not None and not _are_names(sources):
        raise fault("sources", "names of sources, or nothing")
    return TableRow(
        number=number, path=path, name=name, sources=tuple(sources) if sources else None
    )


def _are_names(values: Any) -> bool:
    return isinstance(values, Sequence) and all(isinstance(v, str) and v for v in values)
