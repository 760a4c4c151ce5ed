"""Which songs a catalogue has: those of a folder, of a pattern, or of a table."""

import dataclasses
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from zoo.audio import AUDIO_EXTENSIONS
from zoo.audio.finding import TRASH_FOLDERS
from zoo.catalogue.store import attempt, is_local, local_path, open_url, version_of
from zoo.catalogue.tables import TABLE_SUFFIXES, TableRow, read_table
from zoo.errors import CatalogueError
from zoo.separation.naming import fold, safe_name
from zoo.separation.planning import plan_separations, tell_apart
from zoo.separation.record import RECORD_NAME, SeparationRecord

__all__ = ["CatalogueSong", "list_songs"]

NUM_LOOKUPS = 32  # questions to a store at a time
NOWHERE = Path("/")  # names of songs are relative to it


@dataclass(frozen=True, kw_only=True, slots=True)
class CatalogueSong:
    """A song of a catalogue.

    Attributes:
        name: Of its folder in the output, with slashes; no other song of the catalogue has it.
        url: Where it is: a path or an address.
        num_bytes: Its size; -1 where the file cannot be found.
        version: What its store says of its content: an ETag, or the time of the last change.
        sources: The sources wanted of it, None for those of the run.
    """

    name: str
    url: str
    num_bytes: int
    version: str
    sources: tuple[str, ...] | None = None


def list_songs(source: str, output: str) -> list[CatalogueSong]:
    """List the songs of a catalogue, in the order of their names or of the table.

    Args:
        source: A folder, a pattern with wildcards, or a table (.csv, .parquet, .jsonl) with a
            column ``path`` and, if wanted, ``sources`` and ``name``; paths or addresses. Paths in
            a table are relative to its place.
        output: Where the stems go; nothing below it is a song.

    Raises:
        CatalogueError: Nothing is found, or the table is no such table.
        AudioError: A local folder holds no audio files.
        StoreError: A store does not answer.
    """
    if PurePosixPath(source.lower()).suffix in TABLE_SUFFIXES:
        return _of_table(source)
    if is_local(source):
        return _of_folder(source, output)
    return _of_store(source, output)


def _of_folder(source: str, output: str) -> list[CatalogueSong]:
    """List local songs by the rules, and under the names, of ``zoo separate``."""
    target = local_path(output) if is_local(output) else NOWHERE
    plan = plan_separations([local_path(source)], target)
    places = [
        (song.folder.relative_to(target).as_posix(), str(song.path.absolute()))
        for song in plan.songs
    ]
    return _look_up(CatalogueSong(name=n, url=u, num_bytes=-1, version="") for n, u in places)


def _of_store(source: str, output: str) -> list[CatalogueSong]:
    """List the songs of a store below an address, or that fit a pattern."""
    files, root = open_url(source)
    files.invalidate_cache()
    scheme = source.split("://", 1)[0]
    is_pattern = "*" in root or "?" in root or "[" in root
    search = files.glob if is_pattern else files.find
    found: dict[str, dict[str, Any]] = attempt(lambda: search(root, detail=True), f"list {source}")
    base = PurePosixPath(root if not is_pattern else _fixed_part(root))
    ours = _our_stems(files, found)
    target = output.split("://", 1)[-1].rstrip("/") + "/"
    paths = [
        path
        for path, info in sorted(found.items())
        if info["type"] == "file"
        and _is_song(PurePosixPath(path).relative_to(base))
        and path not in ours
        and not f"{path}/".lstrip("/").startswith(target)
    ]
    if not paths:
        raise CatalogueError(f"{source}: no audio files there")
    names = tell_apart([_named(path, PurePosixPath(path).relative_to(base)) for path in paths])
    return [
        CatalogueSong(
            name=name.as_posix(),
            url=f"{scheme}://{path.lstrip('/')}",
            num_bytes=found[path]["size"],
            version=version_of(found[path]),
        )
        for path, (_, name) in zip(paths, names, strict=True)
    ]


def _named(path: str, name: PurePosixPath) -> tuple[Path, Path]:
    return Path("/", path.lstrip("/")), Path(name if name.name else PurePosixPath(path).name)


def _fixed_part(pattern: str) -> str:
    """Return the folders of a pattern that stand before its first wildcard."""
    parts = pattern.split("/")
    fixed = next(index for index, part in enumerate(parts) if set("*?[") & set(part))
    return "/".join(parts[:fixed])


def _is_song(name: PurePosixPath) -> bool:
    """Whether a file is audio by its name, and neither hidden nor thrown away."""
    is_seen = not any(part.startswith(".") for part in name.parts)
    is_kept = not any(part.lower() in TRASH_FOLDERS for part in name.parts[:-1])
    return is_seen and is_kept and name.suffix.lower() in AUDIO_EXTENSIONS


def _our_stems(files: Any, found: Mapping[str, Any]) -> frozenset[str]:
    """Return the paths of files that records of earlier separations list."""
    ours: set[str] = set()
    for path in found:
        folder, _, name = path.rpartition("/")
        if name == RECORD_NAME:
            record = SeparationRecord.parse(
                attempt(lambda p=path: files.cat_file(p), f"read {path}")
            )
            ours |= {f"{folder}/{file}" for file in record.file_names} if record else set()
    return frozenset(ours)


def _of_table(source: str) -> list[CatalogueSong]:
    rows = read_table(source)
    base = source.rpartition("/")[0]
    urls = [_resolve(row.path, base) for row in rows]
    unnamed = [index for index, row in enumerate(rows) if row.name is None]
    places = [_place(urls[index]) for index in unnamed]
    named = tell_apart([(place, Path(place.name)) for place in places])
    names = dict(zip(unnamed, (name.as_posix() for _, name in named), strict=True))
    seen: dict[str, int] = {}
    for index, row in enumerate(rows):
        name = names.setdefault(index, row.name or "")
        _check_name(source, row, name, seen)
    return _look_up(
        CatalogueSong(
            name=names[index], url=urls[index], num_bytes=-1, version="", sources=row.sources
        )
        for index, row in enumerate(rows)
    )


def _resolve(path: str, base: str) -> str:
    """Return the whole path or address of one that a table in a folder names."""
    if "://" in path or Path(path).is_absolute():
        return path
    joined = f"{base}/{path}" if base else path
    return joined if "://" in joined else str(Path(joined).absolute())


def _place(url: str) -> Path:
    return Path("/", url.split("://", 1)[-1].lstrip("/"))


def _check_name(source: str, row: TableRow, name: str, seen: dict[str, int]) -> None:
    """Refuse a name that is no plain folder, or that another row has."""
    if any(safe_name(part) != part for part in name.split("/")):
        raise CatalogueError(
            f"{source}: row {row.number}: name: expected a plain folder name, got {name!r}"
        )
    first = seen.setdefault(fold(name), row.number)
    if first != row.number:
        raise CatalogueError(f"{source}: rows {first} and {row.number} have one name, {name!r}")


def _look_up(songs: Iterable[CatalogueSong]) -> list[CatalogueSong]:
    """Add what the stores say of each song."""
    with ThreadPoolExecutor(NUM_LOOKUPS) as threads:
        return list(threads.map(_with_version, songs))


def _with_version(song: CatalogueSong) -> CatalogueSong:
    if is_local(song.url):
        path = local_path(song.url)
        try:
            status = path.stat()
        except OSError:
            return song
        return dataclasses.replace(
            song, num_bytes=status.st_size, version=f"mtime:{status.st_mtime_ns}"
        )
    files, path = open_url(song.url)
    try:
        info = attempt(lambda: files.info(path), f"read {song.url}")
    except (FileNotFoundError, PermissionError):
        return song
    return dataclasses.replace(song, num_bytes=info["size"] or 0, version=version_of(info))
