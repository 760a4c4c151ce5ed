"""The folders of requests: made, bounded in their total, and deleted when their time is over.

They lie in gradio's upload folder, because gradio serves files from there, beside what visitors
upload. An entry is one thing in that folder: a request's folder, or that of an upload.
"""

import contextlib
import logging
import os
import re
import secrets
import shutil
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from gradio.utils import get_upload_folder

__all__ = ["RequestFolders", "new_request_folder"]

logger = logging.getLogger(__name__)

NAME_BYTES = 20
REQUEST_NAME = re.compile(rf"[0-9a-f]{{{2 * NAME_BYTES}}}")
SWEEP_SECONDS = 60.0
# Pieces of a finished result: the page may still be fetching the last of them.
PIECES_PATTERN = "from-*"
PIECES_SECONDS = 120.0
# An upload may wait in the queue for so long before the cap may take it.
WAITING_SECONDS = 1800.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    """Something in the upload folder."""

    path: Path
    num_bytes: int
    modified: float


class RequestFolders:
    """Makes a folder per request and deletes what is too old or too much.

    Args:
        max_age_seconds: Age at which an entry is deleted, counted from its last change.
        max_bytes: The most that all entries may hold together.
        kept: Returns the files that stay whatever their age, such as the page's examples.
    """

    def __init__(
        self,
        *,
        max_age_seconds: float,
        max_bytes: float,
        kept: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        self.max_age_seconds, self.max_bytes = max_age_seconds, max_bytes
        self.kept = kept
        self._made: set[Path] = set()
        self._busy: set[Path] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def new(self) -> Path:
        """Create an empty folder whose name nobody can guess, deleted at the end of the app."""
        folder = new_request_folder()
        with self._lock:
            self._made.add(folder)
        return folder

    @contextlib.contextmanager
    def at_work(self, folder: Path) -> Iterator[None]:
        """Keep a folder from being deleted while its request is worked on."""
        with self._lock:
            self._busy.add(folder)
        try:
            yield
        finally:
            with self._lock:
                self._busy.discard(folder)

    @contextlib.contextmanager
    def swept(self) -> Iterator[None]:
        """Sweep now, which clears up after a stopped process, and every minute until the end.

        At the end everything goes that this process made.
        """
        self._stopped.clear()
        thread = threading.Thread(target=self._sweep_often, name="sweep-requests", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            thread.join()
            for folder in sorted(self._made):
                _delete(folder, why="the app stopped")

    def sweep(self) -> None:
        """Delete what is too old, then the oldest finished requests beyond the total."""
        now = time.time()
        spared = self._spared()
        for entry in self._entries():
            if entry.path not in spared and now - entry.modified > self.max_age_seconds:
                _delete(entry.path, why="of its age")
            elif _is_request(entry.path) and entry.path not in spared:
                _delete_old_pieces(entry.path, now=now)
        self.make_room(0)

    def make_room(self, num_bytes: float) -> bool:
        """Delete the oldest finished requests until there is room for a new one.

        Args:
            num_bytes: What the new one may need.

        Returns:
            Whether there is room. What is being worked on and what waits in the queue stays.
        """
        entries = sorted(self._entries(), key=lambda entry: entry.modified)
        total = sum(entry.num_bytes for entry in entries)
        spared = self._spared()
        now = time.time()
        for entry in entries:
            if total + num_bytes <= self.max_bytes:
                break
            may_wait = not _is_request(entry.path) and now - entry.modified < WAITING_SECONDS
            if entry.path in spared or may_wait:
                continue
            if _delete(entry.path, why="newer requests need its room"):
                total -= entry.num_bytes
        return total + num_bytes <= self.max_bytes

    def _sweep_often(self) -> None:
        while True:
            try:
                self.sweep()
            except Exception:
                # The one loop that everybody's privacy rests on must outlive any surprise.
                logger.exception("sweeping the requests' folders failed; trying again")
            if self._stopped.wait(SWEEP_SECONDS):
                return

    def _spared(self) -> set[Path]:
        root = Path(get_upload_folder())
        kept = (Path(file) for file in self.kept())
        spared = {root / file.relative_to(root).parts[0] for file in kept if root in file.parents}
        with self._lock:
            return spared | self._busy

    def _entries(self) -> Iterator[_Entry]:
        try:
            paths = list(Path(get_upload_folder()).iterdir())
        except FileNotFoundError:
            return
        except OSError as error:
            logger.warning("the upload folder cannot be read: %s", error.strerror)
            return
        for path in paths:
            with contextlib.suppress(FileNotFoundError):
                yield _measure(path)


def new_request_folder() -> Path:
    """Create an empty folder whose name nobody can guess."""
    folder = Path(get_upload_folder()) / secrets.token_hex(NAME_BYTES)
    folder.mkdir(parents=True)
    return folder


def _is_request(path: Path) -> bool:
    return REQUEST_NAME.fullmatch(path.name) is not None


def _measure(path: Path) -> _Entry:
    """Return the size and last change of all that is under a path, and follow no links."""
    state = path.lstat()
    num_bytes, modified = state.st_size, state.st_mtime
    if stat.S_ISDIR(state.st_mode):
        for folder, _, files in os.walk(path):
            for name in files:
                with contextlib.suppress(OSError):
                    state = os.lstat(os.path.join(folder, name))  # noqa: PTH118 - many files
                    num_bytes += state.st_size
                    modified = max(modified, state.st_mtime)
    return _Entry(path=path, num_bytes=num_bytes, modified=modified)


def _delete_old_pieces(folder: Path, *, now: float) -> None:
    """Delete the pieces of a finished result, whose sound and pictures its whole files hold."""
    for pieces in folder.glob(PIECES_PATTERN):
        with contextlib.suppress(FileNotFoundError):
            if now - _measure(pieces).modified > PIECES_SECONDS:
                _delete(pieces, why="the result is complete")


def _delete(path: Path, *, why: str) -> bool:
    """Delete a file, link or folder; whatever cannot be deleted is logged and left."""
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        return True
    except OSError as error:
        logger.warning("%s could not be deleted: %s", path.name, error.strerror)
        return False
    logger.info("%s deleted, because %s", path.name, why)
    return True
