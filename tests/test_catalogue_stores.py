"""Stores that are no folder, what a worker does with them, and the manifest in them."""

import dataclasses
import json
from datetime import UTC, datetime
from typing import ClassVar

import fsspec
import numpy as np
import pyarrow
import pytest
import soundfile
from fake_networks import Gains
from fsspec.implementations.memory import MemoryFileSystem
from pyarrow import parquet
from s3_server import s3_bucket, s3_means
from signals import write_song

import zoo
from zoo.catalogue import store as store_module
from zoo.catalogue.manifest import DONE, QUARANTINED, Manifest, ManifestRow, OutputFile
from zoo.catalogue.overview import Overview, read_status
from zoo.catalogue.run import CatalogueRun, Progress
from zoo.catalogue.songs import list_songs
from zoo.catalogue.store import Store, local_copy, version_of
from zoo.catalogue.work import BAD_SONG, BAD_STORE, CatalogueJob, SongWorker, request_digest
from zoo.catalogue.workforce import Hiring, WorkerFacts
from zoo.errors import CatalogueError, StoreError

ONE_WORKER = Hiring(num_workers=1, num_cpus=1, num_gpus=0)
FACTS = WorkerFacts(
    node="n", host="h", model="gains", device="cpu", sources=("bass",), identity="identity"
)


class Flaky(MemoryFileSystem):
    """Memory in which every third write fails."""

    protocol = "flaky"
    store: ClassVar[dict] = {}
    pseudo_dirs: ClassVar[list] = [""]
    num_writes = 0

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(path.replace("flaky://", "memory://"))

    def _count(self):
        Flaky.num_writes += 1
        if Flaky.num_writes % 3 == 0:
            raise OSError(5, "Input/output error")

    def pipe_file(self, *arguments, **options):
        self._count()
        super().pipe_file(*arguments, **options)

    def put_file(self, *arguments, **options):
        self._count()
        super().put_file(*arguments, **options)


fsspec.register_implementation("flaky", Flaky, clobber=True)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(store_module, "WAITS", (0.0, 0.0, 0.0))
    MemoryFileSystem.store.clear()
    Flaky.store.clear()


@pytest.fixture(scope="module")
def s3():
    """The address of an empty bucket."""
    with s3_bucket():
        yield "s3://bucket"


def make_worker(output, network=None, **options):
    separator = zoo.Separator(network or Gains(), device="cpu")
    return SongWorker(CatalogueJob(make_separator=lambda: separator, output=output, **options))


def put_songs(url, folder, names):
    for seed, name in enumerate(names):
        path = write_song(folder / "songs" / name, seconds=0.2, seed=seed)
        Store(url).put(path, name)


def row(song="a", **changes):
    values = {
        "song": song,
        "input": f"/{song}.wav",
        "input_bytes": 10,
        "input_version": "v",
        "request_sha256": "r",
        "state": DONE,
    }
    return ManifestRow(**values | changes)


@pytest.mark.parametrize("kind", ["memory", "s3", "flaky", "folder"])
def test_a_song_goes_from_store_to_store_with_the_samples_of_separate(tmp_path, kind, request):
    base = {
        "memory": "memory://base",
        "flaky": "flaky://base",
        "folder": str(tmp_path / "base"),
    }.get(kind) or f"{request.getfixturevalue('s3')}/base"
    put_songs(f"{base}/in", tmp_path, ["a/one.wav", "b/one.wav"])
    songs = list_songs(f"{base}/in", f"{base}/out")
    assert [song.name for song in songs] == ["a/one", "b/one"]
    network = Gains()
    worker = make_worker(f"{base}/out", network, format="wav24")
    for song in songs:
        result = worker.separate(song)
        assert (result.state, result.error) == (DONE, "")
        path = tmp_path / "songs" / f"{song.name}.wav"
        zoo.separate(path, tmp_path / "plain", model=Gains(), format="wav24")
        for output in result.outputs:
            content = Store(f"{base}/out").read(f"{song.name}/{output.file}")
            assert content == (tmp_path / "plain" / output.file).read_bytes()
            assert len(content) == output.bytes
    computed = worker.separator.busy_seconds
    again = worker.separate(songs[0])  # a driver that was killed did not hear of it
    assert (again.state, again.outputs) == (DONE, worker.separate(songs[0]).outputs)
    assert all(output.sha256 for output in again.outputs)
    assert worker.separator.busy_seconds == computed


def test_a_store_that_fails_every_third_write_gets_everything_in_the_end(tmp_path):
    Flaky.num_writes = 0
    put_songs("flaky://in", tmp_path, ["a.wav", "b.wav", "c.wav"])
    worker, manifest = make_worker("flaky://out"), Manifest(Store("flaky://out"))
    for song in list_songs("flaky://in", "flaky://out"):
        assert worker.separate(song).state == DONE
        manifest.add(row(song.name))
        manifest.flush()
    assert Flaky.num_writes > 3 * (4 + 1 + 1)
    assert {each.song for each in manifest.rows()} == {"a", "b", "c"}


def test_a_store_that_is_away_is_no_fault_of_the_song(tmp_path):
    song = write_song(tmp_path / "a.wav", seconds=0.2)
    with s3_means("http://127.0.0.1:9"):
        (listed,) = list_songs(str(song), "s3://gone/out")
        result = make_worker("s3://gone/out").separate(listed)
        assert result.state == BAD_STORE
        assert "s3://gone/out/a" in result.error
        with pytest.raises(StoreError, match="cannot list s3://gone"):
            list_songs("s3://gone/in", "s3://gone/out")


def test_a_folder_that_refuses_is_no_fault_of_the_song(tmp_path):
    (listed,) = list_songs(str(write_song(tmp_path / "a.wav")), str(tmp_path / "out"))
    (tmp_path / "out").write_text("a file")
    result = make_worker(str(tmp_path / "out")).separate(listed)
    assert (result.state, "cannot create the folder" in result.error) == (BAD_STORE, True)


def test_a_song_that_is_gone_or_no_audio_is_bad(tmp_path):
    put_songs("memory://in", tmp_path, ["a.wav"])
    Store("memory://in").write("b.wav", b"no audio")
    first, second = list_songs("memory://in", "memory://out")
    Store("memory://in").remove("a.wav")
    worker = make_worker("memory://out")
    assert worker.separate(first).error == "memory://in/a.wav: no such file"
    assert "not readable as audio" in worker.separate(second).error
    assert {worker.separate(each).state for each in (first, second)} == {BAD_SONG}
    assert not Store("memory://out").sizes("a")


def test_a_changed_song_replaces_its_stems_and_another_song_does_not(tmp_path):
    put_songs("memory://in", tmp_path, ["a.wav"])
    worker = make_worker("memory://out")
    (song,) = list_songs("memory://in", "memory://out")
    worker.separate(song)
    put_songs("memory://in", tmp_path, ["x.wav", "a.wav"])
    assert worker.separate(song).state == DONE
    stem, _ = soundfile.read(fsspec.open("memory://out/a/vocals.wav").open())
    expected, _ = soundfile.read(tmp_path / "songs" / "a.wav")
    np.testing.assert_allclose(stem, 0.5 * expected, atol=1e-6)
    other = dataclasses.replace(song, url="memory://in/x.wav")
    put_songs("memory://in", tmp_path, ["y.wav", "z.wav", "x.wav"])
    assert "holds the stems of another song" in worker.separate(other).error


def test_sources_of_a_song_come_before_those_of_the_run(tmp_path):
    put_songs("memory://in", tmp_path, ["a.wav"])
    (song,) = list_songs("memory://in", "memory://out")
    worker = make_worker("memory://out", two_stems="vocals")
    assert [each.file for each in worker.separate(song).outputs] == ["vocals.wav", "no_vocals.wav"]
    chosen = dataclasses.replace(song, sources=("drums", "bass"))
    assert [each.file for each in worker.separate(chosen).outputs] == ["drums.wav", "bass.wav"]


def test_the_latest_row_of_a_song_counts_and_parts_are_merged():
    store = Store("memory://out")
    manifest = Manifest(store)
    outputs = (OutputFile(file="a.wav", bytes=3, sha256="s"),)
    manifest.add(row("a", state=QUARANTINED, error="no"))
    manifest.add(row("b"))
    manifest.flush()
    at = datetime(2026, 1, 2, tzinfo=UTC)
    manifest.add(row("a", outputs=outputs, attempt=2, finished_at=at))
    assert manifest.num_waiting == 1
    manifest.flush()
    manifest.flush()
    assert len(store.sizes("_catalogue/manifest")) == 2
    for _ in range(2):
        rows = {each.song: each for each in manifest.rows()}
        assert rows["a"] == row("a", outputs=outputs, attempt=2, finished_at=at)
        assert set(rows) == {"a", "b"}
        manifest.compact(most_parts=1)
        assert len(store.sizes("_catalogue/manifest")) == 1
    assert rows["a"].has_outputs({"a/a.wav": 3}.get)
    assert not rows["a"].has_outputs({"a/a.wav": 4}.get)


def test_rows_wait_where_a_part_cannot_be_written(monkeypatch):
    manifest = Manifest(Store("memory://out"))
    manifest.add(row())
    with monkeypatch.context() as patch:
        patch.setattr(MemoryFileSystem, "pipe_file", refuse)
        with pytest.raises(StoreError, match="cannot write memory://out/_catalogue/manifest/"):
            manifest.flush()
    manifest.flush()
    assert [each.song for each in manifest.rows()] == ["a"]


def refuse(*arguments, **options):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize("kind", ["text", "other columns"])
def test_what_is_no_part_of_a_manifest_is_named(tmp_path, kind):
    path = tmp_path / "_catalogue" / "manifest" / "1.parquet"
    path.parent.mkdir(parents=True)
    if kind == "text":
        path.write_text("no parquet")
    else:
        parquet.write_table(pyarrow.table({"song": ["a"]}), path)
    with pytest.raises(CatalogueError, match=r"1\.parquet: (no|a) part of a manifest"):
        list(Manifest(Store(str(tmp_path))).rows())


def test_status_adds_up(tmp_path):
    store = Store(str(tmp_path))
    overview = Overview(num_songs=4, model="net", identity_sha256="0", format="wav")
    overview.write(store)
    manifest = Manifest(store)
    manifest.add(row("a", audio_seconds=3600.0, work_seconds=360.0, node="n"))
    manifest.add(row("b", state=QUARANTINED, error="cut off"))
    manifest.flush()
    text = read_status(str(tmp_path)).format()
    lines = [line.split() for line in text.splitlines()]
    for name, number in [("songs", "4"), ("done", "1"), ("missing", "2")]:
        assert [name, number] in lines
    assert "quarantined: b: cut off" in text
    damaged = {"num_songs": "4", "model": "net", "identity_sha256": "0", "format": "wav"}
    store.write("_catalogue/run.json", json.dumps(damaged).encode())
    with pytest.raises(CatalogueError, match=r"run\.json: num_songs: must be an integer"):
        read_status(str(tmp_path))
    store.write("_catalogue/run.json", b"{")
    with pytest.raises(CatalogueError, match=r"run\.json"):
        read_status(str(tmp_path))


def test_addresses_of_no_kind_are_refused():
    with pytest.raises(CatalogueError, match="nothing://a"):
        Store("nothing://a")


def test_a_local_song_is_read_where_it_is(tmp_path):
    path = write_song(tmp_path / "a.wav")
    for url in (str(path), f"file://{path}"):
        with local_copy(url) as found:
            assert found == path
    put_songs("memory://in", tmp_path, ["a.wav"])
    with local_copy("memory://in/a.wav") as copy:
        assert (copy.name, copy.read_bytes() != b"") == ("a.wav", True)
    assert not copy.exists()


def test_what_a_store_says_of_content_is_found_under_its_names():
    assert version_of({"ETag": '"1"', "LastModified": "x"}) == 'ETag:"1"'
    assert version_of({"mtime": 3.5}) == "mtime:3.5"
    assert version_of({"size": 3}) == ""


def test_no_folder_holds_a_part_of_a_file(tmp_path):
    source = write_song(tmp_path / "a.wav")
    store = Store(str(tmp_path / "out"))
    (tmp_path / "out" / "b.wav").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"cannot write .*b\.wav"):
        store.put(source, "b.wav")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b.wav"]


def test_a_quarantined_song_is_left_alone_until_it_changes_or_is_asked_for(tmp_path):
    put_songs("memory://in", tmp_path, ["a.wav", "b.wav", "c.wav"])
    songs = list_songs("memory://in", "memory://out")
    job = CatalogueJob(make_separator=zoo.Separator, output="memory://out")
    store = Store("memory://out")
    manifest = Manifest(store)
    for song, state in zip(songs, [QUARANTINED, QUARANTINED, DONE], strict=True):
        digest = request_digest(job, "identity", song)
        manifest.add(row(song.name, state=state, request_sha256=digest, error=state))
    manifest.flush()
    songs[1] = dataclasses.replace(songs[1], version="another")

    def missing(**options):
        run = CatalogueRun(ray=None, job=job, songs=songs, hiring=ONE_WORKER, **options)
        run._manifest, run._progress = manifest, Progress(num_songs=3)
        return [song.name for song in run._missing(store, FACTS)], run._quarantined

    assert missing() == (["b"], [("a", QUARANTINED)])
    assert missing(retry=True) == (["a", "b"], [])
    songs[2] = dataclasses.replace(songs[2], sources=("bass",))
    assert missing()[0] == ["b", "c"]
