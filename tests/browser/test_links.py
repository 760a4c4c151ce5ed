"""Links to results: what they carry, and what a hostile one can ask for."""

from urllib.parse import parse_qs, urlsplit

import pytest
from test_languages import separate
from test_ui_in_the_browser import MIXER, mixer

HOSTILE = (
    "speed=1e2",
    "speed=49",
    "speed=151",
    "speed=-80",
    "speed=Infinity",
    "speed=80.5",
    "speed= 80",
    "speed=0x50",
    "speed=%3Cimg src=x onerror=alert(1)%3E",
    "speed=" + "9" * 10_000,
    "speed[]=80",
    "key=13",
    "key=-13",
    "key=NaN",
    "key=--1",
    "key=+2",
    "key=",
    "",
)


def linked(page, search):
    found = mixer(page, f"mixer.tempo.constructor.linked({search!r})")
    return {name: value for name, value in found.items() if value is not None}


def test_speed_and_key_of_a_link_are_bounded(page):
    assert linked(page, "?result=0&speed=80&key=-2") == {"speed": 0.8, "semitones": -2}
    assert linked(page, "speed=150&key=12") == {"speed": 1.5, "semitones": 12}
    assert linked(page, "speed=50&speed=90") == {"speed": 0.5}
    assert [search for search in HOSTILE if linked(page, search)] == []


@pytest.mark.parametrize("tempo", [{"speed": "80", "key": "-2"}, {}])
def test_a_link_carries_speed_and_key_to_somebody_else(page, song, chromium, tempo):
    separate(page, song)
    page.focus(f"{MIXER} .play")
    if tempo:
        for key in "[[[[,,":
            page.keyboard.press(key)
    page.click("#share")
    page.wait_for_selector("#share:has-text('Link copied')")
    link = page.evaluate("navigator.clipboard.readText()")
    wanted = {name: [value] for name, value in tempo.items()}
    query = parse_qs(urlsplit(link).query)
    assert len(query.pop("result")[0]) == 40
    assert query == wanted
    visitor = chromium.new_context()
    other = visitor.new_page()
    other.goto(link)
    other.wait_for_selector(f"{MIXER} .archive:not([hidden])")
    speed, key = (tempo.get("speed", "100"), tempo.get("key", "0").replace("-", "\u2212"))
    assert other.inner_text(f"{MIXER} .speed output") == f"{speed} %"
    assert other.inner_text(f"{MIXER} .key output") == key
    heard = mixer(other, "[mixer.playback.speed, mixer.playback.semitones]")
    assert heard == [int(speed) / 100, int(tempo.get("key", "0"))]
    visitor.close()
