"""The app by axe-core: WCAG 2.1, levels A and AA, in every tab, light and dark, empty and full."""

import shutil

import pytest
from axe import check_page
from test_languages import TABS, separate

from zoo.ui.texts import wording

# What is wrong within gradio's own widgets and cannot be mended from outside: rule, where, why.
GRADIOS = (
    ("label-content-name-mismatch", ".upload-container", "the name is not the text inside"),
    ("label-content-name-mismatch", ".playback", "the name says the next speed, not the present"),
    ("aria-prohibited-attr", ".empty", "the place of a picture that is not there has no role"),
    ("button-name", ".image-container button", "a picture as a button; its toolbar has names"),
    ("color-contrast", ".cm-line span", "the colours of code, whose classes have random names"),
    ("scrollable-region-focusable", ".cm-scroller", "code that cannot be edited takes no focus"),
)


@pytest.fixture(scope="module")
def npm():
    if shutil.which("npm") is None:
        pytest.skip("axe-core comes from npm")


def check_tabs(page, *, with_song):
    """Look at every tab, light and dark; returns which of gradio's faults were met."""
    met = set()
    for name in TABS:
        page.get_by_role("tab", name=wording(f"page.tab_{name}"), exact=True).click()
        if name == "zoo":
            page.wait_for_selector("#network_picture img")
        elif with_song and name in ("look", "inside"):
            page.wait_for_selector(f"#{name}_picture img")
        elif with_song and name == "blend":
            page.click("#blend")
            page.wait_for_selector("#blend_mixer .lane[data-lane=exact] .picture:not([hidden])")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_selector(
                "body.dark", state="attached" if scheme == "dark" else "detached"
            )
            faults, known = check_page(page, [fault[:2] for fault in GRADIOS])
            assert faults == [], (name, scheme)
            met |= known
    return met


def test_every_tab_follows_wcag(npm, chromium, app_url, song):
    context = chromium.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(app_url, wait_until="domcontentloaded")
    page.wait_for_selector("#separate")
    met = check_tabs(page, with_song=False)
    page.get_by_role("tab", name=wording("page.tab_separate"), exact=True).click()
    separate(page, song)
    met |= check_tabs(page, with_song=True)
    context.close()
    assert met == set(range(len(GRADIOS)))  # what gradio has mended is struck off the list
