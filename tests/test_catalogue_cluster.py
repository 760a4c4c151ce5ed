"""Catalogues on a cluster of two nodes on this machine: nothing is lost, and nothing done twice."""

import dataclasses
import io
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from catalogue_networks import chunks, processes, watched
from evaluation_tracks import make_stems, write_track
from s3_server import s3_bucket
from signals import write, write_song
from waiting import PATIENCE

from zoo.catalogue.manifest import DONE, QUARANTINED, Manifest
from zoo.catalogue.overview import read_status
from zoo.catalogue.run import CatalogueRun
from zoo.catalogue.songs import list_songs
from zoo.catalogue.store import Store
from zoo.catalogue.work import CatalogueJob
from zoo.catalogue.workforce import Hiring
from zoo.cli import main
from zoo.distributed.executor import RayExecutor
from zoo.errors import CatalogueError, StoreError, UnknownNameError
from zoo.no_telemetry import import_ray

pytest.importorskip("ray", reason="the distributed extra is not installed")
TESTS = Path(__file__).parent
TINY = ["-m", "lightsaft_tfctdf_tiny", "-w", "test", "--device", "cpu", "--backend", "torch"]
STEMS = ("vocals", "drums", "bass", "other")
NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}


@pytest.fixture(scope="module")
def s3():
    """An S3 that the workers' processes find, with an empty bucket."""
    with s3_bucket() as server:
        yield server


@pytest.fixture(scope="module")
def cluster(s3):
    ray = import_ray()
    from ray.cluster_utils import Cluster

    # What the workers' processes must be able to import.
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(TESTS), str(TESTS.parent)]))
    cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    cluster.add_node(**NODE)
    ray.init(address=cluster.address, logging_level="ERROR", log_to_driver=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()
    monkeypatch.undo()


@pytest.fixture
def songs(tmp_path):
    for index in range(6):
        write_song(tmp_path / "songs" / f"{index}.wav", seconds=0.3, seed=index)
    return tmp_path / "songs"


@pytest.fixture
def traces(tmp_path):
    return tmp_path / "traces"


def make_run(songs, out, make_separator, *, workers=1, **options):
    return CatalogueRun(
        ray=import_ray(),
        job=CatalogueJob(make_separator=make_separator, output=str(out), sources=("vocals",)),
        songs=list_songs(str(songs), str(out)),
        hiring=Hiring(num_workers=workers, num_cpus=1, num_gpus=0),
        **options,
    )


def manifest_of(out):
    return {row.song: row for row in Manifest(Store(str(out))).rows()}


def wait_for(condition, result=lambda **options: None):
    """Wait for something, or for the error of the run that should bring it about."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        result(is_over=False)
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def in_background(run):
    """Start a run in a thread; the returned function waits for its summary or error."""
    outcome = []

    def work():
        try:
            outcome.append(run.run())
        except Exception as error:  # noqa: BLE001  # raised again where the run is waited for
            outcome.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()

    def result(*, is_over=True):
        if not is_over and not outcome:
            return None
        thread.join(PATIENCE)
        assert not thread.is_alive()
        if isinstance(outcome[0], Exception):
            raise outcome[0]
        return outcome[0]

    return result


def assert_complete(songs, out):
    for song in songs.glob("*.wav"):
        expected, _ = soundfile.read(song, dtype="float32")
        found, _ = soundfile.read(out / song.stem / "vocals.wav", dtype="float32")
        np.testing.assert_allclose(found, 0.5 * expected, atol=1e-6)


def test_two_workers_make_the_samples_of_separate_and_a_rerun_does_nothing(
    cluster, tmp_path, songs, capsys
):
    (songs / "bad.wav").write_bytes(b"no audio")
    command = ["catalogue", str(songs), str(tmp_path / "out"), *TINY]
    assert main(command) == 1
    captured = capsys.readouterr()
    assert "6 songs separated, 0 known already, 1 quarantined" in captured.out
    assert "quarantined: bad: bad.wav: not readable as audio" in captured.err
    assert main(["separate", str(songs), "-o", str(tmp_path / "plain"), *TINY]) == 1
    rows = manifest_of(tmp_path / "out")
    for name in map(str, range(6)):
        row = rows[name]
        assert (row.state, row.audio_seconds) == (DONE, pytest.approx(0.3))
        assert 0 < row.network_seconds <= row.work_seconds
        assert {output.file for output in row.outputs} == {f"{stem}.wav" for stem in STEMS}
        for output in row.outputs:
            found = (tmp_path / "out" / name / output.file).read_bytes()
            assert found == (tmp_path / "plain" / name / output.file).read_bytes()
            assert len(found) == output.bytes
    assert (rows["bad"].state, rows["bad"].attempt) == (QUARANTINED, 2)

    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.wav")}
    assert main(command) == 1  # the bad song is still without stems
    assert "0 songs separated, 7 known already" in capsys.readouterr().out
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.wav")}

    write_song(songs / "1.wav", seconds=0.4, seed=9)  # changed
    (tmp_path / "out" / "2" / "bass.wav").unlink()  # lost
    write_song(songs / "bad.wav", seconds=0.2)  # mended
    assert main(command) == 0
    assert "3 songs separated, 4 known already, 0 quarantined" in capsys.readouterr().out
    changed = {path.parent.name for path, at in before.items() if path.stat().st_mtime_ns != at}
    assert changed == {"1", "2"}
    assert main(["catalogue", "status", str(tmp_path / "out")]) == 0
    assert "done                         7" in capsys.readouterr().out


def test_a_killed_worker_and_a_lost_node_lose_no_song(cluster, songs, tmp_path, traces):
    out = tmp_path / "out"
    node = cluster.add_node(**NODE)
    result = in_background(make_run(songs, out, watched(traces, gate="gate"), workers=3))
    wait_for(lambda: len(processes(traces)) == 3, result)  # each in the middle of a song
    os.kill(processes(traces)[0], signal.SIGKILL)
    wait_for(lambda: len(processes(traces)) == 4, result)  # another one took its place
    cluster.remove_node(node)
    (traces / "gate").touch()
    summary = result()
    assert (summary.progress.num_done, summary.progress.num_deaths) == (6, 2)
    assert summary.quarantined == ()
    assert_complete(songs, out)
    assert {row.state for row in manifest_of(out).values()} == {DONE}


def test_a_song_that_kills_its_worker_is_found_out_and_the_others_are_done(
    cluster, songs, tmp_path, traces
):
    write(songs / "poison.wav", np.full((2, 9000), 0.77, np.float32))
    summary = make_run(songs, tmp_path / "out", watched(traces, poison=0.77)).run()
    ((name, reason),) = summary.quarantined
    assert name == "poison"
    assert reason.startswith("its worker died 3 times: ")
    assert (summary.progress.num_done, summary.progress.num_deaths) == (6, 3)
    (songs / "poison.wav").unlink()
    assert_complete(songs, tmp_path / "out")


DRIVER = """
import sys
from pathlib import Path
sys.path[:0] = {path!r}
import ray
from catalogue_networks import watched
from test_catalogue_cluster import make_run
ray.init(address={address!r}, logging_level="ERROR", log_to_driver=False)
make_run(Path({songs!r}), Path({out!r}), watched(Path({traces!r}), gate="gate")).run()
"""


def test_a_killed_driver_is_rerun_and_nothing_is_done_twice(cluster, songs, tmp_path, traces):
    out = tmp_path / "out"
    first = songs.rename(tmp_path / "rest")
    songs.mkdir()
    (first / "0.wav").rename(songs / "0.wav")
    make_run(songs, out, watched(traces)).run()
    for song in first.iterdir():
        song.rename(songs / song.name)
    code = DRIVER.format(
        path=sys.path, address=cluster.address, songs=str(songs), out=str(out), traces=str(traces)
    )
    done = chunks(traces)
    driver = subprocess.Popen([sys.executable, "-c", code])
    wait_for(lambda: len(chunks(traces)) > len(done) or driver.poll() is not None)
    driver.kill()
    assert driver.wait() == -signal.SIGKILL
    (traces / "gate").touch()
    before = (out / "0" / "vocals.wav").stat().st_mtime_ns
    summary = make_run(songs, out, watched(traces, gate="gate")).run()
    assert (summary.progress.num_known, summary.progress.num_done) == (1, 5)
    assert (out / "0" / "vocals.wav").stat().st_mtime_ns == before
    assert_complete(songs, out)


def test_a_disk_that_refuses_stops_the_run_and_a_rerun_goes_on(cluster, songs, tmp_path, traces):
    out = tmp_path / "out"
    for name in "678":
        write_song(songs / f"{name}.wav", seconds=0.6)
    # Room for the stems of the first six songs only.
    full = make_run(songs, out, watched(traces, most_bytes=150_000), store_patience=0.0)
    with pytest.raises(StoreError, match=r"cannot write .*what is done is kept: run the same"):
        full.run()
    known = {song for song, row in manifest_of(out).items() if row.state == DONE}
    assert known <= set("012345")
    assert known
    summary = make_run(songs, out, watched(traces)).run()
    assert summary.progress.num_known == len(known)
    assert summary.progress.num_known + summary.progress.num_done == 9
    assert_complete(songs, out)


def test_songs_and_stems_in_an_object_store_that_refuses_every_third_write(
    cluster, s3, songs, traces
):
    store = Store("s3://bucket/in")
    for path in songs.iterdir():
        store.put(path, path.name)
    s3.fail_every = 3
    run = make_run("s3://bucket/in", "s3://bucket/out", watched(traces), workers=2)
    summary = run.run()
    s3.fail_every = 0
    assert (summary.progress.num_done, summary.quarantined) == (6, ())
    assert s3.num_refused >= 4
    for path in songs.iterdir():
        expected, _ = soundfile.read(path, dtype="float32")
        content = Store("s3://bucket/out").read(f"{path.stem}/vocals.wav")
        found, _ = soundfile.read(io.BytesIO(content), dtype="float32")
        np.testing.assert_allclose(found, 0.5 * expected, atol=1e-6)
    rows = manifest_of("s3://bucket/out")
    assert {row.state for row in rows.values()} == {DONE}


def test_what_is_wrong_with_a_request_is_said_before_any_work(cluster, songs, tmp_path, traces):
    run = make_run(songs, tmp_path / "out", watched(traces))
    run.job = dataclasses.replace(run.job, sources=("vocal",))
    with pytest.raises(UnknownNameError, match="vocals"):
        run.run()
    assert not chunks(traces)
    command = ["catalogue", str(songs), str(tmp_path / "out"), "-m", "lightsaft_tfctdf_tiny"]
    assert main([*command, "-w", "nothing", "--workers", "1"]) == 1
    assert not list((tmp_path / "out").glob("*/vocals.wav"))


def test_status_of_an_empty_place_says_so(tmp_path, capsys):
    assert main(["catalogue", "status", str(tmp_path)]) == 1
    assert "no run over a catalogue has written here yet" in capsys.readouterr().err
    with pytest.raises(CatalogueError):
        read_status(str(tmp_path))


def test_evaluate_scores_on_the_cluster_what_it_scores_alone(cluster, tmp_path, capsys):
    for index in range(2):
        stems = make_stems(index, seconds=0.5, rate=44100)
        write_track(tmp_path / "data" / f"song {index}", stems, rate=44100)
    command = ["evaluate", "--model", "lightsaft_tfctdf_tiny", "--weights", "test", "--data"]
    command += [str(tmp_path / "data"), "--metrics", "mdx", "--device", "cpu"]
    assert main([*command, "--address", "auto"]) == 0
    on_cluster = capsys.readouterr().out
    assert main(command) == 0
    assert capsys.readouterr().out == on_cluster


def test_what_fails_on_the_cluster_is_raised_here(cluster):
    with RayExecutor() as executor:
        assert executor.submit(divmod, 7, 2).result(PATIENCE) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            executor.submit(divmod, 7, 0).result(PATIENCE)


def test_a_dry_run_says_how_much_there_is_and_does_nothing(cluster, songs, tmp_path, capsys):
    (songs / "bad.wav").write_bytes(b"no audio")
    command = ["catalogue", str(songs), str(tmp_path / "out"), *TINY, "--dry-run"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "7 songs, 0.00 hours of audio" in printed
    assert "2 of its kind take" in printed
    assert "1 of 7 cannot be read" in printed
    assert not (tmp_path / "out").exists()
    (songs / "bad.wav").rename(tmp_path / "bad.wav")
    command[1] = str(tmp_path / "bad.wav")
    assert main(command) == 1
    assert "none of the 1 songs that were looked at can be read" in capsys.readouterr().err
