"""Whatever has the name ``separation.json``: the song is separated again, or an error says."""

import json
import os
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from signals import write_song

from zoo.cli import main
from zoo.records.json_text import MAX_BYTES, parse_json, read_json
from zoo.separation.record import RECORD_NAME, SeparationRecord

TINY = ["-m", "lightsaft_tfctdf_tiny", "-w", "random", "--device", "cpu", "-s", "bass"]
GOOD = {
    "input": "caf\udce9.wav",
    "input_place_sha256": "0" * 64,
    "request": {"input_sha256": "1" * 64, "stems": ["bass"]},
    "sample_rate": 44100,
    "num_samples": 22050,
    "gain": 1.0,
    "peak": 0.5,
    "stems": {"bass": {"file": "bass.wav", "bytes": 100}},
    "files": ["bass.wav", "vocals.flac"],
}
NUMBERS = ("sample_rate", "num_samples", "gain", "peak")
TEXTS = ("input", "input_place_sha256")
HUGE = 10**400


def separate(*arguments):
    return main(["separate", *TINY, "--backend", "torch", *map(str, arguments)])


def read(folder, content):
    (folder / RECORD_NAME).write_bytes(
        content if isinstance(content, bytes) else json.dumps(content).encode()
    )
    return SeparationRecord.read(folder)


def test_a_record_comes_back_as_it_was(tmp_path):
    record = read(tmp_path, GOOD)
    record.write(tmp_path)
    assert json.loads((tmp_path / RECORD_NAME).read_text()) == GOOD
    assert SeparationRecord.read(tmp_path) == record
    assert record.file_names == {"bass.wav", "vocals.flac"}
    assert read(tmp_path, {key: GOOD[key] for key in GOOD if key != "files"}).files == ()


@pytest.mark.parametrize(
    "change",
    [
        *({key: None} for key in GOOD),
        *({key: []} for key in GOOD if key != "files"),
        *({key: value} for key in NUMBERS for value in ("1", True, -1, HUGE, {})),
        *({key: value} for key in ("sample_rate", "num_samples") for value in (0, 1.5, 2**63)),
        *({key: 5} for key in TEXTS),
        {"gain": 0.0},
        {"request": "text"},
        {"stems": [["bass", {"file": "bass.wav", "bytes": 1}]]},
        *(
            {"stems": {"bass": stem}}
            for stem in (
                None,
                "bass.wav",
                {},
                {"file": "bass.wav"},
                {"file": "bass.wav", "bytes": "1"},
                {"file": "bass.wav", "bytes": -1},
                *({"file": name, "bytes": 1} for name in (None, 7, "", "..", ".", "a/b", "a\0b")),
            )
        ),
        *({"files": value} for value in ("abc", 5, {"a": 1}, [None], ["../a"], [["a"]])),
        {"unknown": 1},
    ],
    ids=str,
)
def test_values_that_no_record_has_count_as_none(tmp_path, change):
    assert read(tmp_path, GOOD) is not None
    assert read(tmp_path, GOOD | change) is None


@pytest.mark.parametrize("key", sorted(GOOD.keys() - {"files"}))
def test_a_record_that_lacks_a_value_counts_as_none(tmp_path, key):
    assert read(tmp_path, {name: GOOD[name] for name in GOOD if name != key}) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"{",
        json.dumps(GOOD).encode()[:-40],
        json.dumps(GOOD).encode() + b"{}",
        json.dumps(GOOD | {"gain": float("nan")}).encode(),
        json.dumps(GOOD | {"peak": float("inf")}).encode(),
        b"\xff\xfe" + json.dumps(GOOD).encode("utf-16-le"),
        b"\xef\xbb\xbf" + json.dumps(GOOD).encode(),
        b"\0" * 100,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 10_000,
        json.dumps(GOOD).encode() + b" " * MAX_BYTES,
    ],
    ids=lambda content: f"{content[:12]!r}-{len(content)}",
)
def test_content_that_is_no_record_counts_as_none(tmp_path, content):
    assert read(tmp_path, content) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(changes=st.dictionaries(st.sampled_from(sorted(GOOD)), JSON, min_size=1, max_size=3))
@settings(max_examples=200, deadline=None)
def test_any_values_are_a_record_that_works_or_none(tmp_path_factory, changes):
    folder = tmp_path_factory.mktemp("any")
    record = read(folder, GOOD | changes)
    if record is not None:
        assert record.seconds > 0
        assert all(isinstance(name, str) for name in record.file_names)
        assert record.is_complete(record.request, sizes={}) is (not record.stems)
        record.write(folder)
        assert SeparationRecord.read(folder) == record


def test_a_record_of_a_gigabyte_is_not_read(tmp_path):
    with (tmp_path / RECORD_NAME).open("wb") as file:
        file.truncate(1 << 30)
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from zoo.separation.record import SeparationRecord\n"
        "def top(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "before = top(); print(SeparationRecord.read(Path(sys.argv[1])), top() - before)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    found, kilobytes = done.stdout.split()
    assert found == "None"
    assert int(kilobytes) < 8 << 10


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
def test_a_pipe_in_the_place_of_a_record_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / RECORD_NAME)
    assert SeparationRecord.read(tmp_path) is None


@pytest.mark.parametrize("content", ["null", '{"stems": null}', "[" * 100_000])
def test_a_song_beside_a_broken_record_is_separated_again(tmp_path, capsys, content):
    song = write_song(tmp_path / "in" / "a.wav")
    assert separate(song, "-o", tmp_path / "in") == 0
    record = tmp_path / "in" / "a" / RECORD_NAME
    good = record.read_text()
    record.write_text(content)
    assert separate(song, "-o", tmp_path / "in") == 0
    assert "complete already" not in capsys.readouterr().out
    assert json.loads(record.read_text()) == json.loads(good)


def test_a_folder_in_the_place_of_a_record_is_said_before_any_work(tmp_path, capsys):
    song = write_song(tmp_path / "a.wav")
    (tmp_path / "out" / "a" / RECORD_NAME).mkdir(parents=True)
    assert separate(song, "-o", tmp_path / "out") == 1
    assert f"{RECORD_NAME} is a folder; remove it" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out" / "a").iterdir()] == [RECORD_NAME]


def test_stale_partials_go_though_the_song_is_complete(tmp_path, capsys):
    song = write_song(tmp_path / "a.wav")
    assert separate(song, "-o", tmp_path / "out") == 0
    left = tmp_path / "out" / "a" / ".bass.wav.0123abcd.partial"
    left.write_bytes(b"half a stem")
    assert separate(song, "-o", tmp_path / "out") == 0
    assert left.exists()  # a run may still be writing it
    long_ago = time.time() - 7200
    os.utime(left, (long_ago, long_ago))
    assert separate(song, "-o", tmp_path / "out") == 0
    assert capsys.readouterr().out.count("complete already") == 2
    assert not left.exists()


@pytest.mark.parametrize(
    ("backend", "audio_format"), [("torch", "wav16"), ("openvino", "wav"), ("openvino", "wav24")]
)
def test_two_runs_write_the_same_bytes(tmp_path, backend, audio_format):
    if backend == "openvino":
        pytest.importorskip("openvino", reason="the optional backend is not installed")
    song = write_song(tmp_path / "a.wav")
    command = [sys.executable, "-m", "zoo", "separate", song, "-f", audio_format]
    command += ["-m", "lightsaft_tfctdf_tiny", "--device", "cpu", "--backend", backend]
    written = []
    for name in ("first", "second"):
        environment = os.environ | {"LIGHTSAFT_ZOO_CACHE": str(tmp_path / "cache" / name)}
        output = ["-o", tmp_path / name]
        subprocess.run([*command, *output], check=True, env=environment, capture_output=True)
        files = sorted((tmp_path / name / "a").iterdir())
        written.append({path.name: path.read_bytes() for path in files})
    assert sorted(written[0]) == ["bass.wav", "drums.wav", "other.wav", RECORD_NAME, "vocals.wav"]
    assert written[0] == written[1]


class TestJson:
    def test_plain_data_comes_as_it_is(self, tmp_path):
        (tmp_path / "a.json").write_bytes(b'{"a": [1, 2.5, null, true, "\xc3\xbc"]}')
        assert read_json(tmp_path / "a.json") == {"a": [1, 2.5, None, True, "\u00fc"]}

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"[NaN]", "here: no JSON of ours: NaN is no number"),
            (b"[-Infinity]", "-Infinity is no number"),
            (b"\xff", "can't decode"),
            (b"[" * 100_000, "nested too deeply"),
            (b"{'a': 1}", "line 1 column 2"),
        ],
    )
    def test_what_is_refused_is_said_with_its_place(self, content, message):
        with pytest.raises(LookupError, match=message):
            parse_json(content, origin="here", error=LookupError)

    def test_too_large_a_file_and_no_file_at_all(self, tmp_path):
        (tmp_path / "a.json").write_bytes(b"[]" + b" " * 10)
        with pytest.raises(ValueError, match=r"a\.json: larger than 11 bytes"):
            read_json(tmp_path / "a.json", max_bytes=11)
        with pytest.raises(ValueError, match="no regular file"):
            read_json(tmp_path)
        with pytest.raises(FileNotFoundError):
            read_json(tmp_path / "b.json")
