"""Networks of 1, 5 and 12 sources in cards, lists and the app: nothing counts on four."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest
from app_server import MODEL, visit
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from signals import chirp, write
from source_lists import PART_OF, SOURCES, app_of, known_specs, make_spec, name_of

from zoo.cli import main
from zoo.publishing.cards import render_card
from zoo.specs.parsing import parse_spec
from zoo.ui.blend_tab import _follow_model
from zoo.ui.source_choice import SourceChoice, first_blend
from zoo.ui.source_colors import MORE_COLORS, SOURCE_COLORS, source_colors
from zoo.ui.texts import load_texts, wording


@pytest.fixture
def specs(tmp_path):
    with known_specs(tmp_path):
        yield


@pytest.fixture(scope="module", params=sorted(SOURCES))
def app(request, tmp_path_factory):
    """An app that offers one network, as (address, number of sources)."""
    with app_of(request.param, tmp_path_factory.mktemp("app")) as url:
        yield url, request.param


def told(num_sources):
    parts = PART_OF.get(num_sources, {})
    return [f"{s} (part of {parts[s]})" if s in parts else s for s in SOURCES[num_sources]]


@pytest.mark.parametrize("num_sources", sorted(SOURCES))
def test_cards_and_the_command_line_name_all_sources(num_sources, specs, capsys):
    *first, last = told(num_sources)
    listed = f"{', '.join(first)} and {last}" if first else last
    card = render_card(parse_spec(make_spec(num_sources)), None, num_parameters=1)
    assert f"Separates music into {listed}. A network" in card
    assert f"| Sources | {', '.join(told(num_sources))} |" in " ".join(card.split())
    assert main(["info", name_of(num_sources)]) == 0
    assert f"sources     {', '.join(told(num_sources))} at 44100 Hz" in capsys.readouterr().out
    assert main(["list", name_of(num_sources)]) == 0
    assert ", ".join(told(num_sources)) in capsys.readouterr().out


def test_twelve_colours_are_told_apart_and_stay_in_any_choice():
    colors = source_colors(SOURCES[12])
    assert len(set(colors.values())) == 12
    assert colors["drums"] == SOURCE_COLORS["drums"]
    assert colors["piano"] == MORE_COLORS[0]
    everything = [*SOURCE_COLORS.values(), *MORE_COLORS]
    for one, other in itertools.combinations(everything, 2):
        pairs = [(int(one[i : i + 2], 16), int(other[i : i + 2], 16)) for i in (1, 3, 5)]
        assert sum(abs(a - b) for a, b in pairs) > 60, (one, other)


@pytest.mark.parametrize("color", [*SOURCE_COLORS.values(), *MORE_COLORS])
def test_colours_show_on_light_and_on_dark_pages(color):
    def luminance(text):
        values = [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    assert 1.05 / (luminance(color) + 0.05) > 2.1
    assert (luminance(color) + 0.05) / (luminance("#0f172a") + 0.05) >= 3


def test_another_model_brings_its_sources_and_keeps_what_both_have(specs):
    update = SourceChoice.of_model(name_of(5), "de")
    assert update["choices"][:2] == [("Gesang", "vocals"), ("Drums", "drums")]
    assert update["choices"][3] == ("Electric guitar", "electric_guitar")
    assert update["value"] == list(SOURCES[5])
    assert first_blend(name_of(12)) == {"drums": 0.7, "other": 0.3}
    services = SimpleNamespace(shelf=SimpleNamespace(names=[MODEL, name_of(5)]))
    sources = ("vocals", "drums", "bass", "other", "electric_guitar")
    follow = _follow_model(services, sources)
    kept = follow(name_of(5), 0, 0.4, 0, 0, 0)
    assert [update["visible"] for update in kept] == [True] * 5
    assert [update["value"] for update in kept] == [0, 0.4, 0, 0, 0]
    fewer = follow(MODEL, 0, 0, 0, 0, 0.9)
    assert [update["visible"] for update in fewer] == [True, True, True, True, False]
    assert [update["value"] for update in fewer] == [0.7, 0, 0, 0.3, 0]


def test_a_separation_has_a_lane_a_colour_and_a_file_for_every_source(app, tmp_path):
    url, num_sources = app
    client = visit(url, download_files=str(tmp_path / "downloads"))
    song = write(tmp_path / "My song.wav", chirp(seconds=1.5))
    state = client.predict(
        song=handle_file(song),
        model=name_of(num_sources),
        sources=list(SOURCES[num_sources]),
        file_format="flac",
        api_name="/separate",
    )
    stems = {lane["name"]: lane for lane in state["lanes"] if lane["kind"] == "stem"}
    assert tuple(stems) == SOURCES[num_sources]
    assert {name: lane["color"] for name, lane in stems.items()} == source_colors([*stems])
    files = [Path(lane["audio"]).name for lane in stems.values()]
    assert files == [f"{name}.flac" for name in stems]
    parts = PART_OF.get(num_sources, {})
    assert {name: lane["part_of"] for name, lane in stems.items() if lane["part_of"]} == parts
    assert [name for name, lane in stems.items() if not lane["on"]] == [*parts]
    if num_sources > 1:  # without the part, the stems are the song
        assert state["sum_error_db"] < -100
    else:
        assert state["lanes"][-1]["title"] == "Without choir"


def test_the_api_tells_of_sources_and_parts(app):
    url, num_sources = app
    client = visit(url)
    known = next(m for m in client.predict(api_name="/models") if m["offered"])
    assert known["sources"] == list(SOURCES[num_sources])
    assert known["part_of"] == PART_OF.get(num_sources, {})
    described = client.predict(name=name_of(num_sources), api_name="/model_info")
    assert described["spec"]["sources"] == list(SOURCES[num_sources])


def test_a_blend_takes_a_weight_for_every_source(app, tmp_path):
    url, num_sources = app
    client = visit(url, download_files=str(tmp_path / "downloads"))
    song = handle_file(write(tmp_path / "a.wav", chirp(seconds=1.5)))
    wish = {"song": song, "model": name_of(num_sources), "start": 0, "api_name": "/blend"}
    if num_sources == 1:
        with pytest.raises(AppError, match="has no condition"):
            client.predict(**wish)
        return
    weights = dict.fromkeys(SOURCES[num_sources], 0.0) | {"electric_guitar": 0.5, "other": 1.0}
    state = client.predict(**wish, **weights)
    assert state["summary"] == "50% electric guitar \u00b7 100% other"


def test_a_part_is_said_in_every_language():
    assert wording("lane.part", sources=["other"]) == "part of other"
    for language in load_texts():
        assert wording("source_inline.other", language) in wording(
            "lane.part", language, sources=["other"]
        )
