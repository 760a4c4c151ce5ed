"""Files that appear under their names complete or not at all, and what identifies their content."""

import hashlib
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

__all__ = [
    "PARTIAL_SUFFIX",
    "commit_partial",
    "digest_of",
    "hash_file",
    "native_path",
    "open_whole",
    "partial_path",
    "remove_stale_partials",
    "write_whole",
]

PARTIAL_SUFFIX = ".partial"
PARTIAL_BYTES = 4  # of chance in a partial name
STALE_SECONDS = 3600  # a partial file that nobody wrote to for so long is of a killed process
BLOCK_BYTES = 1 << 20


def partial_path(path: Path) -> Path:
    """Return a hidden, unused name beside ``path`` to write to before the rename."""
    return path.with_name(f".{path.name}.{secrets.token_hex(PARTIAL_BYTES)}{PARTIAL_SUFFIX}")


def commit_partial(partial: Path, path: Path) -> None:
    """Bring a complete partial file to the disk and give it its final name.

    Raises:
        OSError: The disk or the folder refuses.
    """
    with partial.open("rb+") as file:
        os.fsync(file.fileno())
    partial.replace(path)


@contextmanager
def open_whole(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that replaces ``path`` when the block ends without an error.

    A reader sees the old content or the new one, never a part, whatever ends the process.

    Args:
        path: Where to; its folder must exist.

    Raises:
        OSError: The file cannot be written; ``path`` is as it was.
    """
    path = Path(path)
    partial = partial_path(path)
    try:
        with partial.open("xb") as file:
            yield file
        commit_partial(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write text (as UTF-8) or bytes by :func:`open_whole`."""
    with open_whole(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def native_path(path: Path) -> Any:  # type stubs of such libraries know no bytes
    """Return a path as libraries in C take it: on POSIX the bytes, which need not be text."""
    return str(path) if os.name == "nt" else os.fsencode(path)


def remove_stale_partials(folder: Path) -> None:
    """Remove what killed processes left under partial names in a folder, an hour after the fact.

    What cannot be removed stays: whoever meant to write here will hear of it.
    """
    for partial in folder.glob(f".*.{'[0-9a-f]' * 2 * PARTIAL_BYTES}{PARTIAL_SUFFIX}"):
        with suppress(OSError):
            if time.time() - partial.lstat().st_mtime <= STALE_SECONDS:
                continue
            if partial.is_dir() and not partial.is_symlink():
                shutil.rmtree(partial)
            else:
                partial.unlink()


def hash_file(path: str | Path, algorithm: str = "sha256", *, prefix: bytes = b"") -> str:
    """Return the hex digest of a file, read in blocks.

    Args:
        path: The file.
        algorithm: A name that ``hashlib`` knows.
        prefix: Bytes that count as if they stood before the file's.
    """
    digest = hashlib.new(algorithm, prefix, usedforsecurity=False)
    with Path(path).open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def digest_of(facts: Any) -> str:
    """Return the SHA-256 of plain data: equal facts give equal digests, in any order of keys.

    >>> digest_of({"a": 1, "b": [2]}) == digest_of({"b": [2], "a": 1})
    True
    """
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
