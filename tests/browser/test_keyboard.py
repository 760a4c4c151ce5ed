"""Without a mouse: a song is chosen, separated, played, mixed and saved by keyboard alone."""

import zipfile

import pytest
from test_ui_in_the_browser import MIXER, mixer, wait_for

# Whether somebody sees where the focus is.
SHOWS_FOCUS = """() => {
    const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement);
    const { width, height } = document.activeElement.getBoundingClientRect();
    return outlineStyle !== "none" && parseFloat(outlineWidth) >= 1 && width > 1 && height > 1;
}"""
MOST_STEPS = 120


@pytest.fixture
def page(chromium, app_url):
    """The app for somebody who asks for reduced motion."""
    context = chromium.new_context(
        viewport={"width": 1360, "height": 1000}, reduced_motion="reduce", accept_downloads=True
    )
    page = context.new_page()
    page.goto(app_url)
    page.wait_for_selector("#separate")
    yield page
    context.close()


def tab_to(page, selector):
    """Press Tab until the focus is there; everything on the way shows that it has it."""
    for _ in range(MOST_STEPS):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            continue  # the browser's own bars, between the end of a page and its start
        place = page.evaluate("document.activeElement.outerHTML.slice(0, 200)")
        assert page.evaluate(SHOWS_FOCUS), place
        if page.evaluate("(where) => document.activeElement.matches(where)", selector):
            return
    pytest.fail(f"{selector} is not reached by Tab")


def moves(page):
    return page.evaluate(
        "document.getAnimations().filter((one) => one.playState === 'running').length"
    )


def test_from_upload_to_download_by_keyboard(page, song, tmp_path):
    tab_to(page, "#song .upload-container, #song .upload-container *")
    with page.expect_file_chooser() as waiting:
        page.keyboard.press("Enter")
    waiting.value.set_files(str(song))
    page.wait_for_selector("#song audio", state="attached")
    tab_to(page, "#sources input[name=bass], #sources label:nth-child(3) input")
    page.keyboard.press("Space")
    tab_to(page, "#separate")
    page.keyboard.press("Enter")
    page.wait_for_selector(f"{MIXER} .lane")
    assert moves(page) == 0
    page.wait_for_selector(f"{MIXER} .archive:not([hidden])")
    assert mixer(page, "mixer.stems.map((stem) => stem.name)") == ["vocals", "drums", "other"]
    tab_to(page, f"{MIXER} .play")
    page.keyboard.press("Enter")
    wait_for(page, "mixer.playback.playing")
    page.keyboard.press("Enter")
    wait_for(page, "!mixer.playback.playing")
    tab_to(page, f"{MIXER} .archive")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    waiting.value.save_as(tmp_path / "stems.zip")
    assert len(zipfile.ZipFile(tmp_path / "stems.zip").namelist()) >= 3
    tab_to(page, f"{MIXER} .ruler")
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowRight")
    assert mixer(page, "mixer.playback.position()") == pytest.approx(1.0, abs=0.01)
    tab_to(page, f"{MIXER} .lane[data-lane=drums] .mute")
    page.keyboard.press("Space")
    assert mixer(page, "mixer.lanes.get('drums').muted") is True
    tab_to(page, f"{MIXER} .lane[data-lane=drums] .volume")
    page.keyboard.press("ArrowLeft")
    assert mixer(page, "mixer.lanes.get('drums').volume") == pytest.approx(0.99)
    tab_to(page, f"{MIXER} .lane[data-lane=other] .download")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    assert waiting.value.suggested_filename == "A song - other.flac"
    tab_to(page, "#share")
    assert moves(page) == 0
