"""Beats and key of a result, as a page fetches them: found out once, and gone with its files."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from app_server import MODEL, get, running_app, visit
from gradio_client import handle_file
from signals import RATE, chirp, write

pytest.importorskip("librosa", reason="the analysis needs: pip install librosa")

from zoo.ui import song_analysis
from zoo.ui.lanes import write_original
from zoo.ui.mixer_state import MixerProgress, MixerState, message
from zoo.ui.request_folders import RequestFolders
from zoo.ui.song_analysis import analysis_address, read_analysis
from zoo.ui.songs import SongError

FOLDERS = RequestFolders(max_age_seconds=100.0, max_bytes=1e9)


def clicks(bpm, *, seconds, rate=RATE):
    """Bursts of 20 ms in stereo, the first one after 0.25 s."""
    samples = np.zeros((2, round(seconds * rate)), np.float32)
    time = np.arange(rate // 50) / rate
    for start in np.arange(0.25, seconds - 0.1, 60 / bpm):
        first = round(start * rate)
        samples[:, first : first + len(time)] = 0.5 * np.sin(2 * np.pi * 1000 * time)
    return samples


def result(folder, samples, *, rate=RATE, drums=None):
    """A complete result with an original and, where asked for, a lane of drums."""
    shape = {"sample_rate": rate, "num_channels": 2, "num_samples": samples.shape[-1]}
    folder.mkdir()
    original, _ = write_original(folder, [samples], **shape)
    lanes = [original]
    if drums is not None:
        (folder / "of_drums").mkdir()
        lane, _ = write_original(folder / "of_drums", [drums], **shape)
        lanes.append(lane.model_copy(update={"name": "drums", "kind": "stem"}))
    return MixerState(id="0" * 40, sample_rate=rate, lanes=lanes)


def analysis(state):
    return json.loads(read_analysis(state, FOLDERS))


@pytest.mark.parametrize("rate", [8_000, 44_100, 192_000])
def test_the_beats_of_a_song_of_any_rate(tmp_path, rate):
    found = analysis(result(tmp_path / "a", clicks(133, seconds=12, rate=rate), rate=rate))
    assert found["beats"]["bpm"] == pytest.approx(133, rel=0.01)
    times = np.array(found["beats"]["times"])
    assert np.abs(times[:, None] - np.arange(0.25, 11.5, 60 / 133)).min(axis=0).max() < 0.03
    assert found["beats"]["sureness"] == "sure"
    assert found["key"] is None


def test_the_drums_of_a_result_are_heard(tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.3, (2, 12 * RATE)).astype(np.float32)
    drums = 0.1 * clicks(120, seconds=12)
    assert analysis(result(tmp_path / "a", noise + drums))["beats"] is None
    state = result(tmp_path / "b", noise + drums, drums=drums)
    assert analysis(state)["beats"]["bpm"] == pytest.approx(120, rel=0.01)


@pytest.mark.parametrize("num_samples", [1, RATE])
def test_of_a_song_that_is_too_short_nothing_is_known(tmp_path, num_samples):
    state = result(tmp_path / "a", chirp(seconds=2.0)[:, :num_samples])
    assert analysis(state) == {"beats": None, "key": None}


def test_it_is_found_out_once_and_kept_beside_the_files(tmp_path, monkeypatch):
    state = result(tmp_path / "a", clicks(120, seconds=6))
    first = analysis(state)
    monkeypatch.setattr(song_analysis, "_analyse", lambda *_, **__: pytest.fail("again"))
    assert analysis(state) == first
    assert (tmp_path / "a" / "analysis.json").exists()


def test_a_result_that_is_not_complete_or_gone_is_said(tmp_path):
    state = result(tmp_path / "a", clicks(120, seconds=6))
    working = MixerProgress(fraction=0.5, doing=message("stage.separating"))
    with pytest.raises(SongError, match="still being separated"):
        read_analysis(state.model_copy(update={"progress": working}), FOLDERS)
    with pytest.raises(SongError, match="still being separated"):
        read_analysis(state.model_copy(update={"lanes": []}), FOLDERS)
    (tmp_path / "a" / "original.flac").unlink()
    with pytest.raises(SongError, match="separate the song again"):
        read_analysis(state, FOLDERS)


def test_the_app_answers_many_at_once_and_works_once(tmp_path, monkeypatch):
    calls = []

    def counted(*lanes, **rate):
        calls.append(lanes)
        return analyse(*lanes, **rate)

    analyse = song_analysis._analyse
    monkeypatch.setattr(song_analysis, "_analyse", counted)
    song = write(tmp_path / "Clicks.wav", clicks(120, seconds=6))
    with running_app(tmp_path / "served") as url:
        client = visit(url, download_files=str(tmp_path / "downloads"))
        state = client.predict(
            song=handle_file(song),
            model=MODEL,
            sources=["drums"],
            file_format="flac",
            api_name="/separate",
        )
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: get(url + state["analysis"]), range(8)))
        unknown = get(url + analysis_address("1" * 40))
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].json()["beats"]["bpm"] == pytest.approx(120, rel=0.01)
    assert len({answer.text for answer in answers}) == 1
    assert len(calls) == 1
    assert unknown.status_code == 410
