"""Which songs a catalogue has: folders, patterns, tables, and stores."""

import io
import json

import pyarrow
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from pyarrow import parquet
from signals import write_song

from zoo.catalogue.songs import list_songs
from zoo.catalogue.store import Store
from zoo.errors import AudioError, CatalogueError
from zoo.separation.record import SeparationRecord


@pytest.fixture(autouse=True)
def _empty():
    MemoryFileSystem.store.clear()


@pytest.fixture
def folder(tmp_path):
    for name in ("a.wav", "CD1/01.flac", "CD2/01.flac", "a.flac"):
        write_song(tmp_path / "in" / name, seconds=0.1)
    (tmp_path / "in" / "notes.txt").write_text("x")
    (tmp_path / "in" / ".hidden.wav").write_bytes(b"x")
    return tmp_path / "in"


NAMES = ["CD1/01", "CD2/01", "a.flac", "a.wav"]
RECORD = {
    "input": "a.wav",
    "input_place_sha256": "0",
    "request": {},
    "sample_rate": 44100,
    "num_samples": 1,
    "gain": 1.0,
    "peak": 0.5,
    "stems": {"vocals": {"file": "vocals.wav", "bytes": 1}},
}


def test_a_folder_has_the_songs_and_names_of_separate(folder, tmp_path):
    songs = list_songs(str(folder), str(tmp_path / "out"))
    assert [song.name for song in songs] == NAMES
    for song in songs:
        assert song.url.startswith(str(folder))
        assert song.num_bytes > 44
        assert song.version.startswith("mtime:")
    assert [song.name for song in list_songs(str(folder), "memory://out")] == NAMES
    pattern = list_songs(str(folder / "**" / "01.flac"), str(tmp_path / "out"))
    assert [song.name for song in pattern] == NAMES[:2]


def test_a_store_has_the_same_songs(folder, tmp_path):
    files = Store("memory://b/in")
    for path in folder.rglob("*"):
        if path.is_file():
            files.put(path, path.relative_to(folder).as_posix())
    files.write("$RECYCLE.BIN/x.wav", b"x")
    files.write("old/vocals.wav", b"x")
    files.write("old/separation.json", json.dumps(RECORD).encode())
    assert SeparationRecord.parse(json.dumps(RECORD).encode()) is not None
    files.write("out/b/vocals.wav", b"x")
    songs = list_songs("memory://b/in", "memory://b/in/out")
    assert [song.name for song in songs] == NAMES
    assert songs[0].url == "memory://b/in/CD1/01.flac"
    assert all(song.num_bytes > 0 for song in songs)
    assert [song.name for song in list_songs("memory://b/in/CD*/*.flac", "memory://o")] == NAMES[:2]


def test_an_output_beside_the_songs_is_no_reason_to_leave_them_out(tmp_path):
    Store("memory://b").write("in/a.wav", b"x")
    assert [song.name for song in list_songs("memory://b/in", "memory://b/i")] == ["a"]


def test_places_without_songs_are_refused(tmp_path):
    Store("memory://b").write("in/a.txt", b"x")
    with pytest.raises(CatalogueError, match="memory://b/in: no audio files there"):
        list_songs("memory://b/in", "memory://out")
    with pytest.raises(AudioError, match="no audio files"):
        list_songs(str(tmp_path), "memory://out")


ROWS = [
    {"path": "in/a.wav", "name": "First", "sources": "vocals, drums"},
    {"path": "in/CD1/01.flac", "name": None, "sources": None},
    {"path": "in/CD2/01.flac", "name": None, "sources": ""},
]


def write_table(path, rows=ROWS, *, as_lists=False):
    if as_lists:
        rows = [{**r, "sources": r["sources"] and r["sources"].split(", ")} for r in rows]
    if path.suffix == ".csv":
        cells = [["" if r[c] is None else f'"{r[c]}"' for c in r] for r in rows]
        lines = [",".join(rows[0]), *map(",".join, cells)]
        path.write_text("\n".join(lines) + "\n")
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    else:
        parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    return str(path)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_tables_of_every_kind_say_the_same(folder, tmp_path, suffix):
    table = write_table(tmp_path / f"t.{suffix}")
    songs = list_songs(table, "memory://out")
    assert [song.name for song in songs] == ["First", "CD1/01", "CD2/01"]
    assert [song.sources for song in songs] == [("vocals", "drums"), None, None]
    assert songs[0].url == str(folder / "a.wav")
    assert songs[0].num_bytes == (folder / "a.wav").stat().st_size


def test_tables_may_hold_lists_and_addresses_and_other_columns(tmp_path):
    Store("memory://b").write("x/a.wav", b"12345")
    content = io.BytesIO()
    rows = [{"path": "a.wav", "sources": ["bass"], "isrc": 7}, {"path": "/gone.wav"}]
    parquet.write_table(pyarrow.Table.from_pylist(rows), content)
    Store("memory://b").write("x/t.parquet", content.getvalue())
    first, second = list_songs("memory://b/x/t.parquet", "memory://out")
    assert (first.url, first.num_bytes, first.sources) == ("memory://b/x/a.wav", 5, ("bass",))
    assert (second.url, second.num_bytes) == ("/gone.wav", -1)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([{"file": "a.wav"}], "expected a column 'path', got the columns file"),
        ([{"path": "a.wav"}, {"path": None}], "row 2: path: expected a path or an address"),
        ([{"path": 3}], "row 1: path: expected a path or an address, got int '3'"),
        ([{"path": "a.wav", "name": "../up"}], "row 1: name: expected a plain folder name"),
        ([{"path": "a.wav", "name": "x"}, {"path": "b.wav", "name": "X"}], "rows 1 and 2 have one"),
        ([{"path": "a.wav", "sources": [1]}], "row 1: sources: expected names of sources"),
    ],
)
def test_tables_that_are_none_are_refused_with_the_row(tmp_path, rows, complaint):
    path = tmp_path / "t.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    with pytest.raises(CatalogueError, match=complaint):
        list_songs(str(path), "memory://out")


@pytest.mark.parametrize("name", ["t.parquet", "t.jsonl", "t.csv"])
def test_files_that_are_no_tables_are_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"{]\n\x00")
    with pytest.raises(CatalogueError, match=name):
        list_songs(str(tmp_path / name), "memory://out")
    with pytest.raises(CatalogueError, match="cannot be read"):
        list_songs(str(tmp_path / f"no-{name}"), "memory://out")


def test_a_table_without_rows_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("path\n")
    with pytest.raises(CatalogueError, match="no rows"):
        list_songs(str(tmp_path / "t.csv"), "memory://out")
