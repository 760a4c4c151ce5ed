"""Where a stem sounds: the bar under its lane, and the jumps over its silence."""

import numpy as np
import pytest
from mixer_page import show_result, write_result
from signals import RATE, tone
from test_ui_in_the_browser import FIND_MIXER, MIXER, lane, mixer, wait_for

from zoo.ui.mixer_files import ASSETS

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def find_parts(chromium):
    """Run the page's own function for peaks at equal distances over some seconds."""
    page = chromium.new_page()
    scripts = "\n".join((ASSETS / name).read_text() for name in ("activity.js", "lane.js"))
    yield lambda peaks, seconds: [
        (part["start"], part["end"])
        for part in page.evaluate(
            f"([peaks, seconds]) => {{ {scripts} return soundingParts(peaks, seconds); }}",
            [peaks, seconds],
        )
    ]
    page.close()


def test_parts_are_where_the_peaks_are_within_40_db_of_the_loudest(find_parts):
    quiet, too_quiet = 0.5 * 10 ** (-39 / 20), 0.5 * 10 ** (-41 / 20)
    peaks = [0, 0, quiet, 0.5, too_quiet, too_quiet, too_quiet, 0.1, 0, 0]
    assert find_parts(peaks, 10.0) == [(2.0, 4.0), (7.0, 8.0)]


def test_what_is_below_minus_50_db_is_silence_though_nothing_is_louder(find_parts):
    assert find_parts([0.003, 0.003], 2.0) == []
    assert find_parts([0.004, 0.003], 2.0) == [(0.0, 1.0)]
    assert find_parts([0.0, 0.0], 2.0) == []
    assert find_parts([], 2.0) == []


def test_rests_of_less_than_a_second_divide_no_part(find_parts):
    peaks = [0.5, 0, 0, 0.5, 0, 0, 0, 0, 0.5]
    assert find_parts(peaks, 9 * 0.3) == [pytest.approx((0, 1.2)), pytest.approx((2.4, 2.7))]


@pytest.fixture(scope="module")
def resting(folder, mixer_address):
    """12 s whose vocals rest from 3 s to 6 s and from 8 s to 10 s; the bass goes on."""
    vocals = tone(440.0, num_samples=12 * RATE)
    for first, last in ((3, 6), (8, 10)):
        vocals[:, first * RATE : last * RATE] = 0
    bass = tone(55.0, num_samples=12 * RATE)
    return write_result(folder, {"vocals": vocals, "bass": bass}, rate=RATE)


@pytest.fixture
def visit(chromium, mixer_address, resting):
    """Open the result; keyword arguments are those of a browser context."""
    contexts = []

    def visit(**options):
        contexts.append(chromium.new_context(**options))
        page = contexts[-1].new_page()
        page.goto(mixer_address)
        show_result(page, resting)
        return page

    yield visit
    for context in contexts:
        context.close()


def shown_parts(page, name):
    """Start and end of every bar under a lane, as shares of the width of its picture."""
    script = """(lane) => {
        const view = lane.querySelector(".view").getBoundingClientRect();
        return [...lane.querySelectorAll(".activity i")].map((bar) => {
            const { left, right } = bar.getBoundingClientRect();
            return [(left - view.left) / view.width, (right - view.left) / view.width];
        });
    }"""
    return np.array(lane(page, name).evaluate(script))


def position(page):
    return mixer(page, "mixer.playback.position()")


def test_the_bar_under_a_lane_shows_its_rests_and_the_buttons_skip_them(visit):
    page = visit()
    expected = np.array([[0, 3], [6, 8], [10, 12]]) / 12
    np.testing.assert_allclose(shown_parts(page, "vocals"), expected, atol=0.005)
    bar = lane(page, "vocals").locator(".activity")
    said = "Vocals sounds at 0:00\u20130:03, 0:06\u20130:08, 0:10\u20130:12"
    assert bar.get_attribute("aria-label") == said
    next_part = page.get_by_role("button", name="Next part of Vocals")
    places = []
    for _ in range(2):
        next_part.click()
        places.append(position(page))
    assert places == pytest.approx([6, 10], abs=0.05)
    next_part.click()
    assert page.inner_text(f"{MIXER} .message") == "Vocals does not sound later on."
    page.get_by_role("button", name="Previous part of Vocals").click()
    assert position(page) == pytest.approx(6, abs=0.05)
    page.keyboard.press("p")
    assert position(page) == pytest.approx(0, abs=0.05)
    page.keyboard.press("n")
    assert position(page) == pytest.approx(6, abs=0.05)
    assert not mixer(page, "mixer.playback.playing")  # a click on a button is none on the picture


def test_the_keys_are_for_the_lane_with_the_focus_or_the_first_that_is_heard(visit):
    page = visit()
    page.focus(f"{MIXER} .play")
    page.keyboard.press("n")
    assert position(page) == pytest.approx(6, abs=0.05)  # of the vocals
    lane(page, "bass").locator(".mute").focus()
    page.keyboard.press("n")
    assert page.inner_text(f"{MIXER} .message") == "Bass does not sound later on."
    page.keyboard.press("p")
    assert position(page) == 0


def test_the_lane_without_stems_has_its_parts_once_it_is_drawn(visit):
    page = visit()
    minus = lane(page, "minus")
    assert not minus.locator(".next-part").is_visible()
    page.get_by_role("button", name="Bassless").click()
    page.wait_for_function(f"() => {FIND_MIXER}.lanes.get('minus').parts.length === 3")
    minus.hover()
    assert minus.locator(".next-part").is_visible()


def test_on_a_phone_the_bar_fits_under_the_picture(visit):
    phone = visit(viewport=PHONE, has_touch=True, is_mobile=True)
    expected = np.array([[0, 3], [6, 8], [10, 12]]) / 12
    np.testing.assert_allclose(shown_parts(phone, "vocals"), expected, atol=0.01)
    button = lane(phone, "vocals").locator(".next-part")
    assert button.evaluate("(e) => getComputedStyle(e.parentElement).opacity") == "1"
    assert button.bounding_box()["width"] >= 30
    button.tap()
    wait_for(phone, "Math.abs(mixer.playback.position() - 6) < 0.05")
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
