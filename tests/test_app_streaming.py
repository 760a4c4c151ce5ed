"""One separation path: what the app hands out, block by block, is what the Separator separates."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from app_server import MODEL, tiny_config
from PIL import Image
from signals import chirp, read, write

import zoo.ui.examples
from zoo.audio.spectrogram import reference_level
from zoo.separation.separator import Separator
from zoo.ui.examples import ExampleSong
from zoo.ui.lane_picture import LanePainter
from zoo.ui.lanes import lane_blocks
from zoo.ui.models import ModelShelf
from zoo.ui.services import Services

SOURCES = ["vocals", "drums", "bass", "other"]


@pytest.fixture(scope="module")
def services():
    config = tiny_config()
    return Services(config=config, shelf=ModelShelf(config))


@pytest.fixture
def uploads(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "served"))
    return tmp_path


@pytest.fixture(params=[(48_000, 2), (44_100, 1)], ids=["48 kHz stereo", "mono"])
def song(request, uploads):
    sample_rate, channels = request.param
    samples = chirp(seconds=1.7, channels=channels, rate=sample_rate)
    return write(uploads / "song.wav", samples, sample_rate)


def as_integers(path):
    return soundfile.read(path, dtype="int32", always_2d=True)[0]


def whole(lane):
    return np.concatenate(list(lane_blocks(lane)), axis=1)


def lanes_by_name(state):
    return {lane.name: lane for lane in state.lanes}


@pytest.mark.parametrize(
    ("sources", "wanted", "renamed"),
    [
        (SOURCES, {"sources": SOURCES}, {}),
        (["drums", "vocals"], {"sources": ["drums", "vocals"]}, {"rest": "residual"}),
        (["vocals"], {"two_stems": "vocals"}, {"rest": "no_vocals"}),
    ],
    ids=["full", "partial", "two stems"],
)
def test_the_apps_stems_are_the_separators_to_24_bits(
    services, song, uploads, sources, wanted, renamed
):
    *_, state = services.separate(str(song), MODEL, sources, "flac")
    result = services.shelf.separator(MODEL)(song, **wanted)
    saved = result.save(
        uploads / "expected", format="flac", residual="residual" in renamed.values()
    )
    lanes = lanes_by_name(state)
    assert list(lanes) == ["original", *sources, *renamed]
    for name in (*sources, *renamed):
        expected = as_integers(saved.paths[renamed.get(name, name)])
        np.testing.assert_array_equal(as_integers(lanes[name].audio.path), expected)
        assert lanes[name].gain == 1 / saved.gain
        assert lanes[name].download.path == lanes[name].audio.path
    np.testing.assert_allclose(whole(lanes["original"]), read(song), atol=2**-22)


def test_the_pieces_of_a_lane_are_what_its_file_holds(services, song):
    *_, growing, state = services.separate(str(song), MODEL, ["bass"], "wav")
    for name in ("bass", "rest"):
        before, after = lanes_by_name(growing)[name], lanes_by_name(state)[name]
        assert len(before.pieces) > 1
        assert after.pieces is None
        # Two roundings to 24 bits, of files that were lowered by their gains.
        gain = max(after.gain, *(piece.gain for piece in before.pieces))
        np.testing.assert_allclose(whole(before), whole(after), atol=2**-22 * gain, rtol=0)
        assert before.outline == after.outline
        np.testing.assert_allclose(
            read(after.download.path), whole(after), atol=2**-22 * gain, rtol=0
        )


def test_the_first_piece_is_there_after_the_first_block(services, song, monkeypatch):
    taken = []

    def counted(*arguments):
        for block in services.stream_blocks(*arguments):
            taken.append(block.num_samples)
            yield block

    watched = Services(config=services.config, shelf=services.shelf)
    object.__setattr__(watched, "stream_blocks", counted)
    states = watched.separate(str(song), MODEL, SOURCES, "flac")
    assert next(states).lanes[1].pieces is None
    first = next(states)
    assert len(taken) == 1
    (piece,) = first.lanes[1].pieces
    assert piece.start == 0
    assert round(piece.seconds * first.sample_rate) == taken[0]
    assert soundfile.info(piece.audio.path).frames == taken[0]
    assert Path(piece.picture.path).read_bytes().startswith(b"\x89PNG")
    states.close()
    folder = Path(piece.audio.path).parents[1]
    assert not (folder / "vocals.flac").exists()
    assert not any(folder.rglob(".*"))


def test_what_is_done_is_kept_when_a_separation_is_stopped(services, song):
    states = services.separate(str(song), MODEL, ["vocals"], "flac")
    growing = [next(states) for _ in range(3)][-1]
    states.close()
    done = growing.lanes[1].pieces[-1]
    kept = services.stop(growing.id)
    num_samples = round((done.start + done.seconds) * growing.sample_rate)
    assert kept.progress is None
    assert kept.facts == "Stopped."
    assert round(kept.seconds * kept.sample_rate) == num_samples
    lanes = lanes_by_name(kept)
    assert list(lanes) == ["original", "vocals", "rest"]
    for name, lane in lanes.items():
        assert lane.pieces is None
        assert soundfile.info(lane.audio.path).frames == num_samples
        assert Path(lane.picture.path).exists()
        before = whole(lanes_by_name(growing)[name])[:, :num_samples]
        np.testing.assert_allclose(whole(lane), before, atol=2**-21, rtol=0)
    assert lanes["vocals"].download.orig_name == "song - vocals.flac"


def test_a_separation_that_was_stopped_at_once_keeps_the_song(services, song):
    states = services.separate(str(song), MODEL, ["vocals"], "flac")
    first = next(states)
    states.close()
    kept = services.stop(first.id)
    assert [lane.name for lane in kept.lanes] == ["original"]
    assert kept.seconds == first.seconds


def test_all_lanes_are_drawn_on_the_level_of_the_original(services, song):
    samples = read(song).astype(np.float32)
    rate = soundfile.info(song).samplerate
    painter = LanePainter(
        num_samples=samples.shape[1], num_channels=samples.shape[0], sample_rate=rate
    )
    painter.push(samples)
    top_db = reference_level(painter.spectrogram.levels())
    *_, state = services.separate(str(song), MODEL, ["vocals"], "flac")
    pixels = np.asarray(Image.open(lanes_by_name(state)["original"].picture.path))
    share = 1 + (painter.spectrogram.levels() - top_db) / 72
    np.testing.assert_allclose(pixels, np.clip(share, 0, 1) * 255, atol=2)


def test_an_example_is_separated_anew_when_the_separator_is_another(uploads, monkeypatch):
    path = write(uploads / "ours.wav", chirp(seconds=0.6))
    example = ExampleSong(title="Ours", label="Ours (short)", path=path)
    monkeypatch.setattr(zoo.ui.examples, "EXAMPLES", (example,))
    config = tiny_config()
    services = Services(config=config, shelf=ModelShelf(config))

    def count_states():
        return len(list(services.separate(str(path), MODEL, ["bass"], "flac")))

    assert count_states() > 1
    assert count_states() == 1
    other = Separator(MODEL, pitches=3)
    monkeypatch.setattr(services.shelf, "separator", lambda name: other)
    assert count_states() > 1


def test_a_device_that_gives_up_is_reported(services, song):
    def half(*arguments):
        yield next(services.stream_blocks(*arguments))

    broken = Services(config=services.config, shelf=services.shelf)
    object.__setattr__(broken, "stream_blocks", half)
    with pytest.raises(ValueError, match="stopped before the end"):
        list(broken.separate(str(song), MODEL, SOURCES, "flac"))
