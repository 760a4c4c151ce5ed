"""Twelve lanes, one of them a part of another, on a phone; and a blend by example."""

import pytest
from signals import chirp, write
from source_lists import SOURCES, app_of
from test_languages import CUT_OFF, separate
from test_ui_in_the_browser import MIXER


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    with app_of(12, tmp_path_factory.mktemp("twelve")) as url:
        yield url


@pytest.fixture
def phone(chromium, url):
    context = chromium.new_context(locale="en-GB", viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector("#separate")
    yield page
    context.close()


def test_twelve_lanes_fit_a_phone_and_are_reached_by_keyboard(phone, song):
    separate(phone, song)
    assert phone.evaluate(CUT_OFF, MIXER) == []
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    lanes = phone.locator(f"{MIXER} .lane[data-kind=stem]")
    assert [lane.get_attribute("data-lane") for lane in lanes.all()] == [*SOURCES[12]]
    assert lanes.nth(3).locator(".title").inner_text() == "Electric guitar"
    hints = phone.locator(f"{MIXER} .lane .hint").all_inner_texts()
    assert [hint for hint in hints if hint] == ["part of other"]
    muted = phone.locator(f"{MIXER} .lane[data-kind=stem] .mute[aria-pressed=true]")
    assert muted.count() == 1  # the part
    hues = phone.evaluate(
        """(root) => [...document.querySelectorAll(root + " .lane[data-kind=stem] .dot")]
            .map((dot) => getComputedStyle(dot).backgroundColor)""",
        MIXER,
    )
    assert len(set(hues)) == 12
    phone.focus(f"{MIXER} .ruler")
    reached = set()
    for _ in range(14 * 12):
        phone.keyboard.press("Tab")
        reached.add(
            phone.evaluate(
                """() => {
                    const lane = document.activeElement.closest(".lane");
                    const isMute = document.activeElement.matches(".mute");
                    return lane && isMute ? lane.dataset.lane : "";
                }"""
            )
        )
    assert set(SOURCES[12]) <= reached


def test_an_example_sets_the_sliders_and_blends_the_song(phone, song, tmp_path):
    phone.set_input_files("#song input[type=file]", str(song))
    phone.wait_for_selector("#song audio", state="attached")
    phone.get_by_role("tab", name="Blend", exact=True).click()
    phone.click("#by_example button")
    example = write(tmp_path / "example.wav", chirp(seconds=1.5))
    phone.set_input_files("#example_sound input[type=file]", str(example))
    phone.wait_for_selector("#example_sound audio", state="attached")
    phone.click("#find")
    phone.wait_for_selector("#found:has-text('Found a blend with an SDR of')")
    phone.wait_for_selector("#blend_mixer .lane[data-lane=exact] .picture:not([hidden])")
    sliders = [f"#blend_{name} input[type=range]" for name in SOURCES[12]]
    weights = [float(phone.locator(slider).input_value()) for slider in sliders]
    assert all(0 <= weight <= 1 for weight in weights)
    assert any(weights)
