"""The HTTP edge of the app: what is let in, what only this server may answer, and its clean-up.

The page's own server is gradio's. Around it stands :class:`Gate`; beside it the zip of a result,
and its beats and key.
"""

import contextlib
import json
import re
import urllib.parse
from collections.abc import AsyncIterator
from typing import Any

import anyio.to_thread
import gradio as gr
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    JSONResponse,
    PlainTextResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from zoo.ui.archive import ARCHIVE_PATH, stream_archive
from zoo.ui.mixer_files import MODULES
from zoo.ui.services import DEVICE_QUEUE, DRAWING_QUEUE, Services
from zoo.ui.song_analysis import ANALYSIS_PATH, read_analysis
from zoo.ui.songs import SongError
from zoo.ui.visitors import client_address

__all__ = ["Gate", "ServedPage", "edge_arguments", "read_event_id", "read_session"]

API_PATH = re.compile(r"/gradio_api/(?P<name>.+?)/?$")
ANSWERS = re.compile(r"call/(?:v2/)?[^/]+/(?P<event>\w+)$")
# Form fields and boundaries around an upload; a request that is no upload: a spec and its like.
FORM_BYTES = 1 << 16
MOST_BODY_BYTES = 1 << 19
BODY_TOO_LARGE = "This request is larger than anything that this page takes."


class ServedPage(gr.Blocks):
    """The page, which brings what its edge needs."""

    services: Services

    def serve(self, services: Services) -> None:
        """Take what the handlers share; the page's own files, its examples, are never deleted."""
        self.services = services
        services.folders.kept = lambda: [
            file
            for block in list(self.blocks.values())
            for file in list(getattr(block, "keep_in_cache", ()))
        ]


def edge_arguments() -> dict[str, Any]:
    """Return ``app_kwargs`` for the launch of a :class:`ServedPage`."""
    return {
        "middleware": [Middleware(Gate)],
        "routes": [
            Route("/" + ARCHIVE_PATH, _send_archive, methods=["GET"]),
            Route("/" + ANALYSIS_PATH, _send_analysis, methods=["GET"]),
            Route("/gradio_api/mixer/{name}", _send_module, methods=["GET"]),
        ],
        "lifespan": _swept_lifespan,
    }


class Gate:
    """Refuses at the door what would cost much or is nobody's business.

    - A request with more bytes than one upload, of however many files, or than a form.
    - An upload while the disk is full of others' work.
    - More waiting requests of one client than its share.
    - gradio's deep links. They store what a session's page sent, whatever that is; this app's links
      carry the id of a result.

    It also notes whose streams of answers are open, so that work for nobody is dropped.

    Args:
        app: The application behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        match = API_PATH.search(scope["path"]) if scope["type"] == "http" else None
        if match is None:
            await self.app(scope, receive, send)
            return
        services, name = _services(scope), match["name"]
        if name == "deep_link":
            await PlainTextResponse("Not found", status_code=404)(scope, receive, send)
        elif name == "upload":
            await self._upload(services, scope, receive, send)
        elif scope["method"] == "POST":
            await self._ask(services, name, scope, receive, send)
        elif name == "queue/data" or ANSWERS.match(name):
            await self._answer(services, name, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _upload(self, services: Services, scope: Scope, receive: Receive, send: Send) -> None:
        limits = services.config.limits
        most = round(limits.max_megabytes * 1e6) + FORM_BYTES
        promised = _content_length(scope)
        if promised > most:
            text = f"This page takes files of up to {limits.max_megabytes:g} MB, one at a time."
            await PlainTextResponse(text, status_code=413)(scope, receive, send)
            return
        if not await anyio.to_thread.run_sync(services.folders.make_room, promised or most):
            text = "This page has no room for another song; try again in a few minutes."
            await PlainTextResponse(text, status_code=507)(scope, receive, send)
            return
        await self.app(scope, _Bounded(receive, most), send)

    async def _ask(
        self, services: Services, name: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        body = await _read_body(receive, MOST_BODY_BYTES)
        if body is None:
            await PlainTextResponse(BODY_TOO_LARGE, status_code=413)(scope, receive, send)
            return
        joins = name == "queue/join" or name.startswith("call/")
        session = read_session(body) if joins else ""
        if joins:
            most = services.config.limits.client_requests
            if _count_waiting(scope, session) >= most:
                text = f"You have {most} requests waiting here; let one of them finish first."
                await JSONResponse({"detail": text}, status_code=429)(scope, receive, send)
                return
        if session:
            services.visitors.asked(session)

        async def note_event(message: Message) -> None:
            if joins and not session and message["type"] == "http.response.body":
                services.visitors.asked(read_event_id(message.get("body", b"")))
            await send(message)

        await self.app(scope, _Replayed(receive, body), note_event)

    async def _answer(
        self, services: Services, name: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        match = ANSWERS.match(name)
        query = urllib.parse.parse_qs(scope.get("query_string", b"").decode("latin-1"))
        key = match["event"] if match else query.get("session_hash", [""])[0]
        services.visitors.opened(key)
        try:
            await self.app(scope, receive, send)
        finally:
            services.visitors.closed(key)


class _Bounded:
    """Hands on a body and ends it where it grows beyond a limit, as if the sender had gone."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._left = receive, most

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                return {"type": "http.disconnect"}
        return message


class _Replayed:
    """Hands on a body that was read already."""

    def __init__(self, receive: Receive, body: bytes) -> None:
        self._receive, self._body = receive, [body]

    async def __call__(self) -> Message:
        if self._body:
            return {"type": "http.request", "body": self._body.pop(), "more_body": False}
        return await self._receive()


async def _read_body(receive: Receive, most: int) -> bytes | None:
    """Return a whole body, or None where it is longer than ``most`` bytes."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def _content_length(scope: Scope) -> int:
    text = dict(scope["headers"]).get(b"content-length", b"0")
    return int(text) if text.isdigit() else 0


def read_session(body: bytes) -> str:
    """Return the session that a request names, or an empty text."""
    with contextlib.suppress(ValueError, RecursionError):
        request = json.loads(body)
        session = request.get("session_hash") if isinstance(request, dict) else None
        return session if isinstance(session, str) else ""
    return ""


def read_event_id(body: bytes) -> str:
    """Return the id that gradio gave a request, or an empty text."""
    with contextlib.suppress(ValueError, RecursionError):
        answer = json.loads(body)
        return str(answer.get("event_id", "")) if isinstance(answer, dict) else ""
    return ""


def _count_waiting(scope: Scope, session: str) -> int:
    """Count what waits or runs for the client of a request, on the device or at the drawing.

    Where the network shows no public address, a client is a session.
    """
    # gradio has no public way to look at its queue.
    queue = scope["app"].get_blocks()._queue
    waiting = [
        event for line in queue.event_queue_per_concurrency_id.values() for event in line.queue
    ]
    running = [event for job in queue.active_jobs if job for event in job]
    client = _address(Request(scope)) or session
    return sum(
        event.alive
        and event.concurrency_id in (DEVICE_QUEUE, DRAWING_QUEUE)
        and (_address(event.request) or event.session_hash) == client
        for event in [*waiting, *running]
    )


def _address(request: Request) -> str:
    peer = request.client.host if request.client else ""
    return client_address(peer, request.headers.get("x-forwarded-for", ""))


def _services(scope: Scope) -> Services:
    page = scope["app"].get_blocks()
    assert isinstance(page, ServedPage)
    return page.services


def _send_archive(request: Request) -> Response:
    try:
        state = _services(request.scope).results.get(request.path_params["result_id"])
    except SongError as error:
        return PlainTextResponse(str(error), status_code=410)
    files = [lane.download for lane in state.lanes if lane.download is not None]
    if not files:
        return PlainTextResponse("This result has no files to download yet.", status_code=404)
    name = urllib.parse.quote(f"{state.title} - stems.zip")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        "Cache-Control": "private, no-store",
    }
    if request.method == "HEAD":
        return Response(headers=headers)
    return StreamingResponse(stream_archive(files), media_type="application/zip", headers=headers)


async def _send_analysis(request: Request) -> Response:
    services = _services(request.scope)
    try:
        state = services.results.get(request.path_params["result_id"])
        text = await anyio.to_thread.run_sync(
            read_analysis, state, services.folders, limiter=services.analysts
        )
    except SongError as error:
        return PlainTextResponse(str(error), status_code=410)
    return Response(text, media_type="application/json")


def _send_module(request: Request) -> Response:
    """Send what the mixer runs beside the sound."""
    for path in MODULES:
        if path.name == request.path_params["name"]:
            return FileResponse(path, media_type="text/javascript")
    return PlainTextResponse("Not found", status_code=404)


@contextlib.asynccontextmanager
async def _swept_lifespan(app: Any) -> AsyncIterator[None]:
    with _services({"app": app}).folders.swept():
        yield
