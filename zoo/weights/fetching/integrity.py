"""Whether a file is the one that was promised, and remembering that it was looked at."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from zoo.errors import ChecksumError
from zoo.records.files import hash_file
from zoo.records.json_text import read_json

__all__ = ["ExpectedFile", "verify_file", "verify_once"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class ExpectedFile:
    """What a downloaded file must be.

    Args:
        name: What to call it in messages.
        sha256: SHA-256 in hex, where known.
        git_blob_sha1: SHA-1 of the git header and the bytes, where that is what is known.
        num_bytes: Size in bytes, None where unknown.
    """

    name: str
    sha256: str | None = None
    git_blob_sha1: str | None = None
    num_bytes: int | None = None

    def __post_init__(self) -> None:
        """Refuse to promise nothing."""
        if not (self.sha256 or self.git_blob_sha1):
            raise ValueError(f"{self.name}: expected a sha256 or a git_blob_sha1, got neither")

    @property
    def digest(self) -> str:
        """The checksum with its kind, usable as a folder name."""
        return f"sha256-{self.sha256}" if self.sha256 else f"git-{self.git_blob_sha1}"


def verify_file(path: Path, expected: ExpectedFile) -> None:
    """Compare a file with what was promised.

    Raises:
        ChecksumError: If its size or checksum differs.
    """
    size = path.stat().st_size
    if expected.num_bytes is not None and size != expected.num_bytes:
        raise ChecksumError(
            f"{expected.name}: {path} has {size} bytes, expected {expected.num_bytes}"
        )
    if expected.sha256:
        kind, promised, digest = "sha256", expected.sha256, hash_file(path)
    else:
        # Git names objects by SHA-1; a second preimage of a given file is still out of reach.
        kind, promised = "git blob sha1", expected.git_blob_sha1
        digest = hash_file(path, "sha1", prefix=b"blob %d\0" % size)
    if digest != promised:
        raise ChecksumError(f"{expected.name}: {path} has {kind} {digest}, expected {promised}")


def verify_once(path: Path, expected: ExpectedFile, *, marks: Path) -> None:
    """Verify a file unless the same file, unchanged in size and time, was verified before.

    Args:
        path: The file.
        expected: Checksum and size.
        marks: Folder that remembers what was verified; may be read-only, then every call verifies.

    Raises:
        ChecksumError: If its size or checksum differs.
    """
    stat = path.stat()
    seen = {"path": str(path), "num_bytes": stat.st_size, "modified_ns": stat.st_mtime_ns}
    mark = marks / f"{expected.digest}.json"
    try:
        if read_json(mark) == seen:
            return
    except (OSError, ValueError):
        logger.debug("no mark for %s yet", path)
    verify_file(path, expected)
    try:
        marks.mkdir(parents=True, exist_ok=True)
        mark.write_text(json.dumps(seen), encoding="utf-8")
    except OSError as error:
        logger.info("cannot remember that %s was verified: %s", path, error)
