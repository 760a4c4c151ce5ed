"""Serving a built site on this machine, isolated as WebAssembly's threads need it."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from zoo.browser.building import SITE_FILE

__all__ = ["serve_site"]

HOST = "127.0.0.1"
ISOLATION = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Cross-Origin-Resource-Policy": "same-origin",
}
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json"}


@contextmanager
def serve_site(folder: str | Path, *, port: int = 0, is_isolated: bool = True) -> Iterator[str]:
    """Serve a site to this machine while the block runs, and yield its address.

    Args:
        folder: As :func:`~zoo.browser.build_site` wrote it.
        port: 0 takes a free one.
        is_isolated: Whether to send the headers that isolate the page, as many hosts cannot.

    Raises:
        ValueError: The folder holds no site.
        OSError: The port is taken.
    """
    if not (Path(folder) / SITE_FILE).is_file():
        raise ValueError(f"{folder} holds no site; write one: python -m zoo space static {folder}")
    handler = functools.partial(
        _Handler, directory=str(folder), extra_headers=ISOLATION if is_isolated else {}
    )
    server = ThreadingHTTPServer((HOST, port), handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(SimpleHTTPRequestHandler):
    """Files of a folder; browsers ask again for each, so that a new build shows at once."""

    # Not a ClassVar, because the base class has it as a variable of instances.
    extensions_map = {**SimpleHTTPRequestHandler.extensions_map, **TYPES}  # noqa: RUF012

    def __init__(self, *arguments: Any, extra_headers: dict[str, str], **options: Any) -> None:
        self._extra_headers = extra_headers
        super().__init__(*arguments, **options)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-cache")
        for name, value in self._extra_headers.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Stay quiet."""
