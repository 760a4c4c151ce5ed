"""Take the screenshots: the app on desktop and phone, light and dark, every tab, the static page.

    python docs/make_screenshots.py [--model NAME] [--weights TAG]

Needs the dev extra, npm and a Chromium on the machine. Writes docs/screenshots/*.png.
"""

import argparse
import dataclasses
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "docs" / "screenshots"
sys.path.insert(0, str(ROOT))
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
DESKTOP, PHONE = (1360, 1010), (390, 1500)
COLORS = 256
PATIENCE_MS = 180_000


@contextmanager
def running_app(model: str | None, weights: str) -> Iterator[str]:
    """Launch the app and yield its address."""
    import app
    from zoo.publishing.space_config import CONFIG_NAME, load_space_config
    from zoo.ui.models import ModelShelf

    config = load_space_config(ROOT / CONFIG_NAME)
    if model is not None:
        chosen = tuple(offered for offered in config.models if offered.name == model)
        config = dataclasses.replace(config, models=chosen)
    page = app.build_app(config, ModelShelf(config, weights=weights))
    arguments = app.launch_arguments(config)
    _, url, _ = page.launch(**arguments, quiet=True, prevent_thread_lock=True)
    try:
        yield url
    finally:
        page.close()


def save(page: Page, name: str) -> None:
    """Save what the window shows, in few colours, so that the repository stays small."""
    image = Image.open(BytesIO(page.screenshot())).convert("RGB")
    image.quantize(COLORS, dither=Image.Dither.NONE).save(TARGET / f"{name}.png", optimize=True)


def open_page(browser: Browser, url: str, *, size: tuple[int, int], scheme: str) -> Page:
    """Open the app in a window of its own and separate the first example."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(f"{url}?__theme={scheme}")
    page.get_by_text("Our demo song").click()
    page.wait_for_selector("#mixer .archive:not([hidden])")
    page.wait_for_selector("#mixer .beats .bpm:has-text(' BPM'):not(:has-text('\u2013'))")
    page.click("#mixer .play")
    page.wait_for_timeout(6000)
    page.click("#mixer .play")
    return page


def picture_tabs(page: Page) -> None:
    """Save the other tabs of a page whose song has been separated."""
    page.get_by_role("tab", name="Look").click()
    page.wait_for_selector("#look_picture img")
    page.wait_for_selector("#look_scores table")
    page.wait_for_timeout(800)
    save(page, "look")
    page.get_by_role("tab", name="Blend").click()
    page.click("#blend")
    page.wait_for_selector("#blend_mixer .lane[data-lane=exact] .picture:not([hidden])")
    page.wait_for_timeout(800)
    save(page, "blend")
    page.get_by_role("tab", name="Inside").click()
    page.wait_for_selector("#inside_picture img")
    page.wait_for_timeout(800)
    save(page, "inside")
    page.get_by_role("tab", name="Zoo").click()
    page.wait_for_selector("#network_picture img")
    page.wait_for_selector("#models >> text=lasaft_v2_light")
    page.wait_for_timeout(800)
    save(page, "zoo")


def picture_static_page(browser: Browser, model: str | None, weights: str) -> None:
    """Save the page that separates in the browser, on a desktop and on a phone."""
    from zoo.browser import build_site, serve_site

    with TemporaryDirectory() as folder:
        build_site(Path(folder) / "site", model=model, weights=weights)
        with serve_site(Path(folder) / "site") as url:
            for name, size, scheme in (
                ("browser_light", DESKTOP, "light"),
                ("browser_phone_dark", PHONE, "dark"),
            ):
                width, height = size
                context = browser.new_context(
                    viewport={"width": width, "height": height},
                    color_scheme="dark" if scheme == "dark" else "light",
                )
                context.set_default_timeout(PATIENCE_MS)
                page = context.new_page()
                page.goto(url)
                page.wait_for_selector("#offline:not(:empty)")
                page.click("#examples button")
                page.wait_for_selector("#mixer .archive:not([hidden])")
                page.click("#mixer .play")
                page.wait_for_timeout(6000)
                page.click("#mixer .play")
                page.wait_for_timeout(500)
                save(page, name)
                context.close()


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", help="offer only this model")
    parser.add_argument("--weights", default="default", help="tag of its weights")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        parser.error("no Chromium found; apt-get install chromium")
    TARGET.mkdir(parents=True, exist_ok=True)
    with (
        running_app(arguments.model, arguments.weights) as url,
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        for device, size in (("desktop", DESKTOP), ("phone", PHONE)):
            for scheme in ("light", "dark"):
                page = open_page(browser, url, size=size, scheme=scheme)
                if device == "phone":
                    page.locator("#mixer .mixer").evaluate("(mixer) => mixer.scrollIntoView()")
                page.wait_for_timeout(500)
                save(page, f"{device}_{scheme}")
                if (device, scheme) == ("desktop", "light"):
                    picture_tabs(page)
                page.context.close()
        picture_static_page(browser, arguments.model, arguments.weights)
        browser.close()


if __name__ == "__main__":
    main()
