"""An S3 in this process, by moto, that can be told to refuse."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import fsspec
import pytest

REFUSED = "503 Service Unavailable"


@dataclass
class FaultyS3:
    """An S3 server; every ``fail_every``-th request that writes is refused with status 503."""

    url: str = ""
    fail_every: int = 0
    num_writes: int = 0
    num_refused: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def wrap(self, application: Callable) -> Callable:
        def answer(environment, start_response):
            if environment["REQUEST_METHOD"] in ("PUT", "POST") and self.fail_every:
                with self.lock:
                    self.num_writes += 1
                    is_refused = self.num_writes % self.fail_every == 0
                    self.num_refused += is_refused
                if is_refused:
                    environment["wsgi.input"].read(int(environment.get("CONTENT_LENGTH") or 0))
                    start_response(REFUSED, [("Content-Length", "0")])
                    return [b""]
            return application(environment, start_response)

        return answer


@contextmanager
def s3_server() -> Iterator[FaultyS3]:
    """Serve an empty S3 on a free port of this machine."""
    from moto.backends import get_backend
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class QuietHandler(WSGIRequestHandler):
        def log(self, *arguments):
            pass

    # moto keeps the buckets of a process in one place, for every server in it.
    get_backend("s3").reset()
    state = FaultyS3()
    application = state.wrap(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=QuietHandler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def s3_bucket() -> Iterator[FaultyS3]:
    """Serve an S3 with an empty bucket, s3://bucket, to this process and those that it starts."""
    with s3_server() as server, s3_means(server.url):
        fsspec.filesystem("s3").mkdir("bucket")
        yield server


@contextmanager
def s3_means(url: str) -> Iterator[None]:
    """Let s3:// mean the server at ``url``, in this process and those that it starts.

    fsspec keeps a file system with its address and what it listed, so one from before would ask
    a server that is gone, and one from here would outlive this server.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_settings(url).items():
            patch.setenv(name, value)
        _forget_s3()
        try:
            yield
        finally:
            _forget_s3()


def _forget_s3() -> None:
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def s3_settings(url: str) -> dict[str, str]:
    """Return the environment in which s3:// means that server, for this process and others."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
        "NO_PROXY": "127.0.0.1",
    }
