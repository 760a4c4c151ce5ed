"""Servers for tests: a file server with faults, and the few endpoints of a Hub that we use."""

import base64
import contextlib
import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit


class QuietHandler(BaseHTTPRequestHandler):
    """Answers with a body and headers, and logs nothing."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments):
        pass

    def answer(self, body: bytes = b"", *, status: int = 200, length: int | None = None, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def answer_json(self, value, *, status: int = 200, **headers):
        body = json.dumps(value).encode()
        self.answer(body, status=status, Content_Type="application/json", **headers)

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def drop(self):
        """Close the connection without another word."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(2)


@contextlib.contextmanager
def serving(handler: type[QuietHandler]) -> Iterator[str]:
    """Serve on a free port of this machine and yield the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class FileServer:
    """Serves one file; ``faults`` names what goes wrong with each request, the first ones first.

    Faults: ``cut:N`` closes after N bytes, ``drip:N`` sends N bytes and then one every 20 ms,
    ``hang`` never answers, ``norange`` ignores a range, ``html`` is a login page, ``wrong`` flips a
    byte, ``long`` sends more than the file, ``redirect:URL`` and plain numbers are statuses.
    """

    content: bytes
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    address: str = ""

    @property
    def url(self) -> str:
        return f"{self.address}/weights/epoch%3D199.ckpt"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def git_blob_sha1(self) -> str:
        return hashlib.sha1(b"blob %d\0" % len(self.content) + self.content).hexdigest()

    def handle(self, handler: QuietHandler):
        wanted = handler.headers.get("Range", "")
        self.requests.append(wanted or "whole")
        fault = self.faults.pop(0) if self.faults else ""
        kind, _, value = fault.partition(":")
        content, first = self.content, 0
        if kind.isdigit():
            return handler.answer(b"no", status=int(kind))
        if kind == "redirect":
            return handler.answer(status=302, Location=value.replace("SELF", self.url))
        if kind == "hang":
            time.sleep(1.5)
            return handler.drop()
        if kind == "html":
            return handler.answer(b"<html>log in</html>", Content_Type="text/html; charset=utf-8")
        if kind == "wrong":
            content = bytes([content[0] ^ 1]) + content[1:]
        if kind == "long":
            content = content + b"more"
        if match := re.fullmatch(r"bytes=(\d+)-", wanted):
            first = 0 if kind == "norange" else int(match[1])
        if first >= len(content):
            return handler.answer(status=416)
        part = content[first:]
        headers = {}
        if first:
            headers["Content_Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        status = 206 if first else 200
        if kind == "cut":
            handler.answer(part[: int(value)], status=status, length=len(part), **headers)
            return handler.drop()
        if kind == "drip":
            handler.answer(part[: int(value)], status=status, length=len(part), **headers)
            with contextlib.suppress(OSError):
                for byte in part[int(value) :]:
                    handler.wfile.write(bytes([byte]))
                    time.sleep(0.02)
            return None
        return handler.answer(part, status=status, **headers)


@contextlib.contextmanager
def file_server(content: bytes, *faults: str) -> Iterator[FileServer]:
    """Run a FileServer."""
    state = FileServer(content, list(faults))

    class Handler(QuietHandler):
        def do_GET(self):
            state.handle(self)

    with serving(Handler) as address:
        state.address = address
        yield state


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """Model repositories and Spaces in memory, behind the Hub's endpoints."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    created: list[dict] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    agents: set[str | None] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)
    address: str = ""

    def error(self, handler: QuietHandler, status: int, code: str):
        handler.answer_json({"error": code}, status=status, X_Error_Code=code)

    def get(self, handler: QuietHandler, path: str):
        if match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path):
            return self.resolve(handler, *match.groups())
        if match := re.fullmatch(r"/api/(?:models|spaces)/([^/]+/[^/]+)(/revision/.+)?", path):
            if match[1] not in self.repositories:
                return self.error(handler, 404, "RepoNotFound")
            files = [{"rfilename": name} for name in self.repositories[match[1]]]
            return handler.answer_json({"id": match[1], "sha": COMMIT, "siblings": files})
        return self.error(handler, 404, "EntryNotFound")

    def resolve(self, handler: QuietHandler, repo_id: str, revision: str, file: str):
        if repo_id == "user/gated":
            return self.error(handler, 403, "GatedRepo")
        if repo_id not in self.repositories:
            return self.error(handler, 404, "RepoNotFound")
        if revision not in ("main", COMMIT):
            return self.error(handler, 404, "RevisionNotFound")
        content = self.repositories[repo_id].get(file)
        if content is None:
            return self.error(handler, 404, "EntryNotFound")
        return handler.answer(
            content,
            length=self.sizes.get(file),
            ETag=f'"{hashlib.sha1(content).hexdigest()}"',
            X_Repo_Commit=COMMIT,
            Accept_Ranges="bytes",
        )

    def post(self, handler: QuietHandler, path: str, body: bytes):
        if path == "/api/repos/create":
            wanted = json.loads(body)
            self.created.append(wanted)
            owner = wanted.get("organization") or "user"
            repo_id = f"{owner}/{wanted['name']}"
            self.repositories.setdefault(repo_id, {})
            folder = "spaces/" if wanted.get("type") == "space" else ""
            url = f"{self.address}/{folder}{repo_id}"
            return handler.answer_json({"url": url, "id": repo_id, "name": repo_id})
        if path == "/api/validate-yaml":
            return handler.answer_json({"errors": [], "warnings": []})
        if match := re.fullmatch(r"/api/(?:models|spaces)/([^/]+/[^/]+)/preupload/main", path):
            files = json.loads(body)["files"]
            modes = [
                {"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files
            ]
            return handler.answer_json({"files": modes})
        if match := re.fullmatch(r"/api/(?:models|spaces)/([^/]+/[^/]+)/commit/main", path):
            for line in body.decode().splitlines():
                record = json.loads(line)
                if record["key"] == "file":
                    value = record["value"]
                    content = base64.b64decode(value["content"])
                    self.repositories[match[1]][value["path"]] = content
            return handler.answer_json(
                {
                    "success": True,
                    "commitOid": COMMIT,
                    "commitUrl": f"{self.address}/{match[1]}/commit/{COMMIT}",
                }
            )
        return self.error(handler, 404, "EntryNotFound")


@contextlib.contextmanager
def hub_server() -> Iterator[Hub]:
    """Run a Hub."""
    state = Hub()

    class Handler(QuietHandler):
        def do_HEAD(self):
            self.do_GET()

        def do_GET(self):
            path = unquote(urlsplit(self.path).path)
            state.requests.append(f"{self.command} {path}")
            state.agents.add(self.headers.get("User-Agent"))
            state.get(self, path)

        def do_POST(self):
            path = unquote(urlsplit(self.path).path)
            state.requests.append(f"POST {path}")
            state.agents.add(self.headers.get("User-Agent"))
            state.post(self, path, self.read_body())

    with serving(Handler) as address:
        state.address = address
        yield state
