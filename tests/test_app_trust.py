"""What a stranger sends costs little: arguments, memory, folders, who is there."""

import math
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from app_server import MODEL, tiny_config
from long_songs import draw, read_a_second
from memory import peak_bytes
from signals import chirp, write

from zoo.audio.spectrogram_figure import SignalBlocks, draw_spectrograms
from zoo.ui.arguments import check_choice, check_number, check_sources
from zoo.ui.models import ModelShelf
from zoo.ui.request_folders import RequestFolders
from zoo.ui.services import Services
from zoo.ui.songs import SongError, check_song
from zoo.ui.visitors import ARRIVAL_SECONDS, Visitors, client_address

SOURCES = ("vocals", "drums", "bass", "other")


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "served"))
    return tmp_path / "served"


def folders(**bounds):
    return RequestFolders(**{"max_age_seconds": 100.0, "max_bytes": 1e9, **bounds})


def fill(folder, *, num_bytes=1000, age=0.0, name="vocals.flac"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"x" * num_bytes)
    touch(folder, age=age)
    return folder


def touch(folder, *, age):
    now = folder.stat().st_mtime
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (now - age, now - age), follow_symlinks=False)


# --- arguments


@pytest.mark.parametrize(
    "value",
    [None, True, "1", [], {}, math.nan, math.inf, -math.inf, 1e308, -1, 10**400, 420.5],
    ids=str,
)
def test_what_is_no_number_of_the_range_is_refused_in_a_sentence(value):
    with pytest.raises(SongError, match=r"^From must be a number from 0 to 420; got .+\.$"):
        check_number(value, what="From", high=420)


@pytest.mark.parametrize("value", [0, 0.5, 420, 420.0])
def test_numbers_of_the_range_pass(value):
    assert check_number(value, what="From", high=420) == value


def test_a_number_without_an_upper_bound_is_still_no_infinity():
    for value in (math.inf, 1e308, 10**5000):
        with pytest.raises(SongError, match="a number of at least 0"):
            check_number(value, what="From")


@pytest.mark.parametrize("value", [None, 7, ["log"], {"log": 1}, "LOG", "x" * 10_000], ids=type)
def test_what_is_no_choice_is_refused_shortly(value):
    with pytest.raises(SongError, match="must be one of log, mel; got") as caught:
        check_choice(value, ("log", "mel"), what="Frequency axis")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "must be a list"),
        ("vocals", "must be a list"),
        ({"vocals": 1}, "must be a list"),
        ([], "at least one"),
        (["vocals"] * 1000, "vocals is asked for twice"),
        (["drums", "vocals", "drums"], "drums is asked for twice"),
        (["vocals", "kazoo"], "cannot separate 'kazoo'"),
        (["vocals", None], "cannot separate nothing"),
        ([["vocals"]], "cannot separate a list"),
        ([float("nan")], "cannot separate nan"),
    ],
)
def test_sources_are_some_of_those_known_each_once(value, message):
    with pytest.raises(SongError, match=message):
        check_sources(value, SOURCES, model="net")


def test_sources_keep_their_order():
    assert check_sources(["drums", "vocals"], SOURCES, model="net") == ("drums", "vocals")


# --- songs


def flac_of_rate(path, sample_rate, *, seconds=1.0, channels=2):
    soundfile.write(path, np.zeros((round(seconds * sample_rate), channels)), sample_rate)
    return path


def test_rates_beyond_the_limit_are_refused_by_the_header(tmp_path):
    path = flac_of_rate(tmp_path / "a.flac", 655_350)
    with pytest.raises(SongError, match=r"655\.35 kHz; this page takes up to 192 kHz"):
        check_song(path, tiny_config().limits)


def test_samples_are_bounded_whatever_the_rate(tmp_path):
    path = flac_of_rate(tmp_path / "a.flac", 192_000, seconds=3.0)
    limits = tiny_config(max_megasamples=1.0).limits
    with pytest.raises(SongError, match=r"At 192 kHz this page takes songs of up to 0\.0 minutes"):
        check_song(path, limits)


def test_samples_are_bounded_where_the_header_does_not_count_them(tmp_path):
    path = write(tmp_path / "a.wav", chirp(seconds=3.0))
    content = bytearray(path.read_bytes())
    length = content.index(b"data") + 4
    content[length : length + 4] = b"\xff\xff\xff\xff"  # a data chunk of unknown length
    content[4:8] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    with pytest.raises(SongError, match="this page takes songs of up to"):
        check_song(path, tiny_config(max_megasamples=0.1).limits)


def test_a_song_is_a_regular_file(tmp_path):
    limits = tiny_config().limits
    real = write(tmp_path / "a.wav", chirp(seconds=0.1))
    (tmp_path / "link.wav").symlink_to(real)
    os.mkfifo(tmp_path / "pipe.wav")
    for path in (tmp_path, tmp_path / "link.wav", tmp_path / "pipe.wav"):
        with pytest.raises(SongError, match="This is no file"):
            check_song(path, limits)
    with pytest.raises(SongError, match="no longer on the server"):
        check_song(tmp_path / "gone.wav", limits)


@pytest.fixture(scope="module")
def long_song(tmp_path_factory):
    """40 s at 192 kHz: 61 MB of samples in the memory, 31 MB as float32 of a channel."""
    path = tmp_path_factory.mktemp("long") / "long.flac"
    return flac_of_rate(path, 192_000, seconds=40.0)


def test_a_spectrogram_holds_no_more_than_a_block_of_the_song(long_song):
    assert peak_bytes(draw, long_song) < 30e6


def test_a_clip_holds_no_more_than_itself_and_a_block(long_song):
    assert peak_bytes(read_a_second, long_song) < 10e6


def test_blocks_are_drawn_as_the_whole_signal():
    samples = chirp(seconds=2.0)
    blocks = [samples[:, i : i + 10_000] for i in range(0, samples.shape[1], 10_000)]
    signal = SignalBlocks(blocks=blocks, num_channels=2, num_samples=samples.shape[1])
    pictures = [
        draw_spectrograms(
            {"a": panel}, sample_rate=44_100, scale="mel", range_db=80, start=0.3, end=1.1
        )
        .axes[0]
        .images[0]
        .get_array()
        for panel in (samples, signal)
    ]
    np.testing.assert_allclose(pictures[0], pictures[1], atol=1e-3)


def test_what_threads_freed_is_given_back_after_a_request(monkeypatch):
    given = []
    monkeypatch.setattr("zoo.ui.visitors.give_back_memory", lambda: given.append(True))
    visitors = Visitors()

    def fails():
        raise SongError("no")

    def states():
        yield 1
        yield 2

    with pytest.raises(SongError):
        visitors.attended(fails)()
    assert len(given) == 1
    stream = visitors.attended(states)()
    assert next(stream) == 1
    stream.close()
    assert len(given) == 2


# In a process of its own: what other tests left running takes memory as it likes.
FILL_AND_FREE = """
import os, sys, threading
from pathlib import Path
import numpy as np
from zoo.records.memory import give_back_memory

def resident():
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

def fill():
    blocks = [np.ones(20_000, np.float32) for _ in range(2000)]  # too small for maps of their own
    del blocks[::2]
    blocks.clear()

give_back_memory()
before = resident()
threads = [threading.Thread(target=fill) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
kept = resident() - before
give_back_memory()
print(kept, resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="measures the memory by Linux's means")
def test_freed_memory_goes_back_to_the_system():
    printed = subprocess.run(
        [sys.executable, "-c", FILL_AND_FREE], capture_output=True, text=True, check=True
    )
    _, still_resident = map(float, printed.stdout.split())
    assert still_resident < 40


# --- folders


def test_old_entries_are_deleted_and_new_ones_stay(root):
    mine = folders()
    old, young = mine.new(), mine.new()
    fill(old, age=200)
    fill(young, age=50)
    upload = fill(root / "c0ffee", age=200)
    mine.sweep()
    assert not old.exists()
    assert not upload.exists()
    assert (young / "vocals.flac").exists()


def test_the_sweep_goes_on_past_whatever_it_meets(root, tmp_path):
    outside = fill(tmp_path / "outside", age=500)
    mine = folders()
    folder = fill(mine.new())
    (folder / "link").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    (folder / "deep" / "er").mkdir(parents=True)
    touch(folder, age=500)
    (root / "dangling").symlink_to(tmp_path / "nothing")
    os.utime(root / "dangling", (0, 0), follow_symlinks=False)
    (root / "file").write_text("x")
    os.utime(root / "file", (0, 0))
    last = fill(root / "zzz", age=500)
    mine.sweep()
    assert list(root.iterdir()) == []
    assert not last.exists()
    assert (outside / "vocals.flac").exists()


def test_what_is_worked_on_or_kept_is_not_swept(root):
    kept = fill(root / "example", age=500)
    mine = folders(kept=lambda: [str(kept / "vocals.flac"), "/elsewhere/a.flac"])
    busy = fill(mine.new(), age=500)
    with mine.at_work(busy):
        mine.sweep()
        assert busy.exists()
        assert kept.exists()
    mine.sweep()
    assert not busy.exists()
    assert kept.exists()


def test_beyond_the_total_the_oldest_finished_go_first(root):
    mine = folders(max_bytes=4e6)
    ages = (30, 20, 10)
    made = [fill(mine.new(), num_bytes=1_000_000, age=age) for age in ages]
    upload = fill(root / "c0ffee", num_bytes=1000, age=40)  # it may be waiting in the queue
    assert mine.make_room(1_500_000)
    assert [folder.exists() for folder in made] == [False, True, True]
    assert upload.exists()


def test_there_is_no_room_where_all_is_worked_on(root):
    mine = folders(max_bytes=1.5e6)
    busy = fill(mine.new(), num_bytes=1_000_000)
    with mine.at_work(busy):
        assert not mine.make_room(1_000_000)
        assert busy.exists()
    assert mine.make_room(1_000_000)
    assert not busy.exists()


def test_pieces_go_when_the_result_is_complete(root):
    mine = folders(max_age_seconds=1000)
    done, busy = mine.new(), mine.new()
    for folder in (done, busy):
        fill(folder / "from-0", age=200)
        fill(folder, age=200)
    with mine.at_work(busy):
        mine.sweep()
        assert (busy / "from-0").exists()
    assert not (done / "from-0").exists()
    assert (done / "vocals.flac").exists()


def test_the_end_of_the_app_deletes_what_it_made_and_nothing_else(root):
    mine, other = folders(), folders()
    theirs = fill(other.new())
    with mine.swept():
        own = fill(mine.new())
    assert not own.exists()
    assert theirs.exists()


def test_a_song_waits_for_room_in_a_clear_sentence(root, tmp_path, monkeypatch):
    monkeypatch.setattr("zoo.ui.separate.ROOM_PATIENCE", 2)
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: None)
    monkeypatch.setattr("zoo.ui.separate.time", clock)  # that of other threads goes on
    config = tiny_config(disk_gigabytes=1e-6)
    services = Services(config=config, shelf=ModelShelf(config))
    song = write(tmp_path / "a.wav", chirp(seconds=0.5))
    states = services.separate(str(song), MODEL, ["vocals"], "flac")
    assert next(states).progress.stage == "Waiting for room on the disk"
    with pytest.raises(SongError, match="no room for another song; try again"):
        list(states)


# --- visitors


def test_nobody_waits_when_the_stream_is_closed(monkeypatch):
    now = [1000.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr("zoo.ui.visitors.time", clock)  # that of other threads goes on
    visitors = Visitors()
    assert not visitors.is_gone("never asked by HTTP")
    assert not visitors.is_gone(None)
    visitors.asked("a")
    assert not visitors.is_gone("a")  # its stream may still come
    visitors.opened("a")
    visitors.opened("a")
    now[0] += 10 * ARRIVAL_SECONDS
    visitors.closed("a")
    assert not visitors.is_gone("a")
    visitors.closed("a")
    assert visitors.is_gone("a")


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("9.9.9.9", "", "9.9.9.9"),
        ("9.9.9.9", "6.6.6.6", "9.9.9.9"),
        ("10.0.0.1", "6.6.6.6, 9.9.9.9", "9.9.9.9"),
        ("10.0.0.1", "6.6.6.6, 9.9.9.9, 172.16.0.1", "9.9.9.9"),
        ("127.0.0.1", "", ""),
        ("", "junk, <script>, 300.1.1.1", ""),
        ("::1", "2606:4700::1111", "2606:4700::1111"),
    ],
)
def test_a_client_is_known_by_the_last_public_address(peer, forwarded, address):
    assert client_address(peer, forwarded) == address
