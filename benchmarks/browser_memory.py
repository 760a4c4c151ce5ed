"""Measure the memory that the static page takes for a long song, while it separates and plays.

    python -m benchmarks.browser_memory [--minutes 4] [--model NAME]

Plays from the first piece on, so that all stems are decoded, and packs the zip at the end. Prints
the largest proportional set size of the page's process, and of all of Chromium's together. Linux
only. Needs the dev extra, npm and a Chromium.
"""

import argparse
import shutil
import tempfile
import threading
from pathlib import Path

import numpy as np
import soundfile
from playwright.sync_api import Page, sync_playwright

from zoo.audio import read_audio
from zoo.browser import build_site, serve_site
from zoo.browser.songs import SITE_SONGS

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-extensions"]
INTERVAL_SECONDS = 0.5
PATIENCE_MS = 3_600_000


class MemoryWatch(threading.Thread):
    """Follows the memory of the Chromium that this process started, until ``stop`` is set."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.stop = threading.Event()
        self.page_bytes = self.all_bytes = 0

    def run(self) -> None:
        """Note the largest sizes."""
        while not self.stop.wait(INTERVAL_SECONDS):
            sizes = {name: _proportional_bytes(name) for name in _chromium_processes()}
            self.all_bytes = max(self.all_bytes, sum(sizes.values()))
            pages = [size for name, size in sizes.items() if b"--type=renderer" in _command(name)]
            self.page_bytes = max(self.page_bytes, *pages, 0)


def _command(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""  # it has just ended


def _chromium_processes() -> list[Path]:
    """Return the processes that descend from this one and are Chromium's."""
    parents = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            status = (process / "stat").read_text()
        except OSError:
            continue
        parents[process.name] = status.rpartition(")")[2].split()[1]
    ours = {str(threading.main_thread().native_id)}
    for _ in parents:
        more = {name for name, parent in parents.items() if parent in ours} - ours
        if not more:
            break
        ours |= more
    return [Path("/proc") / name for name in ours if b"chromium" in _command(Path("/proc") / name)]


def _proportional_bytes(process: Path) -> int:
    try:
        lines = (process / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))


def separate_and_play(page: Page, address: str, song: Path) -> float:
    """Separate a song while its stems play, pack them, and return the seconds it took."""
    page.goto(address)
    page.wait_for_selector("#compute:not(:empty)")
    page.set_input_files("#file", str(song))
    page.wait_for_selector("#mixer .lane.growing .pieces img")
    page.click("#mixer .play")
    page.wait_for_selector("#mixer .archive:not([hidden]), #alert:not([hidden])")
    if page.is_visible("#alert"):
        raise RuntimeError(page.inner_text("#alert"))
    with page.expect_download() as waiting:
        page.click("#mixer .archive")
    waiting.value.path()
    return page.evaluate("page.separation.seconds")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=4, help="length of the song")
    parser.add_argument("--model", help="network of the page (default: the house network)")
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        parser.error("no Chromium found; apt-get install chromium")
    samples, rate = read_audio(SITE_SONGS[0].path)
    length = round(60 * arguments.minutes * rate)
    samples = np.tile(samples, -(-length // samples.shape[1]))[:, :length]
    watch = MemoryWatch()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        song = Path(name) / "song.flac"
        soundfile.write(song, samples.T, rate)
        build_site(Path(name) / "site", model=arguments.model)
        # A profile on the disk: private windows keep the browser's file system in the memory.
        context = driver.chromium.launch_persistent_context(
            Path(name) / "profile", executable_path=chromium, args=FLAGS, bypass_csp=True
        )
        context.set_default_timeout(PATIENCE_MS)
        with serve_site(Path(name) / "site") as address:
            page = context.new_page()
            watch.start()
            seconds = separate_and_play(page, address, song)
            watch.stop.set()
            watch.join()
        context.close()
    print(
        f"{arguments.minutes:g} minutes of song in {seconds:.0f} s: at most "
        f"{watch.page_bytes / 1e6:.0f} MB in the page's process, "
        f"{watch.all_bytes / 1e6:.0f} MB in all of Chromium"
    )


if __name__ == "__main__":
    main()
