"""Where songs and stems are kept: a folder, or anything that fsspec has an address for.

A file appears under its name whole: in a folder it is written beside and renamed, and an object
store has an object only when its last byte has come.
"""

import logging
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from zoo.errors import CatalogueError, StoreError
from zoo.records.files import open_whole, write_whole

__all__ = ["Store", "attempt", "is_local", "local_copy", "local_path", "open_url", "version_of"]

logger = logging.getLogger(__name__)

T = TypeVar("T")

WAITS = (0.2, 1.0, 4.0)  # seconds before a further attempt; a store is often busy for a moment
# What says, per store, that a file's content is another one.
VERSION_KEYS = ("ETag", "etag", "md5Hash", "blob_id", "mtime", "LastModified", "last_modified")
ABSENT = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)


def open_url(url: str) -> tuple[Any, str]:
    """Return the file system of a path or address, and the path in it.

    Raises:
        CatalogueError: No such kind of address, or its package is not installed.
    """
    try:
        import fsspec
    except ImportError as error:
        raise ImportError("this needs fsspec: pip install 'lightsaft-zoo[distributed]'") from error
    try:
        return fsspec.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise CatalogueError(f"{url}: {error}") from error


def is_local(url: str) -> bool:
    """Whether a path or address is one of this machine's file system.

    >>> is_local("/a/b"), is_local("file:///a"), is_local("s3://bucket/a")
    (True, True, False)
    """
    return "://" not in url or url.startswith(("file://", "local://"))


def local_path(url: str) -> Path:
    """Return the path of a local address."""
    return Path(open_url(url)[1]) if "://" in url else Path(url)


def version_of(info: dict[str, Any]) -> str:
    """Return what identifies the content of a file by what its store says of it."""
    return next((f"{key}:{info[key]}" for key in VERSION_KEYS if info.get(key)), "")


class Store:
    """A folder of files, wherever it is. Names are relative to it, with slashes.

    An operation that fails is tried again three times within some seconds.

    Args:
        url: The folder's path or address.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._files, self._root = open_url(url)
        self.folder = local_path(url) if is_local(url) else None

    def address(self, name: str) -> str:
        """Return the path in the file system of a name."""
        return f"{self._root.rstrip('/')}/{name}"

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None where there is no such file.

        Raises:
            StoreError: The store does not answer.
        """

        def read() -> bytes | None:
            try:
                return self._files.cat_file(self.address(name))
            except FileNotFoundError:
                return None

        return attempt(read, f"read {self.url}/{name}")

    def write(self, name: str, content: bytes) -> None:
        """Write a file whole, and the folders above it.

        Raises:
            StoreError: The store refuses or does not answer.
        """

        def write() -> None:
            if self.folder is None:
                self._files.pipe_file(self.address(name), content)
                return
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)

        attempt(write, f"write {self.url}/{name}")

    def put(self, path: Path, name: str) -> None:
        """Copy a local file here, whole.

        Raises:
            StoreError: The store refuses or does not answer.
        """

        def put() -> None:
            if self.folder is None:
                self._files.put_file(str(path), self.address(name))
                return
            target = self.folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            with path.open("rb") as source, open_whole(target) as file:
                shutil.copyfileobj(source, file)

        attempt(put, f"write {self.url}/{name}")

    def remove(self, name: str) -> None:
        """Remove a file, if it is there.

        Raises:
            StoreError: The store refuses or does not answer.
        """

        def remove() -> None:
            try:
                self._files.rm_file(self.address(name))
            except FileNotFoundError:
                return

        attempt(remove, f"remove {self.url}/{name}")

    def sizes(self, folder: str) -> dict[str, int]:
        """Return the bytes of each file in a folder, by its name in that folder.

        Raises:
            StoreError: The store does not answer.
        """
        return self._find(folder, depth=1)

    def size_lookup(self) -> Callable[[str], int | None]:
        """Return what tells the bytes of a file by its name, None where there is no such file.

        A folder is asked about each file. Of an object store everything is listed once, because a
        question takes as long as a page of a thousand answers.

        Raises:
            StoreError: The store does not answer.
        """
        if self.folder is None:
            return self._find("", depth=None).get
        folder = self.folder

        def look(name: str) -> int | None:
            try:
                return (folder / name).stat().st_size
            except OSError:
                return None

        return look

    def _find(self, folder: str, *, depth: int | None) -> dict[str, int]:
        root = self.address(folder).rstrip("/")

        def find() -> dict[str, int]:
            self._files.invalidate_cache()
            try:
                found = self._files.find(root, detail=True, maxdepth=depth)
            except FileNotFoundError:
                return {}
            # Some file systems put a slash before the paths that they return.
            start = len(root.lstrip("/")) + 1
            return {name.lstrip("/")[start:]: info["size"] for name, info in found.items()}

        return attempt(find, f"list {self.url}/{folder}")


@contextmanager
def local_copy(url: str) -> Iterator[Path]:
    """Yield a path at which a song can be read: its own, or that of a copy of the same name.

    Raises:
        CatalogueError: There is no such song, or it may not be read.
        StoreError: Its store does not answer.
    """
    if is_local(url):
        yield local_path(url)
        return
    files, path = open_url(url)
    with TemporaryDirectory(prefix="lightsaft-zoo-") as folder:
        copy = Path(folder) / path.rsplit("/", 1)[-1]
        try:
            attempt(lambda: files.get_file(path, str(copy)), f"read {url}")
        except ABSENT as error:
            raise CatalogueError(f"{url}: {_reason(error)}") from error
        yield copy


def attempt(operation: Callable[[], T], what: str) -> T:
    """Carry an operation of a store out, several times if need be.

    Args:
        operation: What to do; it can be done again after a failure.
        what: For the message: a verb and the address.

    Raises:
        FileNotFoundError: There is nothing; so too for the other errors of a wrong path.
        StoreError: It failed every time.
    """
    for wait in (*WAITS, None):
        try:
            return operation()
        except Exception as error:  # every store has errors of its own
            if isinstance(error, ABSENT) and what.startswith("read"):
                raise
            if wait is None:
                raise StoreError(f"cannot {what}: {_reason(error)}") from error
            logger.info("cannot %s (%s); another attempt in %.1f s", what, _reason(error), wait)
        time.sleep(wait)
    raise AssertionError


def _reason(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(reason.split()) or type(error).__name__
