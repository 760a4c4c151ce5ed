"""A Chromium, a running app and songs for the browser tests."""

import shutil

import pytest
from app_server import running_app
from signals import chirp, write

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=user-gesture-required",
]


@pytest.fixture(scope="session")
def chromium():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="the browser tests need: pip install playwright"
    )
    if CHROMIUM is None:
        pytest.skip("the browser tests need a Chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def app_url(tmp_path_factory):
    with running_app(tmp_path_factory.mktemp("browser_uploads")) as url:
        yield url


@pytest.fixture(scope="session")
def song(tmp_path_factory):
    return write(tmp_path_factory.mktemp("song") / "A song.wav", chirp(seconds=3.0))


@pytest.fixture
def context(chromium, app_url):
    """A visitor; notes page errors and every request that leaves for another site."""
    context = chromium.new_context(
        viewport={"width": 1360, "height": 1000},
        permissions=["clipboard-read", "clipboard-write"],
        accept_downloads=True,
    )
    context.set_default_timeout(30_000)
    context.troubles = []
    yield context
    context.close()


@pytest.fixture
def page(context, app_url):
    page = context.new_page()
    page.on("pageerror", lambda error: context.troubles.append(f"error: {error}"))

    def watch(request):
        if not request.url.startswith((app_url, "blob:", "data:")):
            context.troubles.append(f"request: {request.url}")

    page.on("request", watch)
    page.goto(app_url)
    page.wait_for_selector("#separate")
    return page
