"""Who is there: the open connections of pages and scripts, and how much of the queue each takes."""

import contextlib
import functools
import inspect
import ipaddress
import logging
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import gradio as gr
from gradio.context import LocalContext

from zoo.records.memory import give_back_memory

__all__ = ["Visitors", "client_address"]

logger = logging.getLogger(__name__)

Handler = TypeVar("Handler", bound=Callable[..., Any])
MOST_REMEMBERED = 10_000

# A page opens its stream of answers just before or after it asks for something.
ARRIVAL_SECONDS = 10.0


class Visitors:
    """Knows the streams of answers that are open, by session or by the id of a single request.

    A request whose stream is closed has nobody who waits for it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()
        self._asked: OrderedDict[str, float] = OrderedDict()

    def asked(self, key: str) -> None:
        """Note that a request came in; its stream may be opened a little later."""
        with self._lock:
            self._asked[key] = time.monotonic()
            self._asked.move_to_end(key)
            while len(self._asked) > MOST_REMEMBERED:
                self._asked.popitem(last=False)

    def opened(self, key: str) -> None:
        """Note that a stream of answers was opened."""
        with self._lock:
            self._open[key] += 1

    def closed(self, key: str) -> None:
        """Note that a stream of answers was closed."""
        with self._lock:
            self._open[key] -= 1
            if self._open[key] <= 0:
                del self._open[key]

    def is_gone(self, key: str | None) -> bool:
        """Return whether somebody asked under a key some time ago and nobody listens now."""
        with self._lock:
            if key is None or key in self._open or key not in self._asked:
                return False
            return time.monotonic() - self._asked[key] > ARRIVAL_SECONDS

    def attended(self, handler: Handler) -> Handler:
        """Wrap a handler or generator of the queue: no work for nobody, no memory kept."""
        if inspect.isgeneratorfunction(handler):

            @functools.wraps(handler)
            def generate(*args: Any, **kwargs: Any) -> Iterator[Any]:
                self._stop_if_gone()
                try:
                    with contextlib.closing(handler(*args, **kwargs)) as states:
                        for state in states:
                            self._stop_if_gone()
                            yield state
                finally:
                    give_back_memory()

            return generate  # pyright: ignore[reportReturnType]

        @functools.wraps(handler)
        def call(*args: Any, **kwargs: Any) -> Any:
            self._stop_if_gone()
            try:
                return handler(*args, **kwargs)
            finally:
                give_back_memory()

        return call  # pyright: ignore[reportReturnType]

    def _stop_if_gone(self) -> None:
        request = LocalContext.request.get(None)
        if request is not None and self.is_gone(getattr(request, "session_hash", None)):
            logger.info("a request was dropped, because its page is gone")
            raise gr.Error("Nobody waits for this any more.", print_exception=False)


def client_address(peer: str, forwarded: str) -> str:
    """Return the public address that a request comes from, or an empty text.

    Behind a proxy the peer is the proxy, and the client is the last public address that the
    proxies added; those before it are the client's own words. A public peer is the client itself.

    Args:
        peer: Address of the other end of the connection.
        forwarded: The header ``X-Forwarded-For``.

    >>> client_address("10.0.0.1", "6.6.6.6, 9.9.9.9, 10.0.0.7")
    '9.9.9.9'
    >>> client_address("9.9.9.9", "6.6.6.6")
    '9.9.9.9'
    >>> client_address("127.0.0.1", "")
    ''
    """
    if _is_public(peer):
        return peer
    hops = [hop.strip() for hop in forwarded.split(",")]
    return next((hop for hop in reversed(hops) if _is_public(hop)), "")


def _is_public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False
