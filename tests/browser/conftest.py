"""A Chromium, a running app and songs for the browser tests."""

import shutil
import threading

import pytest
from app_server import running_app
from mixer_page import served_mixer
from signals import chirp, write
from waiting import PATIENCE

from zoo.separation.separator import Separator

PAGE_PATIENCE = 120_000  # ms; only a hang takes longer
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


def pytest_collection_modifyitems(config, items):
    """Try a test of a page once more whose browser let it wait; the summary counts it as a rerun.

    A browser is many processes that compete for the processor. What never appears is waited for in
    vain twice, and no other failure is tried again.
    """
    if config.pluginmanager.hasplugin("rerunfailures"):
        again = pytest.mark.flaky(reruns=1, only_rerun=r"TimeoutError: .*Timeout \d+ms exceeded")
        for item in items:
            if "chromium" in item.fixturenames:
                item.add_marker(again)


@pytest.fixture(scope="session")
def chromium():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="the browser tests need: pip install playwright"
    )
    if CHROMIUM is None:
        pytest.skip("the browser tests need a Chromium: apt-get install chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=FLAGS, timeout=PAGE_PATIENCE
        )
        _watch(browser)
        yield browser
        browser.close()


SCRIPT_ERRORS: list[str] = []


def _watch(browser):
    """Note every error that a script of a page lets through, in whatever context it is opened.

    All waiting in a context ends with a hang only. Choosers of files are caught from the first
    moment: where a test alone asks for one, the key that opens it can be faster on a busy machine.
    """
    new_context = browser.new_context

    def watched_context(**options):
        context = new_context(**options)
        context.set_default_timeout(PAGE_PATIENCE)
        context.on("weberror", lambda report: SCRIPT_ERRORS.append(str(report.error)))
        context.on("page", lambda page: page.on("filechooser", lambda chooser: None))
        return context

    browser.new_context = watched_context
    browser.new_page = lambda **options: watched_context(**options).new_page()


@pytest.fixture(autouse=True)
def _no_script_errors():
    """Fail a test whose pages let an error through: what came after it was not done."""
    yield
    errors = SCRIPT_ERRORS.copy()
    SCRIPT_ERRORS.clear()
    assert errors == []


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


class Gate:
    """Lets the blocks of separations through one by one."""

    def __init__(self):
        self._permits = threading.Semaphore(0)

    def open(self, num_blocks=1000):
        self._permits.release(num_blocks)

    def stream(self, separator, *arguments, **options):
        for block in STREAM(separator, *arguments, **options):
            assert self._permits.acquire(timeout=PATIENCE)
            yield block


STREAM = Separator.stream


@pytest.fixture
def gate(monkeypatch):
    gate = Gate()
    monkeypatch.setattr(Separator, "stream", lambda *args, **kwargs: gate.stream(*args, **kwargs))
    yield gate
    gate.open()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What a page of the mixer alone is served from."""
    return tmp_path_factory.mktemp("mixer")


@pytest.fixture(scope="module")
def mixer_address(folder):
    """Where that page is."""
    with served_mixer(folder) as address:
        yield address
