"""Many songs in one run: the network never waits, and nothing else changes."""

import threading

import numpy as np
import pytest
import soundfile
from fake_networks import Gains, Smoothing
from signals import RATE, noise, write, write_song
from waiting import PATIENCE

import zoo
from zoo.audio import find_format, open_audio
from zoo.audio.reading_ahead import read_ahead
from zoo.separation.album import separate_songs
from zoo.separation.files import FileSeparation, separate_file
from zoo.separation.job import SeparationJob
from zoo.separation.planning import PlannedSong


def make_job(network, audio_format="wav"):
    separator = zoo.Separator(network, device="cpu")
    return SeparationJob(separator=separator, audio_format=find_format(audio_format))


@pytest.fixture
def songs(tmp_path):
    paths = [
        write_song(tmp_path / f"{name}.wav", seconds=0.4, seed=seed)
        for seed, name in enumerate("abcd")
    ]
    return [PlannedSong(path=path, folder=tmp_path / "out" / path.stem) for path in paths]


@pytest.fixture
def threads(monkeypatch):
    """The threads that the test starts, and those that they start; others come and go."""
    started, start = [], threading.Thread.start
    here = threading.current_thread()

    def watched(thread):
        if threading.current_thread() in (here, *started):
            started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", watched)
    return started


def are_alive(threads):
    return [thread.is_alive() for thread in threads]


@pytest.mark.parametrize("audio_format", ["wav", "wav16"])
def test_the_samples_are_those_of_one_file_at_a_time(tmp_path, songs, audio_format):
    job = make_job(Smoothing(gains={"vocals": 3.0}), audio_format)
    outcomes = list(separate_songs(job, songs))
    assert [outcome.song for outcome in outcomes] == songs
    for song in songs:
        separate_file(job, song.path, tmp_path / "alone" / song.path.stem)
        for stem in job.stem_names:
            found = (song.folder / f"{stem}.wav").read_bytes()
            assert found == (tmp_path / "alone" / song.path.stem / f"{stem}.wav").read_bytes()


def test_the_next_song_is_decoded_while_the_network_works(songs, monkeypatch):
    prepared = {song.path: threading.Event() for song in songs}
    prepare = FileSeparation.prepare

    def watched(separation):
        result = prepare(separation)
        prepared[separation._path].set()
        return result

    class Waiting(Gains):
        def __deepcopy__(self, memo):
            return self

        def forward(self, mixture, *, sources):
            assert prepared[songs[1].path].wait(PATIENCE)
            return super().forward(mixture, sources=sources)

    monkeypatch.setattr(FileSeparation, "prepare", watched)
    outcomes = list(separate_songs(make_job(Waiting()), songs[:2]))
    assert [outcome.error for outcome in outcomes] == [None, None]


def test_the_last_song_is_encoded_while_the_network_works(songs, monkeypatch):
    encoding, computing = threading.Event(), threading.Event()
    finish = FileSeparation.finish

    def watched(separation):
        if separation._path == songs[0].path:
            encoding.set()
            assert computing.wait(PATIENCE)
        return finish(separation)

    class Waiting(Gains):
        is_second = False

        def __deepcopy__(self, memo):
            return self

        def forward(self, mixture, *, sources):
            if self.is_second:
                assert encoding.wait(PATIENCE)
                computing.set()
            self.is_second = True
            return super().forward(mixture, sources=sources)

    monkeypatch.setattr(FileSeparation, "finish", watched)
    outcomes = list(separate_songs(make_job(Waiting()), songs[:2]))
    assert [outcome.error for outcome in outcomes] == [None, None]


def test_three_songs_are_in_hand_at_most(songs, monkeypatch):
    open_songs, most = set(), 0
    prepare, close = FileSeparation.prepare, FileSeparation.close

    def watch_prepare(separation):
        nonlocal most
        open_songs.add(separation)
        most = max(most, len(open_songs))
        return prepare(separation)

    def watch_close(separation):
        open_songs.discard(separation)
        close(separation)

    monkeypatch.setattr(FileSeparation, "prepare", watch_prepare)
    monkeypatch.setattr(FileSeparation, "close", watch_close)
    assert len(list(separate_songs(make_job(Gains()), songs * 3))) == 12
    assert most <= 3
    assert not open_songs


def test_one_song_that_fails_stops_no_other_and_keeps_its_place(tmp_path, songs):
    songs[1].path.write_bytes(b"no audio")
    cut = songs[2].path
    cut.write_bytes(cut.read_bytes()[:9000])
    missing = PlannedSong(path=tmp_path / "missing.wav", folder=tmp_path / "out" / "missing")
    outcomes = list(separate_songs(make_job(Gains()), [*songs, missing]))
    reasons = ["", "not readable as audio", "cut off", "", "no such file"]
    for outcome, reason in zip(outcomes, reasons, strict=True):
        assert (outcome.result is None) == bool(reason)
        assert reason in str(outcome.error or "")
    assert not [path for path in tmp_path.rglob("*") if "partial" in path.name]


def test_progress_is_told_song_by_song(songs):
    told = []
    for _ in separate_songs(make_job(Gains()), songs, progress=told.append):
        pass
    order = [report.song for report in told]
    assert sorted(range(len(order)), key=lambda i: songs.index(order[i])) == list(range(len(order)))
    for song in songs:
        fractions = [report.fraction for report in told if report.song is song]
        assert fractions == sorted(fractions)
        assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_an_interrupted_run_ends_its_threads_and_leaves_no_part_of_a_file(tmp_path, songs, threads):
    def interrupt():
        for _ in separate_songs(make_job(Gains()), songs):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert threads
    assert not any(are_alive(threads))
    assert sorted(path.name for path in (tmp_path / "out" / "a").iterdir())[-1] == "vocals.wav"
    assert not [path for path in tmp_path.rglob("*") if "partial" in path.name]


def test_reading_ahead_gives_the_same_blocks_and_decodes_a_bounded_number(tmp_path):
    samples = noise(10 * 1000)
    soundfile.write(tmp_path / "a.wav", samples.T, RATE, subtype="FLOAT")
    taken = []

    class Counted:
        def __init__(self, reader):
            self.info, self.warnings, self.max_values = reader.info, [], reader.max_values
            self._reader = reader

        def blocks(self):
            for block in self._reader.blocks(1000):
                taken.append(block)
                yield block

        def close(self):
            self._reader.close()

    reader = Counted(open_audio(tmp_path / "a.wav"))
    with read_ahead(reader, num_blocks=2) as ahead:
        blocks = ahead.blocks(1000)
        first = next(blocks)
        # Two in the queue, one that waits for room, one that was taken out.
        assert len(taken) <= 4
        found = np.concatenate([first, *blocks], axis=1)
    np.testing.assert_array_equal(found, samples)


def test_an_error_of_decoding_comes_where_the_blocks_are_read(tmp_path):
    samples = noise(4 * RATE)
    samples[0, 3 * RATE] = np.nan
    path = write(tmp_path / "a.wav", samples)
    with open_audio(path) as reader, read_ahead(reader) as ahead:
        blocks = ahead.blocks()
        next(blocks)
        with pytest.raises(zoo.AudioError, match=r"3\.000 s. is NaN"):
            list(blocks)


def test_closing_early_ends_the_thread(tmp_path, threads):
    path = write_song(tmp_path / "a.wav", seconds=20)
    with read_ahead(open_audio(path), num_blocks=1) as ahead:
        next(ahead.blocks())
        assert are_alive(threads) == [True]
    assert are_alive(threads) == [False]
