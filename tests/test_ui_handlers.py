"""The app's parts without a browser: songs, clips, lanes, spec editor, errors, shelf, blends."""

import dataclasses

import gradio as gr
import numpy as np
import pytest
import torch
from app_server import MODEL, tiny_config
from signals import chirp, read, write

import zoo
from zoo.audio.spectrogram_figure import draw_spectrograms, render_figure
from zoo.ui.attention_figure import draw_attention
from zoo.ui.blending import make_blender
from zoo.ui.clips import clip_for_network
from zoo.ui.examples import EXAMPLES
from zoo.ui.kind_errors import said_kindly
from zoo.ui.lanes import LaneWriter, lane_blocks
from zoo.ui.look_tab import sdr_table
from zoo.ui.mixer_state import MixerLane, MixerState
from zoo.ui.model_tables import model_table
from zoo.ui.models import ModelShelf
from zoo.ui.results import ResultStore
from zoo.ui.songs import SongError, check_song, read_clip
from zoo.ui.zoo_tab import measure_spec


@pytest.fixture(scope="module")
def shelf():
    return ModelShelf(tiny_config())


def song(folder, samples, sample_rate=44_100):
    return check_song(write(folder / "a.wav", samples, sample_rate), tiny_config().limits)


def test_a_model_is_separated_at_the_pitches_of_the_config():
    config = tiny_config()
    thrice = dataclasses.replace(config.models[0], pitches=3)
    shelf = ModelShelf(dataclasses.replace(config, models=(thrice,)))
    assert shelf.separator(shelf.default).pitches == 3


def test_nothing_chosen_and_too_large_a_file_are_said_before_reading(tmp_path):
    with pytest.raises(SongError, match="Choose a song first"):
        check_song(None, tiny_config().limits)
    path = write(tmp_path / "a.wav", chirp(seconds=1.0))
    with pytest.raises(SongError, match="This file has 0 MB; this page takes up to 0"):
        check_song(path, tiny_config(max_megabytes=0.1).limits)


def test_a_song_that_turns_out_too_long_is_refused_while_reading(tmp_path):
    path = write(tmp_path / "a.ogg.wav", chirp(seconds=2.0))
    with pytest.raises(SongError, match=r"up to 0\.025 minutes, and this one is 0\.0 minutes"):
        check_song(path, tiny_config(max_seconds=1.5).limits)


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("My_song (live).wav", "My song (live)"),
        ("<script>alert(1)</script>.wav".replace("/", ""), "script alert(1) script"),
        ("-.-.wav".replace("-", "="), "Song"),
        ("x" * 200 + ".wav", "x" * 80),
        ("\u0421\u043e\u043d\u0433 \u66f2.wav", "\u0421\u043e\u043d\u0433 \u66f2"),
    ],
)
def test_titles_are_harmless(tmp_path, name, title):
    path = write(tmp_path / name, chirp(seconds=0.1))
    assert check_song(path, tiny_config().limits).title == title


def test_a_clip_is_cut_brought_to_the_networks_rate_and_known_by_its_place(tmp_path):
    spec = zoo.load_spec(MODEL)
    whole = song(tmp_path, chirp(seconds=2.0, channels=1, rate=48_000), 48_000)
    clip = clip_for_network(whole, spec, start=1.5, seconds=1.0)
    assert clip.samples.shape == (2, 44_100)
    assert clip.seconds == 1.0
    assert clip.digest == f"{whole.digest}:48000:48000"  # moved back: the song ends at 2 s
    mono = dataclasses.replace(spec, channels=1)
    with pytest.raises(SongError, match=r"takes 1 channel\(s\) and this song has 2"):
        clip_for_network(song(tmp_path, chirp(seconds=0.5)), mono, start=0, seconds=1)


@pytest.mark.parametrize(("start", "seconds"), [(0, 1), (0.25, 0.5), (2.9, 1), (0, 99), (1.5, 0.7)])
def test_a_clip_holds_the_samples_of_its_place(tmp_path, start, seconds):
    samples = chirp(seconds=3.0)
    clip = read_clip(song(tmp_path, samples), start=start, seconds=seconds)
    length = min(round(seconds * 44_100), samples.shape[1])
    first = min(round(start * 44_100), samples.shape[1] - length)
    np.testing.assert_allclose(clip.samples, samples[:, first : first + length], atol=1e-7)


def test_one_gain_for_all_lanes_of_a_song(tmp_path):
    stems = {"a": np.full((1, 1000), 2.0, np.float32), "b": np.full((1, 1000), 0.5, np.float32)}
    lanes = [MixerLane(name=name, kind="stem", title=name) for name in stems]
    shape = {"sample_rate": 8000, "num_channels": 1, "num_samples": 1000}
    with LaneWriter(tmp_path, lanes, **shape, download="wav", title="T") as writer:
        writer.write(stems, mixture=np.sum(list(stems.values()), axis=0))
        saved = writer.commit()
    assert saved.gain == 1.0  # 32-bit float files do not clip
    first, second = writer.lanes
    assert (first.gain, second.gain) == (2.0, 2.0)
    assert read(second.audio.path).max() == pytest.approx(0.25, abs=1e-6)
    assert read(first.download.path).max() == 2.0
    assert second.download.orig_name == "T - b.wav"
    np.testing.assert_allclose(np.concatenate([*lane_blocks(second)], axis=1), 0.5, atol=1e-6)


def test_a_lane_that_is_not_committed_leaves_no_file(tmp_path):
    lanes = [MixerLane(name="a", kind="stem", title="A")]
    shape = {"sample_rate": 8000, "num_channels": 1, "num_samples": 1000}
    with LaneWriter(tmp_path, lanes, **shape, top_db=0.0, in_pieces=True, download="wav") as writer:
        silence = np.zeros((1, 500), np.float32)
        writer.write({"a": silence}, mixture=silence)
        assert list((tmp_path / "download").iterdir()) != []
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_example_whose_files_are_gone_is_forgotten(tmp_path):
    file = write(tmp_path / "a.wav", chirp(seconds=0.1))
    known = gr.FileData(path=str(file))
    lane = MixerLane(name="a", kind="stem", title="A", audio=known, picture=known)
    results = ResultStore()
    results.put(MixerState(id="1", lanes=[lane]))
    results.put_example("key", "1")
    assert results.get_example("key") is not None
    assert results.get_example("other") is None
    file.unlink()
    assert results.get_example("key") is None
    with pytest.raises(SongError, match="separate the song again"):
        results.get("1")


def test_the_sdr_of_the_truth_itself_is_listed_for_the_example_only(tmp_path):
    example = EXAMPLES[0]
    vocals = example.stems["vocals"]
    lane = MixerLane(
        name="vocals",
        kind="stem",
        title="Vocals",
        source="vocals",
        audio=gr.FileData(path=str(vocals)),
        gain=0.5,
    )
    table = sdr_table(MixerState(song_digest=example.digest, lanes=[lane]))
    assert "| Vocals | 6.02 |" in table  # half the level: 20 log10(2)
    assert sdr_table(MixerState(song_digest="else", lanes=[lane])) == ""


def test_a_valid_spec_is_measured_drawn_and_handed_over_as_code(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    text = (zoo.specs.registry.SPECS.path(MODEL)).read_text(encoding="utf-8")
    verdict, picture, stages, code = measure_spec(text, max_characters=20_000)
    assert "22,556 parameters" in verdict
    assert picture is not None
    assert stages[0][0] == "entry"
    namespace: dict = {}
    exec(code.replace("print(", "count = ("), namespace)
    assert namespace["count"] == 22_556


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "must be a mapping, got "),
        ("x" * 30_000, "more than 20,000 characters"),
        ("name: a\n\tb: c", "YAML"),
        ("a: &x [1]\nb: *x", "anchors and aliases"),
        ("!!python/object/apply:os.system ['true']", "YAML"),
        (None, "must be a mapping, got "),
    ],
)
def test_an_invalid_spec_gets_a_verdict_and_nothing_else(text, reason):
    verdict, picture, stages, code = measure_spec(text, max_characters=20_000)
    assert verdict.startswith("**Not valid yet.**")
    assert reason in verdict
    assert (picture, stages, code) == (None, [], "")


def test_a_giant_spec_is_refused_before_it_is_built():
    text = zoo.specs.registry.SPECS.path(MODEL).read_text(encoding="utf-8")
    giant = text.replace("width: 4", "width: 1024").replace("num_layers: 2", "num_layers: 30")
    verdict, *_ = measure_spec(giant, max_characters=20_000)
    assert verdict.startswith("**Not valid yet.**")


def test_markup_in_a_spec_stays_inside_the_code_fence():
    verdict, *_ = measure_spec("```\n<img src=x onerror=alert(1)>\n```", max_characters=1000)
    assert verdict.count("```") == 2


def test_the_table_keeps_published_and_measured_results_apart():
    table = model_table()
    rows = {row[0]: dict(zip(table["headers"], row, strict=True)) for row in table["data"]}
    mdx, bsseval = "published, MDX SDR", "published, BSS Eval v4"
    assert [name for name in table["headers"] if "published" in name] == [bsseval, mdx]
    assert rows["lightsaft_tfctdf"][mdx] == "5.90"
    assert rows["lightsaft_tfctdf"][bsseval] == "\u2013"
    assert rows["lasaft_v2_large"][mdx] == "\u2013"
    assert rows["lasaft_v2_large"][bsseval] == "5.96"


def test_faults_become_messages_without_markup_and_bugs_stay_bugs():
    @said_kindly
    def refuse(text):
        raise ValueError(text)

    @said_kindly
    def stream():
        yield 1
        raise KeyError("<b>missing</b>")

    with pytest.raises(gr.Error) as caught:
        refuse("<script>alert(1)</script>")
    assert caught.value.message == "&lt;script&gt;alert(1)&lt;/script&gt;"
    running = stream()
    assert next(running) == 1
    with pytest.raises(gr.Error, match="&lt;b&gt;missing"):
        next(running)

    @said_kindly
    def broken():
        raise TypeError("a bug")

    with pytest.raises(TypeError, match="a bug"):
        broken()


def test_the_shelf_loads_once_and_knows_its_speed(shelf):
    assert shelf.default == MODEL
    assert shelf.separator(MODEL) is shelf.separator(MODEL)
    assert shelf.network(MODEL) is shelf.network(MODEL)
    with pytest.raises(ValueError, match="'lasaft' is not offered here"):
        shelf.separator("lasaft")
    cold = ModelShelf(tiny_config())
    assert cold.expected_seconds(MODEL, audio_seconds=60, num_sources=4) is None
    cold.warm_up()
    assert cold.expected_seconds(MODEL, audio_seconds=60, num_sources=4) > 0
    shelf.note_speed(MODEL, seconds=5.0, audio_seconds=10.0, num_sources=2)
    assert shelf.expected_seconds(MODEL, audio_seconds=60, num_sources=2) == 30.0
    assert shelf.expected_seconds(MODEL, audio_seconds=60, num_sources=1) is None


def test_a_blend_runs_only_the_decoder_the_second_time(shelf, monkeypatch):
    blend = make_blender(tiny_config(), shelf)
    samples = chirp(seconds=0.5)
    network = shelf.network(MODEL)
    encodings = []
    encode = network.encode
    monkeypatch.setattr(network, "encode", lambda mixture: encodings.append(1) or encode(mixture))
    first = blend(MODEL, samples, "clip", (0.5, 0.0, 0.0, 0.5))
    second = blend(MODEL, samples, "clip", (0.0, 1.0, 0.0, 0.0))
    assert len(encodings) == 1
    with torch.inference_mode():
        mixture = torch.from_numpy(samples)[None]
        both = network(mixture, sources=["vocals", "other"])[0].numpy().mean(axis=0)
        drums = network(mixture, sources=["drums"])[0, 0].numpy()
    np.testing.assert_allclose(first.exact, both, atol=1e-5)
    np.testing.assert_allclose(second.network, drums, atol=1e-5)


@pytest.mark.parametrize("frames", [1, 50])
def test_attention_is_drawn_a_panel_a_block_or_over_time(frames):
    attention = {f"decoder.{i}": np.full((4, frames, 6), 1 / 6) for i in range(3)}
    figure = draw_attention(attention, sources=("vocals", "drums", "bass", "other"), seconds=2)
    assert len(figure.axes) == (3 if frames == 1 else 3 * 4 + 1)
    with pytest.raises(ValueError, match="no block of this network attends"):
        draw_attention({}, sources=("vocals",), seconds=2)


@pytest.mark.parametrize("scale", ["log", "mel", "linear"])
def test_the_figures_axes_are_in_hertz_and_seconds(scale):
    figure = draw_spectrograms(
        {"A": chirp(seconds=2.0), "B": chirp(seconds=2.0)},
        sample_rate=44_100,
        scale=scale,
        range_db=60,
        start=0.5,
        end=1.5,
    )
    first, second, _ = figure.axes
    assert first.get_xlim() == (0.5, 1.5)
    assert second.get_xlabel() == "seconds"
    assert "1k" in [tick.get_text() for tick in first.get_yticklabels()] or scale == "linear"
    low, high = first.images[0].get_clim()
    assert high - low == pytest.approx(60)


def test_a_tone_is_brightest_at_its_frequency_and_silence_is_black():
    time = np.arange(44_100) / 44_100
    panels = {"tone": np.sin(2 * np.pi * 1000 * time)[None], "none": np.zeros((1, 44_100))}
    figure = draw_spectrograms(panels, sample_rate=44_100, scale="linear", range_db=80)
    tone, none = (axis.images[0] for axis in figure.axes[:2])
    rows = tone.get_array()  # 256 bands up to 16 kHz, the highest first
    assert abs((255.5 - np.argmax(rows[:, 600])) / 256 * 16_000 - 1000) < 16_000 / 256
    assert none.get_array().max() < tone.get_clim()[0]
    assert render_figure(figure).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scale": "cubic"}, "unknown frequency scale 'cubic'"),
        ({"range_db": 5}, "10 to 150 dB, got 5"),
        ({"start": 3.0}, "from 3 s to 1 s there is nothing"),
    ],
)
def test_figures_refuse_what_they_cannot_draw(arguments, message):
    wanted = {"scale": "log", "range_db": 60, "start": 0.0, "end": None, **arguments}
    with pytest.raises(ValueError, match=message):
        draw_spectrograms({"A": chirp(seconds=1.0)}, sample_rate=44_100, **wanted)
