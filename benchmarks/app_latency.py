"""How soon a visitor of the app hears a stem and has all of them, beside the command line's time.

    HF_HUB_OFFLINE=1 python -m benchmarks.app_latency [--rounds 3]

Uploads the demo song in Chromium, asks for all stems and presses play as soon as a stem can be
played. Needs the dev extra and a Chromium on the machine.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Error, Page, sync_playwright

from zoo.audio import read_audio, write_audio

ROOT = Path(__file__).resolve().parents[1]
SONG = ROOT / "zoo" / "examples" / "demo_song" / "mixture.ogg"
FLAGS = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"]
START_APP = "import app; app.main()"
FIND_MIXER = "[...document.querySelectorAll('#mixer, #mixer *')].find((e) => e.stemMixer).stemMixer"
# Runs in the page: seconds from the click to the first sound of a stem, and to all stems.
MEASURE = f"""async () => {{
    const mixer = {FIND_MIXER};
    const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
    const began = performance.now();
    document.querySelector('#separate').click();
    const playable = (lane) => lane.audio || (lane.pieces && lane.pieces.length);
    const lanes = () => (mixer.state ? mixer.state.lanes : []);
    const stems = () => lanes().filter((lane) => lane.kind === 'stem');
    while (!stems().some(playable)) await sleep(20);
    mixer.only((lane) => lane.kind === 'stem');
    await mixer.start();
    const loud = () => stems().some((lane) => (mixer.levels()[lane.name] || 0) > 1e-5);
    while (!loud()) await sleep(10);
    const heard = performance.now() - began;
    while (mixer.state.progress || !stems().every((lane) => lane.audio)) await sleep(20);
    return [heard / 1000, (performance.now() - began) / 1000];
}}"""


def measure_app(page: Page, url: str, song: Path) -> tuple[float, float]:
    """Return the seconds until a stem was heard and until all stems were there."""
    page.goto(url)
    page.set_input_files("#song input[type=file]", str(song))
    page.wait_for_selector("#song audio, #song .waveform-container, #song canvas", state="attached")
    page.wait_for_timeout(1000)
    heard, complete = page.evaluate(MEASURE)
    return heard, complete


def measure_command(song: Path) -> float:
    """Return the seconds of work that ``separate`` prints for the song."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "zoo", "separate", str(song), "-o", out, "-f", "flac"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout.splitlines()[-1].split(" in ")[1].split(" s ")[0])


def main() -> int:
    """Take turns with both and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"GRADIO_TEMP_DIR": folder, "GRADIO_SERVER_PORT": "7999"}
        app = subprocess.Popen([sys.executable, "-c", START_APP], cwd=ROOT, env=environment)
        # A song of its own: the app remembers what it made of the examples.
        song = Path(folder) / "song.flac"
        write_audio(song, *read_audio(SONG), name="flac")
        try:
            times = _measure(arguments.rounds, song)
        finally:
            app.terminate()
            app.wait()
    heard, complete, command = (statistics.median(column) for column in zip(*times, strict=True))
    print(f"click to the first sound of a stem: {heard:.2f} s")
    print(f"click to all stems: {complete:.2f} s")
    print(f"python -m zoo separate: {command:.2f} s; the app takes {complete / command:.2f} times")
    return 0


def _measure(rounds: int, song: Path) -> list[tuple[float, float, float]]:
    url = "http://127.0.0.1:7999"
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(120_000)
        for _ in range(240):
            try:
                page.goto(url)
                break
            except Error:  # the app is still loading its models
                time.sleep(0.5)
        times = [(*measure_app(page, url, song), measure_command(song)) for _ in range(rounds)]
        browser.close()
    return times


if __name__ == "__main__":
    sys.exit(main())
