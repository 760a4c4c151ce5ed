"""Downloads against a local server that cuts, lies, redirects and dawdles."""

import hashlib
import json
import random
import threading
from dataclasses import replace

import pytest
from memory import FORKS
from servers import file_server
from waiting import PATIENCE

from zoo.errors import ChecksumError, WeightsError, WeightsUnavailableError
from zoo.weights.fetching.downloads import DownloadPolicy, download_file
from zoo.weights.fetching.integrity import ExpectedFile, verify_file, verify_once

CONTENT = random.Random(0).randbytes(300_000)
# A busy machine may answer late, so only what waits in vain is given up soon.
PATIENT = DownloadPolicy(
    attempts=3,
    backoff_seconds=0.01,
    max_bytes=400_000,
    timeout_seconds=PATIENCE,
    stall_seconds=PATIENCE,
    lock_seconds=PATIENCE,
)
WITHOUT_PATIENCE_FOR_SILENCE = replace(PATIENT, timeout_seconds=0.4)
WITHOUT_PATIENCE_FOR_DRIPPING = replace(PATIENT, stall_seconds=0.3, min_bytes_per_second=5000)


def expected(server, **changes) -> ExpectedFile:
    fields = {"name": "spec.tag", "sha256": server.sha256, "num_bytes": len(server.content)}
    return ExpectedFile(**(fields | changes))


def fetch(server, folder, *, policy=PATIENT, progress=None, url=None, **changes):
    target = folder / "cache" / "file.ckpt"
    download_file(
        url or server.url, target, expected(server, **changes), policy=policy, progress=progress
    )
    return target


def files_in(folder) -> list[str]:
    return sorted(path.name for path in (folder / "cache").iterdir() if path.suffix != ".lock")


def test_a_file_arrives_verified_and_reports_progress(tmp_path):
    seen = []
    with file_server(CONTENT) as server:
        target = fetch(server, tmp_path, progress=lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert files_in(tmp_path) == ["file.ckpt"]
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_git_blob_names_verify_files_of_unknown_size(tmp_path):
    with file_server(CONTENT) as server:
        unknown = {"sha256": None, "num_bytes": None, "git_blob_sha1": server.git_blob_sha1}
        assert fetch(server, tmp_path, **unknown).read_bytes() == CONTENT
    # The object name that git itself gives to these bytes.
    known = ExpectedFile(name="x", git_blob_sha1="ce013625030ba8dba906f756967f9e9ca394464a")
    (tmp_path / "hello").write_bytes(b"hello\n")
    verify_file(tmp_path / "hello", known)


def test_a_file_that_is_there_is_not_fetched_again(tmp_path):
    with file_server(CONTENT) as server:
        fetch(server, tmp_path)
        fetch(server, tmp_path)
        assert server.requests == ["whole"]


@pytest.mark.parametrize("faults", [("cut:100000",), ("cut:100000", "cut:50000")])
def test_a_cut_connection_is_resumed(tmp_path, faults):
    with file_server(CONTENT, *faults) as server:
        assert fetch(server, tmp_path).read_bytes() == CONTENT
        starts = ["whole", "bytes=100000-", "bytes=150000-"][: len(faults) + 1]
        assert server.requests == starts


def test_what_came_before_a_failure_serves_the_next_call(tmp_path):
    with file_server(CONTENT, "cut:1000", "cut:1000", "cut:1000") as server:
        with pytest.raises(
            WeightsUnavailableError, match=r"cut after 3000 of 300000 bytes \(3 att"
        ):
            fetch(server, tmp_path)
        assert files_in(tmp_path) == ["file.ckpt.part"]
        assert fetch(server, tmp_path).read_bytes() == CONTENT
        assert server.requests[-1] == "bytes=3000-"
    assert files_in(tmp_path) == ["file.ckpt"]


def test_a_server_without_ranges_starts_over(tmp_path):
    with file_server(CONTENT, "cut:1000", "norange") as server:
        assert fetch(server, tmp_path).read_bytes() == CONTENT


def test_rubbish_left_from_earlier_is_fetched_anew(tmp_path):
    (tmp_path / "cache").mkdir()
    for size in (1000, len(CONTENT), len(CONTENT) + 5):
        (tmp_path / "cache" / "file.ckpt.part").write_bytes(bytes(size))
        with file_server(CONTENT) as server:
            target = fetch(server, tmp_path)
            assert target.read_bytes() == CONTENT
            assert server.requests[-1] == "whole"
        target.unlink()


def test_a_complete_part_of_unknown_size_is_recognised(tmp_path):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "file.ckpt.part").write_bytes(CONTENT)
    with file_server(CONTENT) as server:
        assert fetch(server, tmp_path, num_bytes=None).read_bytes() == CONTENT
        assert server.requests == [f"bytes={len(CONTENT)}-"]


@pytest.mark.parametrize("status", ["404", "403", "401"])
def test_refusals_are_not_tried_again(tmp_path, status):
    with file_server(CONTENT, status) as server:
        with pytest.raises(
            WeightsUnavailableError, match=f"spec.tag: 127.0.0.1 answers HTTP {status}"
        ):
            fetch(server, tmp_path)
        assert len(server.requests) == 1
    assert files_in(tmp_path) == []


def test_a_busy_server_is_tried_again(tmp_path):
    with file_server(CONTENT, "503", "429") as server:
        assert fetch(server, tmp_path).read_bytes() == CONTENT
    with (
        file_server(CONTENT, "503", "503", "503") as server,
        pytest.raises(WeightsUnavailableError, match="HTTP 503"),
    ):
        fetch(server, tmp_path / "again")


@pytest.mark.parametrize("fault", ["wrong", "long"])
def test_wrong_bytes_are_discarded(tmp_path, fault):
    with (
        file_server(CONTENT, fault) as server,
        pytest.raises(ChecksumError, match=r"spec\.tag.*(expected|more than)"),
    ):
        fetch(server, tmp_path)
    assert files_in(tmp_path) == []


def test_a_file_of_unknown_size_is_bounded(tmp_path):
    with (
        file_server(bytes(500_000)) as server,
        pytest.raises(ChecksumError, match="more than 400000 bytes"),
    ):
        fetch(server, tmp_path, num_bytes=None)
    assert files_in(tmp_path) == []


def test_a_login_page_is_no_weights(tmp_path):
    with (
        file_server(CONTENT, "html") as server,
        pytest.raises(WeightsUnavailableError, match="a web page instead"),
    ):
        fetch(server, tmp_path)


def test_redirects_are_followed_but_not_everywhere(tmp_path):
    with file_server(CONTENT, "redirect:SELF") as server:
        assert fetch(server, tmp_path).read_bytes() == CONTENT
    for place in ("file:///etc/passwd", "ftp://127.0.0.1/x"):
        with (
            file_server(CONTENT, f"redirect:{place}") as server,
            pytest.raises(WeightsUnavailableError, match=r"redirects to a|is not allowed"),
        ):
            fetch(server, tmp_path / "other")
    with (
        file_server(CONTENT, *["redirect:SELF"] * 20) as server,
        pytest.raises(WeightsUnavailableError, match="redirect"),
    ):
        fetch(server, tmp_path / "loop")


def test_silence_and_dripping_end_in_time(tmp_path):
    with (
        file_server(CONTENT, "hang", "hang", "hang") as server,
        pytest.raises(WeightsUnavailableError, match="no answer"),
    ):
        fetch(server, tmp_path, policy=WITHOUT_PATIENCE_FOR_SILENCE)
    with (
        file_server(CONTENT, "drip:1000") as server,
        pytest.raises(WeightsUnavailableError, match="too slow"),
    ):
        fetch(server, tmp_path, policy=WITHOUT_PATIENCE_FOR_DRIPPING)
    assert not (tmp_path / "cache" / "file.ckpt").exists()


def test_nobody_answers(tmp_path):
    with file_server(CONTENT) as server:
        pass
    with pytest.raises(WeightsUnavailableError, match=r"127\.0\.0\.1 cannot be reached"):
        fetch(server, tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "cache").write_text("a file where the folder should be")
    with (
        file_server(CONTENT) as server,
        pytest.raises(WeightsError, match="set LIGHTSAFT_ZOO_CACHE"),
    ):
        fetch(server, tmp_path)


def test_threads_fetch_once(tmp_path):
    with file_server(CONTENT, "drip:299990") as server:
        threads = [threading.Thread(target=fetch, args=(server, tmp_path)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.requests == ["whole"]
    assert (tmp_path / "cache" / "file.ckpt").read_bytes() == CONTENT


def _fetch_elsewhere(all_are_there, url, target, promised):
    all_are_there.wait(PATIENCE)
    download_file(url, target, promised, policy=PATIENT)


def test_processes_fetch_once(tmp_path):
    with file_server(CONTENT, "drip:299990") as server:
        target = tmp_path / "cache" / "file.ckpt"
        arguments = (FORKS.Barrier(3), server.url, target, expected(server))
        others = [FORKS.Process(target=_fetch_elsewhere, args=arguments) for _ in range(3)]
        for process in others:
            process.start()
        for process in others:
            process.join(PATIENCE)
        assert [process.exitcode for process in others] == [0, 0, 0]
        assert server.requests == ["whole"]
    assert target.read_bytes() == CONTENT


def test_a_cancelled_download_keeps_its_part_and_frees_the_lock(tmp_path):
    class StopError(Exception):
        pass

    def stop(_done, _total):
        raise StopError

    with file_server(CONTENT) as server:
        with pytest.raises(StopError):
            fetch(server, tmp_path, progress=stop)
        assert fetch(server, tmp_path).read_bytes() == CONTENT


def test_verification_is_remembered_until_the_file_changes(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    promised = ExpectedFile(name="x", sha256=hashlib.sha256(CONTENT).hexdigest())
    verify_once(path, promised, marks=tmp_path / "marks")
    (mark,) = (tmp_path / "marks").iterdir()
    marked = mark.stat().st_mtime_ns
    verify_once(path, promised, marks=tmp_path / "marks")
    assert mark.stat().st_mtime_ns == marked
    for broken in ("", "null", "[" * 100_000):
        mark.write_text(broken)
        verify_once(path, promised, marks=tmp_path / "marks")
        assert json.loads(mark.read_text())["num_bytes"] == len(CONTENT)
    path.write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(ChecksumError, match="expected"):
        verify_once(path, promised, marks=tmp_path / "marks")


def test_a_promise_needs_a_checksum():
    with pytest.raises(ValueError, match="got neither"):
        ExpectedFile(name="x", num_bytes=3)
