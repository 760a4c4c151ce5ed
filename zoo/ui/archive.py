"""The zip of a result's downloads, made while it is fetched: no stem lies twice on the disk."""

import io
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from gradio.data_classes import FileData

__all__ = ["ARCHIVE_PATH", "archive_address", "stream_archive"]

ARCHIVE_PATH = "gradio_api/stems/{result_id}.zip"
COPY_BYTES = 1 << 20


def archive_address(result_id: str) -> str:
    """Return where a result's zip is fetched, relative to the page."""
    return ARCHIVE_PATH.format(result_id=result_id)


def stream_archive(files: Sequence[FileData]) -> Iterator[bytes]:
    """Yield a zip of files under their ``orig_name``; audio does not shrink, so it is stored."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", compression=zipfile.ZIP_STORED) as archive:
        for file in files:
            path = Path(file.path)
            info = zipfile.ZipInfo(file.orig_name or path.name, time.localtime()[:6])
            info.file_size = path.stat().st_size  # from which zipfile chooses the kind of entry
            with path.open("rb") as content, archive.open(info, "w") as entry:
                while block := content.read(COPY_BYTES):
                    entry.write(block)
                    yield sink.take()
    yield sink.take()


class _Sink(io.RawIOBase):
    """Holds what was written until it is taken; it cannot be sought in, as a connection."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, content: bytes) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Keep some bytes."""
        self._written += content
        return len(content)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        taken, self._written = bytes(self._written), bytearray()
        return taken
