"""The page in the languages that it has: what is said, and that it fits."""

import pytest
from test_ui_in_the_browser import MIXER

from zoo.ui.texts import load_texts, wording

LANGUAGES = tuple(load_texts())
TABS = ("separate", "look", "blend", "inside", "zoo", "script")
# Controls and their texts that are cut off, or that stand out of the box around them.
CUT_OFF = """(root) => {
    const box = document.querySelector(root).getBoundingClientRect();
    const isCut = (e) => {
        const { left, right } = e.getBoundingClientRect();
        const isWide = e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1;
        return isWide || right > box.right + 1 || left < box.left - 1;
    };
    const controls = "button, label, summary, kbd, input, a[href], .title, .summary, .facts";
    return [...document.querySelector(root).querySelectorAll(controls)]
        .filter((e) => e.checkVisibility() && e.getBoundingClientRect().width > 1 && isCut(e))
        .map((e) => e.outerHTML.slice(0, 200));
}"""

# gradio turns the arrow of an accordion, which makes its button too wide by a pixel or two.
WIDE = """() => [...document.querySelectorAll("button, label, summary")]
    .filter((e) => !e.matches("table *, .label-wrap, .icon-button"))
    .filter((e) => e.checkVisibility() && e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1)
    .map((e) => e.outerHTML)"""


def separate(page, song):
    page.set_input_files("#song input[type=file]", str(song))
    page.wait_for_selector("#song audio", state="attached")
    page.click("#separate")
    page.wait_for_selector(f"{MIXER} .archive:not([hidden])")


@pytest.fixture
def visitor(chromium, app_url):
    """Opens the page in a language, on a phone."""
    contexts = []

    def open_page(locale, width=390):
        context = chromium.new_context(locale=locale, viewport={"width": width, "height": 844})
        contexts.append(context)
        page = context.new_page()
        page.goto(app_url)
        page.wait_for_selector("#separate")
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_fits_a_phone(visitor, song, language):
    page = visitor(language)
    separate(page, song)
    assert page.evaluate("document.documentElement.lang") == language
    assert page.evaluate(CUT_OFF, MIXER) == []
    for name in TABS:
        tab = page.get_by_role("tab", name=wording(f"page.tab_{name}", language), exact=True)
        assert tab.is_visible()
        tab.click()
        page.wait_for_timeout(300)
        wide = page.evaluate(WIDE)
        assert wide == [], name
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, name


def test_the_page_speaks_german_to_a_german_browser(visitor, song):
    page = visitor("de-CH", width=1280)
    assert page.inner_text("#motto").startswith("Lege ein Lied ab")
    page.wait_for_selector("text=Unser Demolied")
    page.wait_for_selector("#notice:has-text('zu hören sind nicht die Stems')")
    assert page.inner_text("#separate") == "Trennen"
    separate(page, song)
    titles = page.locator(f"{MIXER} .lane .title").all_inner_texts()
    assert titles == ["Original", "Gesang", "Drums", "Bass", "Übrige", "Ohne Gesang"]
    assert "getrennt in" in page.inner_text(f"{MIXER} .summary")
    assert page.inner_text(f"{MIXER} .facts").startswith("Summe der Stems \u2212 Original = \u2212")
    assert page.get_attribute(f"{MIXER} .lane[data-lane=drums] .mute", "aria-label") == (
        "Stumm: Drums"
    )
    page.click("#share")
    page.wait_for_selector("#share:has-text('Link kopiert')")
    page.goto(page.url.split("?")[0] + "?result=" + "0" * 40)
    page.wait_for_selector("#expired:has-text('Dieser Link ist abgelaufen')")


def test_a_language_that_is_not_here_gets_english(visitor):
    page = visitor("fr-FR", width=1280)
    assert page.inner_text("#separate") == "Separate"
    assert page.inner_text(f"{MIXER} .empty p >> nth=0").startswith("Your stems grow here")
