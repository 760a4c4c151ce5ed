"""The app end to end through its API: what comes back, to whom, and what is refused how."""

import importlib.util
import io
import itertools
import json
import logging
import os
import re
import threading
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
from app_server import MODEL, ROOT, get, post, running_app, stream, tiny_config, visit
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from gradio_client.utils import Status
from signals import chirp, read, write
from waiting import PATIENCE, wait_until

import zoo.ui.examples
from zoo.specs.registry import SPECS
from zoo.ui.examples import ExampleSong
from zoo.ui.songs import check_song

FILE_META = {"_type": "gradio.FileData"}
SOURCES = ["vocals", "drums", "bass", "other"]


@pytest.fixture(scope="module")
def uploads(tmp_path_factory):
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def url(uploads):
    with running_app(uploads) as url:
        yield url


@pytest.fixture
def client(url, tmp_path):
    return visit(url, download_files=str(tmp_path / "downloads"))


@pytest.fixture
def song(tmp_path):
    return write(tmp_path / "My song.wav", chirp(seconds=1.5), subtype="PCM_24")


def separate(client, path, *, sources=SOURCES, file_format="flac", submit=False):
    call = client.submit if submit else client.predict
    return call(
        song=handle_file(path),
        model=MODEL,
        sources=sources,
        file_format=file_format,
        api_name="/separate",
    )


def lanes_by_name(state):
    return {lane["name"]: lane for lane in state["lanes"]}


def lane_audio(lane):
    return read(lane["audio"]) * lane["gain"]


@pytest.fixture(scope="module")
def full(url, tmp_path_factory):
    """The states that a full separation of a song streams, and the song."""
    folder = tmp_path_factory.mktemp("full")
    song = write(folder / "My song.wav", chirp(seconds=1.5), subtype="PCM_24")
    client = visit(url, download_files=str(folder / "downloads"))
    return song, list(separate(client, song, file_format="wav24", submit=True))


def test_a_full_separation_sums_to_the_song(full):
    song, states = full
    state = states[-1]
    lanes = lanes_by_name(state)
    assert list(lanes) == ["original", *SOURCES]
    assert state["title"] == "My song"
    assert state["progress"] is None
    total = sum(lane_audio(lanes[source]) for source in SOURCES)
    np.testing.assert_allclose(total, read(song), atol=5 * 2**-23)
    assert state["sum_error_db"] < -100
    assert "Sum of stems" in state["facts"]


def test_the_zip_holds_every_stem_under_the_songs_name(full, url, uploads):
    _, states = full
    content = get(url + states[-1]["archive"]).raise_for_status().content
    assert not list(uploads.rglob("*.zip"))  # it is made while it is fetched
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(f"My song - {s}.wav" for s in SOURCES)


def test_a_zip_of_an_unknown_result_is_said_to_be_gone(url):
    answer = get(f"{url}gradio_api/stems/{'0' * 40}.zip")
    assert answer.status_code == 410
    assert "separate the song again" in answer.text


def test_lanes_grow_together_with_rising_progress(full):
    _, states = full
    growing = [state for state in states if state["lanes"][1]["pieces"]]
    assert len(growing) > 2
    for state in growing:
        original, *stems = state["lanes"]
        assert original["audio"] is not None
        assert original["pieces"] is None
        ends = {tuple(piece["start"] for piece in lane["pieces"]) for lane in stems}
        assert len(ends) == 1
        assert all(lane["audio"] is None for lane in stems)
    counts = [len(state["lanes"][1]["pieces"]) for state in growing]
    assert counts == sorted(counts)
    pieces = growing[-1]["lanes"][1]["pieces"]
    assert pieces[0]["start"] == 0
    for before, after in itertools.pairwise(pieces):
        assert before["start"] + before["seconds"] == pytest.approx(after["start"], abs=1e-9)
    assert pieces[-1]["start"] + pieces[-1]["seconds"] == pytest.approx(1.5)
    assert {tuple(lane["pieces"] or ()) for lane in states[-1]["lanes"]} == {()}
    fractions = [state["progress"]["fraction"] for state in states[:-1]]
    assert fractions == sorted(fractions)
    assert all(0 < fraction <= 1 for fraction in fractions)
    stages = {state["progress"]["stage"] for state in states[:-1]}
    assert stages == {"Separating", "Writing the files"}
    assert all((state["progress"]["seconds_left"] or 0) >= 0 for state in states[:-1])


@pytest.mark.parametrize(
    ("file_format", "container", "subtype"),
    [
        ("flac", "FLAC", "PCM_24"),
        ("wav", "WAV", "FLOAT"),
        ("mp3", "MP3", "MPEG_LAYER_III"),
        ("ogg", "OGG", "VORBIS"),
    ],
)
def test_downloads_come_in_the_format_asked_for(client, song, file_format, container, subtype):
    state = separate(client, song, sources=["drums"], file_format=file_format)
    info = soundfile.info(lanes_by_name(state)["drums"]["download"])
    assert (info.format, info.subtype) == (container, subtype)


def test_some_sources_leave_the_rest_of_the_song(client, song):
    lanes = lanes_by_name(separate(client, song, sources=["vocals"]))
    assert list(lanes) == ["original", "vocals", "rest"]
    assert lanes["rest"]["title"] == "Without vocals"
    total = lane_audio(lanes["vocals"]) + lane_audio(lanes["rest"])
    np.testing.assert_allclose(total, read(song), atol=3 * 2**-23)


def test_a_mono_48_khz_song_comes_back_as_it_went_in(client, tmp_path):
    samples = chirp(seconds=1.0, channels=1, rate=48_000)
    path = write(tmp_path / "mono.flac", samples, 48_000)
    lane = lanes_by_name(separate(client, path, sources=["bass"]))["bass"]
    info = soundfile.info(lane["download"])
    assert (info.samplerate, info.channels, info.frames) == (48_000, 1, 48_000)


def test_a_stem_beyond_full_scale_keeps_its_level_in_the_mixer(client, tmp_path):
    path = write(tmp_path / "loud.wav", np.clip(chirp(seconds=1.0) * 8, -1, 1))
    lanes = lanes_by_name(separate(client, path, sources=["drums"]))
    assert max(lane["gain"] for lane in lanes.values()) > 1
    total = lane_audio(lanes["drums"]) + lane_audio(lanes["rest"])
    np.testing.assert_allclose(total, read(path), atol=1e-5)


def test_an_example_is_separated_once_and_then_known(client, tmp_path, monkeypatch):
    path = write(tmp_path / "ours.wav", chirp(seconds=0.6, low=333.0))
    example = ExampleSong(title="Ours", label="Ours (short)", path=path)
    monkeypatch.setattr(zoo.ui.examples, "EXAMPLES", (example,))
    first = list(separate(client, path, sources=["bass"], submit=True))
    assert len(first) > 1
    title = SPECS[MODEL].title
    assert first[-1]["summary"].startswith(f"{title} \u00b7 1 s \u00b7 separated in ")
    for _ in range(2):
        (again,) = separate(client, path, sources=["bass"], submit=True)
        assert again["id"] == first[-1]["id"]
        assert again["title"] == "Ours"
        assert again["summary"] == f"{first[-1]['summary']} \u00b7 kept from an earlier visit"


def test_a_blend_of_one_source_is_that_source(client, song):
    weights = {"vocals": 0.0, "drums": 1.0, "bass": 0.0, "other": 0.0}
    state = client.predict(
        song=handle_file(song), model=MODEL, start=0, **weights, api_name="/blend"
    )
    lanes = lanes_by_name(state)
    assert list(lanes) == ["original", "blend", "exact"]
    np.testing.assert_allclose(lane_audio(lanes["blend"]), lane_audio(lanes["exact"]), atol=1e-4)


def test_a_blend_needs_a_source(client, song):
    weights = dict.fromkeys(SOURCES, 0.0)
    with pytest.raises(AppError, match="Turn up at least one source"):
        client.predict(song=handle_file(song), model=MODEL, start=0, **weights, api_name="/blend")


def test_pictures_are_pngs(client, song):
    spectrogram = client.predict(
        song=handle_file(song), scale="mel", range_db=60, start=0.5, end=1, api_name="/spectrogram"
    )
    attention = client.predict(song=handle_file(song), model=MODEL, start=0, api_name="/attention")
    for path in (spectrogram, attention):
        assert Path(path).read_bytes().startswith(b"\x89PNG")


def test_a_time_span_outside_the_song_is_said(client, song):
    with pytest.raises(AppError, match=r"there is nothing; the song has 1\.5 s"):
        client.predict(
            song=handle_file(song),
            scale="log",
            range_db=60,
            start=9,
            end=0,
            api_name="/spectrogram",
        )


def test_models_are_listed_and_described(client):
    models = {model["name"]: model for model in client.predict(api_name="/models")}
    assert len(models) >= 14
    assert models[MODEL]["offered"] is True
    assert models["lasaft"]["offered"] is False
    assert models["lightsaft_tfctdf"]["parameters"] == 2_040_372
    info = client.predict(name="lightsaft_tfctdf", api_name="/model_info")
    assert info["spec"]["unet"]["depth"] == 4
    assert info["metrics"]["mdx2021"][0]["measured_by"] == "published"
    with pytest.raises(AppError, match="There is no model 'nope'"):
        client.predict(name="nope", api_name="/model_info")


def test_every_public_name_is_documented(url):
    endpoints = get(f"{url}gradio_api/info").json()["named_endpoints"]
    assert set(endpoints) == {
        "/separate",
        "/blend",
        "/find_by_example",
        "/spectrogram",
        "/attention",
        "/models",
        "/model_info",
    }
    for endpoint in endpoints.values():
        assert len(endpoint["description"]) > 40
    names = [parameter["parameter_name"] for parameter in endpoints["/blend"]["parameters"]]
    assert names == ["song", "model", "start", *SOURCES]


@pytest.mark.skipif(
    importlib.util.find_spec("mcp") is None, reason="needs: pip install 'gradio[mcp]'"
)
def test_assistants_find_the_same_functions(url):
    tools = {tool["name"]: tool for tool in get(f"{url}gradio_api/mcp/schema").json()}
    assert set(tools) == {
        "separate",
        "blend",
        "find_by_example",
        "spectrogram",
        "attention",
        "models",
        "model_info",
    }
    song = tools["separate"]["inputSchema"]["properties"]["song"]
    assert song["description"] == "An audio file: WAV, FLAC, MP3, OGG, Opus or AIFF."


def hostile_files(folder: Path) -> dict[str, tuple[Path, str]]:
    """Files that are no songs, and what the visitor is told."""
    empty = folder / "empty.wav"
    empty.touch()
    text = folder / "text.mp3"
    text.write_text("no audio at all\n" * 50, encoding="utf-8")
    archive = folder / "renamed.flac"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a.txt", "a" * 5000)
    not_read = "could not be read as audio"
    return {
        "empty": (empty, not_read),
        "text": (text, not_read),
        "zip": (archive, not_read),
        "three hours": (three_hour_header(folder / "long.flac"), "songs of up to 7 minutes"),
        "six channels": (
            write(folder / "six.wav", np.zeros((6, 1000), np.float32)),
            "6 channels; mix it down",
        ),
    }


def three_hour_header(path: Path) -> Path:
    """A short FLAC file whose header promises three hours."""
    write(path, chirp(seconds=0.5))
    data = bytearray(path.read_bytes())
    samples = 3 * 3600 * 44_100
    # STREAMINFO: the last 36 of the 8 bytes from byte 18 on count the samples.
    packed = int.from_bytes(data[18:26], "big") >> 36 << 36 | samples
    data[18:26] = packed.to_bytes(8, "big")
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("kind", ["empty", "text", "zip", "three hours", "six channels"])
def test_what_is_no_song_is_refused_kindly(client, tmp_path, kind):
    path, message = hostile_files(tmp_path)[kind]
    with pytest.raises(AppError) as caught:
        separate(client, path)
    assert message in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_script_in_a_file_name_stays_text(client, tmp_path):
    path = write(tmp_path / "<img src=x onerror=alert(1)>&.wav", chirp(seconds=0.6))
    state = separate(client, path, sources=["vocals"])
    assert not set("<>=") & set(state["title"])
    assert "img src" in state["title"]


@pytest.mark.parametrize("path", ["/etc/passwd", str(ROOT / "pyproject.toml"), "../../app.py"])
def test_a_path_that_was_not_uploaded_is_refused(url, path):
    data = [{"path": path, "meta": FILE_META}, MODEL, ["vocals"], "flac"]
    event = post(f"{url}gradio_api/call/separate", json={"data": data}).json()["event_id"]
    answer = get(f"{url}gradio_api/call/separate/{event}").text
    assert "event: error" in answer
    assert "root:" not in answer
    assert "event: complete" not in answer


def call_private(url, name, data, session):
    """Call an event of the page itself by its index; returns what its end says."""
    config = get(f"{url}config").json()
    event = next(item for item in config["dependencies"] if item["api_name"] == name)
    call = {"data": data, "fn_index": event["id"], "session_hash": session}
    post(f"{url}gradio_api/queue/join", json=call).raise_for_status()
    feed_url = f"{url}gradio_api/queue/data?session_hash={session}"
    with stream("GET", feed_url) as feed:
        lines = [line[5:] for line in feed.iter_lines() if line.startswith("data:")]
    events = [json.loads(line) for line in lines]
    return next(event for event in events if event["msg"] == "process_completed")


def test_the_look_tab_draws_a_result_by_its_id(full, url):
    _, states = full
    answer = call_private(url, "look", [states[-1]["id"], "log", 60, 0, 0], "owner")
    assert answer["success"]
    assert answer["output"]["data"][0]["path"].endswith("spectrograms.png")


FORGED_LANE = {
    "name": "a",
    "kind": "original",
    "title": "Visit evil.example",
    "audio": {"path": "http://evil.example/a.flac", "is_stream": True, "meta": FILE_META},
}
FORGED = {"id": "f" * 40, "lanes": [FORGED_LANE], "sample_rate": 44_100, "progress": {}}


@pytest.mark.parametrize("name", ["stop", "look"])
@pytest.mark.parametrize("sent", [FORGED, "f" * 40, "../../etc", None, 7, ["a"] * 1000])
def test_only_results_that_the_server_holds_come_back(url, name, sent):
    rest = [] if name == "stop" else ["log", 60, 0, 0]
    answer = call_private(url, name, [sent, *rest], "thief")
    assert not answer["success"]
    assert "evil" not in json.dumps(answer)
    config = get(f"{url}config", headers={"cookie": "session=thief"}).text
    assert "evil" not in config


def test_deep_links_to_what_a_page_sent_are_not_made(url):
    call_private(url, "stop", [FORGED], "thief2")
    answer = get(f"{url}gradio_api/deep_link?session_hash=thief2")
    assert answer.status_code == 404


def test_nothing_is_called_past_the_queue(url):
    for route in ("run", "api"):
        answer = post(f"{url}gradio_api/{route}/separate", json={"data": [None] * 4})
        assert answer.status_code == 404


def test_one_request_uploads_no_more_than_one_song(tmp_path):
    block = ("files", ("a.wav", b"\0" * 900_000))
    with running_app(tmp_path / "served", max_megabytes=1) as url:
        answer = post(f"{url}gradio_api/upload", files=[block] * 3)
        assert answer.status_code == 413
        assert "one at a time" in answer.text
        unsized = post(
            f"{url}gradio_api/upload",
            content=(b"x" * 100_000 for _ in range(30)),
            headers={"content-type": "multipart/form-data; boundary=a"},
        )
        assert unsized.status_code >= 400
        body = {"data": ["x" * 600_000]}
        assert post(f"{url}gradio_api/call/model_info", json=body).status_code == 413
    held = sum(path.stat().st_size for path in (tmp_path / "served").rglob("*") if path.is_file())
    assert held < 2_000_000


def test_an_upload_waits_outside_where_the_disk_is_full(tmp_path):
    with running_app(tmp_path / "served", disk_gigabytes=1e-4) as url:
        answer = post(f"{url}gradio_api/upload", files={"files": ("a.wav", b"\0" * 200_000)})
    assert answer.status_code == 507
    assert "no room" in answer.text


@pytest.fixture
def may_end():
    """What a request waits for that a test holds back."""
    event = threading.Event()
    yield event
    event.set()


def test_a_client_has_a_share_of_the_queue(tmp_path, monkeypatch, may_end):
    song = write(tmp_path / "song.wav", chirp(seconds=0.5))
    statuses = []

    def slow(path, limits):
        may_end.wait(PATIENCE)
        return check_song(path, limits)

    monkeypatch.setattr("zoo.ui.separate.check_song", slow)
    with running_app(tmp_path / "served", client_requests=2) as url:
        with song.open("rb") as file:
            path = post(f"{url}gradio_api/upload", files={"files": file}).json()[0]
        data = [{"path": path, "meta": FILE_META}, MODEL, SOURCES, "flac"]
        for _ in range(3):
            headers = {"x-forwarded-for": "9.9.9.9"}
            answer = post(f"{url}gradio_api/call/separate", json={"data": data}, headers=headers)
            statuses.append(answer.status_code)
        assert "requests waiting" in answer.json()["detail"]
        other = post(
            f"{url}gradio_api/call/separate",
            json={"data": data},
            headers={"x-forwarded-for": "8.8.8.8"},
        )
        may_end.set()
    assert statuses == [200, 200, 429]
    assert other.status_code == 200


def test_what_nobody_waits_for_is_not_computed(url, client, tmp_path, monkeypatch, caplog, may_end):
    caplog.set_level(logging.INFO, logger="zoo.ui.visitors")
    monkeypatch.setattr("zoo.ui.visitors.ARRIVAL_SECONDS", PATIENCE)
    titles = []

    def noted(path, limits):
        titles.append(Path(path).stem)
        may_end.wait(PATIENCE)
        return check_song(path, limits)

    monkeypatch.setattr("zoo.ui.separate.check_song", noted)
    names = ("first", "abandoned", "last")
    first, abandoned, last = (write(tmp_path / f"{n}.wav", chirp(seconds=0.5)) for n in names)
    job = separate(client, first, sources=["bass"], submit=True)
    wait_until(lambda: titles and job.status().code == Status.PROCESSING)  # it is listened to
    with abandoned.open("rb") as file:
        path = post(f"{url}gradio_api/upload", files={"files": file}).json()[0]
    data = [{"path": path, "meta": FILE_META}, MODEL, ["vocals"], "flac"]
    post(f"{url}gradio_api/call/separate", json={"data": data}).raise_for_status()
    monkeypatch.setattr("zoo.ui.visitors.ARRIVAL_SECONDS", 0.0)  # who listens has come by now
    may_end.set()
    job.result()
    wait_until(lambda: "its page is gone" in caplog.text)
    monkeypatch.setattr("zoo.ui.visitors.ARRIVAL_SECONDS", PATIENCE)
    assert separate(client, last, sources=["bass"])["title"] == "last"
    assert titles == ["first", "last"]


def test_folders_of_a_stopped_process_are_deleted_at_the_start_and_its_own_at_the_end(tmp_path):
    left = tmp_path / "served" / ("a" * 40)
    left.mkdir(parents=True)
    (left / "vocals.flac").write_bytes(b"x" * 1000)
    os.utime(left / "vocals.flac", (0, 0))
    os.utime(left, (0, 0))
    song = write(tmp_path / "song.wav", chirp(seconds=0.5))
    with running_app(tmp_path / "served") as url:
        client = visit(url, download_files=str(tmp_path / "downloads"))
        wait_until(lambda: not left.exists())
        state = separate(client, song, sources=["bass"])
        assert (tmp_path / "served" / state["id"]).exists()
    wait_until(lambda: not (tmp_path / "served" / state["id"]).exists())


def test_the_uploads_folder_as_a_song_is_refused_and_stops_no_deletion(url, uploads):
    with (ROOT / "zoo/examples/demo_song/bass.ogg").open("rb") as file:
        path = post(f"{url}gradio_api/upload", files={"files": file}).json()[0]
    data = [{"path": str(Path(path).parent), "meta": FILE_META}, MODEL, ["vocals"], "flac"]
    event = post(f"{url}gradio_api/call/separate", json={"data": data}).json()["event_id"]
    answer = get(f"{url}gradio_api/call/separate/{event}").text
    assert "event: error" in answer
    assert Path(path).exists()


def test_files_outside_a_request_and_folders_are_not_served(url, uploads):
    for path in ("/etc/passwd", str(ROOT / "app.py"), str(uploads), f"{uploads}/../x"):
        assert get(f"{url}gradio_api/file={path}").status_code in (403, 404)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": "lasaft"}, "lasaft"),
        ({"sources": ["vocals", "kazoo"]}, "kazoo"),
        ({"sources": []}, "at least one source"),
        ({"sources": ["vocals"] * 1000}, "vocals is asked for twice"),
        ({"sources": ["vocals", "drums", "vocals"]}, "vocals is asked for twice"),
        ({"file_format": "exe"}, "exe"),
    ],
)
def test_choices_that_are_not_offered_are_refused(client, song, change, message):
    arguments = {"model": MODEL, "sources": ["vocals"], "file_format": "flac", **change}
    with pytest.raises(AppError, match=message):
        client.predict(song=handle_file(song), **arguments, api_name="/separate")


def test_eight_clients_at_once_each_get_their_own_song(url, tmp_path):
    results: dict[int, dict] = {}

    def bring_song(number: int) -> None:
        samples = chirp(seconds=0.7, low=100.0 + 40 * number)
        path = write(tmp_path / f"song {number}.wav", samples)
        visitor = visit(url, download_files=str(tmp_path / f"visitor{number}"))
        results[number] = {"song": path, "state": separate(visitor, path, sources=["drums"])}

    threads = [threading.Thread(target=bring_song, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == list(range(8))
    ids = {result["state"]["id"] for result in results.values()}
    assert len(ids) == 8
    for number, result in results.items():
        lanes = lanes_by_name(result["state"])
        own = read(result["song"])
        assert result["state"]["title"] == f"song {number}"
        total = lane_audio(lanes["drums"]) + lane_audio(lanes["rest"])
        np.testing.assert_allclose(total, own, atol=3 * 2**-23)
        np.testing.assert_allclose(lane_audio(lanes["original"]), own, atol=2**-22)


def test_a_visitor_who_leaves_frees_the_device(client, tmp_path):
    long = write(tmp_path / "long.wav", chirp(seconds=40))
    job = separate(client, long, submit=True)
    next(iter(job))
    job.cancel()
    short = write(tmp_path / "short.wav", chirp(seconds=0.5))
    assert separate(client, short, sources=["bass"])["title"] == "short"


def test_an_upload_above_the_limit_is_refused_before_any_work(tmp_path):
    path = write(tmp_path / "big.wav", chirp(seconds=5))  # 1.3 MB
    with running_app(tmp_path / "served", max_megabytes=1) as url:
        client = visit(url)
        with pytest.raises((AppError, httpx.HTTPStatusError, ValueError)) as caught:
            separate(client, path)
    assert re.search(r"413|exceed|size", str(caught.value), re.IGNORECASE)


def test_every_offered_model_is_in_the_zoo():
    import zoo
    from zoo.publishing.space_config import load_space_config

    config = load_space_config(ROOT / "spaces_config.yaml")
    assert set(config.model_names) <= set(zoo.list_models())


def test_a_shelf_without_any_weights_says_what_to_do():
    import dataclasses

    from zoo.errors import WeightsError
    from zoo.ui.models import ModelShelf

    config = tiny_config()
    model = dataclasses.replace(config.models[0], name="cunet_tfc_film")
    with pytest.raises(WeightsError, match="none of the offered models"):
        ModelShelf(dataclasses.replace(config, models=(model,)))
