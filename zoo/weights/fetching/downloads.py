"""One verified file from an address: resumed when cut, locked, checked, renamed into place.

Whatever happens, the target path either does not exist or holds exactly the promised bytes. What
was fetched before a cut stays in ``TARGET.part`` and is only ever trusted through the checksum.
"""

import contextlib
import email.message
import http.client
import logging
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias
from urllib.parse import urlsplit

import filelock

from zoo.errors import ChecksumError, WeightsError, WeightsUnavailableError
from zoo.weights.fetching.integrity import ExpectedFile, verify_file

__all__ = ["DownloadPolicy", "Progress", "download_file"]

logger = logging.getLogger(__name__)

Progress: TypeAlias = Callable[[int, int | None], None]
"""Called with the bytes present and the bytes expected (None where unknown)."""

BLOCK_BYTES = 1 << 18
TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
RANGE_NOT_SATISFIABLE = 416


@dataclass(frozen=True, kw_only=True, slots=True)
class DownloadPolicy:
    """How long to wait and how much to take.

    Args:
        timeout_seconds: Longest silence of the server, in seconds.
        attempts: How often to start or resume before giving up.
        backoff_seconds: Pause before the second attempt; doubles after each.
        stall_seconds: Window over which the rate is judged, in seconds.
        min_bytes_per_second: Slower than this over a whole window is given up.
        max_bytes: Most bytes to take for a file of unknown size.
        lock_seconds: Longest wait for another process that fetches the same file.
    """

    timeout_seconds: float = 15.0
    attempts: int = 4
    backoff_seconds: float = 0.5
    stall_seconds: float = 60.0
    min_bytes_per_second: float = 1024.0
    max_bytes: int = 128 << 20
    lock_seconds: float = 1800.0


class _StrictRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http(s) only, and never from https down to http."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        allowed = ("https",) if req.type == "https" else ("http", "https")
        scheme = urlsplit(newurl).scheme
        if scheme not in allowed:
            raise WeightsUnavailableError(
                f"{urlsplit(req.full_url).hostname} redirects to a {scheme!r} address; "
                f"expected {' or '.join(allowed)}"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def download_file(
    url: str,
    target: Path,
    expected: ExpectedFile,
    *,
    progress: Progress | None = None,
    policy: DownloadPolicy | None = None,
) -> Path:
    """Fetch ``url`` to ``target``, once over all processes, and return ``target``.

    Args:
        url: An http or https address.
        target: Where the file goes; its folder is made. An existing file is taken as it is.
        expected: Checksum and size.
        progress: Called as bytes arrive.
        policy: Time and size limits.

    Raises:
        ChecksumError: If the server's bytes are not the promised ones; nothing is kept.
        WeightsUnavailableError: If the server cannot be reached, refuses, is too slow or keeps
            cutting the connection; what came is kept for the next call to resume.
        WeightsError: If the target cannot be written.
    """
    policy = policy or DownloadPolicy()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _locked(target, policy):
            if not target.exists():
                _fetch(url, target, expected, progress, policy)
    except OSError as error:
        raise WeightsError(
            f"{expected.name}: cannot write {target}: {error}. "
            "Free some space, or set LIGHTSAFT_ZOO_CACHE to a folder that can be written"
        ) from error
    return target


@contextlib.contextmanager
def _locked(target: Path, policy: DownloadPolicy) -> Iterator[None]:
    lock = filelock.FileLock(target.with_name(target.name + ".lock"), timeout=policy.lock_seconds)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise WeightsUnavailableError(
            f"waited {policy.lock_seconds:.0f} s for another process to fetch {target.name}; "
            f"if there is none, delete {error.lock_file}"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _fetch(
    url: str,
    target: Path,
    expected: ExpectedFile,
    progress: Progress | None,
    policy: DownloadPolicy,
) -> None:
    part = target.with_name(target.name + ".part")
    resumed = part.exists()
    while True:
        try:
            _fetch_part(url, part, expected, progress, policy)
            verify_file(part, expected)
        except ChecksumError as error:
            part.unlink(missing_ok=True)
            if resumed:
                # The older half may be at fault; one fetch from the start tells.
                resumed = False
                continue
            raise ChecksumError(
                f"{error}; the file was discarded. The server at {urlsplit(url).hostname} does not "
                "hold what the manifest names, or something on the way changed it"
            ) from error
        part.replace(target)
        return


def _fetch_part(
    url: str, part: Path, expected: ExpectedFile, progress: Progress | None, policy: DownloadPolicy
) -> None:
    """Append to ``part`` until the server has sent everything."""
    pause = policy.backoff_seconds
    for attempt in range(1, policy.attempts + 1):
        try:
            _transfer(url, part, expected, progress, policy)
        except _TransientError as error:
            if attempt == policy.attempts:
                raise WeightsUnavailableError(
                    f"{expected.name}: {urlsplit(url).hostname}: {error} ({attempt} attempts)"
                ) from error
            logger.info("%s: %s; resuming in %.1f s", expected.name, error, pause)
            time.sleep(pause)
            pause *= 2
        else:
            return


class _TransientError(Exception):
    """A failure after which another attempt may succeed."""


def _open(url: str, start: int, name: str, policy: DownloadPolicy) -> Any:
    """Send the request; translate everything that can go wrong before the first byte."""
    headers = {"User-Agent": "lightsaft-zoo", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    host = urlsplit(url).hostname
    opener = urllib.request.build_opener(_StrictRedirects)
    try:
        request = urllib.request.Request(url, headers=headers)
        return opener.open(request, timeout=policy.timeout_seconds)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == RANGE_NOT_SATISFIABLE:
            return None
        if error.code in TRANSIENT_STATUS:
            raise _TransientError(f"HTTP {error.code} {error.reason}") from error
        raise WeightsUnavailableError(
            f"{name}: {host} answers HTTP {error.code} {error.reason} for {url}"
        ) from error
    except urllib.error.URLError as error:
        raise WeightsUnavailableError(
            f"{name}: {host} cannot be reached ({error.reason})"
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise _TransientError(f"no answer: {error or type(error).__name__}") from error


def _transfer(
    url: str, part: Path, expected: ExpectedFile, progress: Progress | None, policy: DownloadPolicy
) -> None:
    """Append one response to ``part``."""
    start = part.stat().st_size if part.exists() else 0
    if expected.num_bytes is not None and start >= expected.num_bytes:
        return
    response = _open(url, start, expected.name, policy)
    if response is None:
        # Nothing lies past what is here: either it is complete, or it is no beginning of this file.
        return
    with response:
        continues = response.status == 206 and _range_start(response.headers) == start
        if start and not continues:
            start = 0
        if response.headers.get_content_type() == "text/html":
            raise WeightsUnavailableError(
                f"{expected.name}: {urlsplit(url).hostname} answers with a web page instead of the "
                "file (is a login page of the network in between?)"
            )
        length = response.headers.get("Content-Length", "")
        promised = expected.num_bytes or (start + int(length) if length.isdigit() else None)
        with part.open("ab" if start else "wb") as file:
            limit = expected.num_bytes or policy.max_bytes
            report = _Report(name=expected.name, start=start, promised=promised, progress=progress)
            total = _copy(response, file, limit, report, policy)
    if promised is not None and total < promised:
        raise _TransientError(f"the connection was cut after {total} of {promised} bytes")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Report:
    """Where a transfer starts, how far it should come and whom to tell."""

    name: str
    start: int
    promised: int | None
    progress: Progress | None


def _copy(
    response: Any, file: IO[bytes], limit: int, report: _Report, policy: DownloadPolicy
) -> int:
    """Write the body to ``file`` and return the bytes that are there in total."""
    total = report.start
    window_began, window_total = time.monotonic(), total
    while True:
        try:
            block = response.read1(BLOCK_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise _TransientError(
                f"the connection was cut after {total} bytes: {error or type(error).__name__}"
            ) from error
        if not block:
            return total
        total += len(block)
        if total > limit:
            raise ChecksumError(f"{report.name}: the server sends more than {limit} bytes")
        file.write(block)
        if report.progress is not None:
            report.progress(total, report.promised)
        elapsed = time.monotonic() - window_began
        if elapsed >= policy.stall_seconds:
            rate = (total - window_total) / elapsed
            if rate < policy.min_bytes_per_second:
                raise WeightsUnavailableError(
                    f"{report.name}: {rate:.0f} bytes a second from the server is too slow; "
                    "try again later, what came is kept"
                )
            window_began, window_total = time.monotonic(), total


def _range_start(headers: email.message.Message) -> int | None:
    """First byte of a partial response, from ``Content-Range: bytes FIRST-LAST/TOTAL``."""
    unit, _, span = headers.get("Content-Range", "").partition(" ")
    first = span.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdigit() else None
