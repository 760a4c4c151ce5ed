"""Time the app in a browser: from the click to the first sound of a stem, and to all stems.

    HF_HUB_OFFLINE=1 python -m benchmarks.app_latency [--model NAME] [--song FILE] [--rounds 3]

Every round also separates the song by the command line, whose own timing leaves out its start, and
through the app's API without a browser. The app counts everything from the click on: checking the
song, pictures and files. In the browser's figures Chromium shares the machine's cores, where its
drawing and decoding count as well. Needs the dev extra and a Chromium. Run it on a quiet machine.
"""

import argparse
import dataclasses
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import soundfile
from gradio_client import Client, handle_file
from playwright.sync_api import Browser, sync_playwright

from zoo.publishing.space_config import CONFIG_NAME, load_space_config
from zoo.ui.models import ModelShelf

ROOT = Path(__file__).resolve().parents[1]
SONG = ROOT / "zoo" / "examples" / "demo_song" / "mixture.ogg"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
PATIENCE_MS = 600_000
FIND_MIXER = "[...document.querySelectorAll('#mixer, #mixer *')].find((e) => e.stemMixer).stemMixer"
IS_HEARD = (
    "() => { const { playback } = FIND_MIXER; return playback.playing && playback.position() > 0; }"
).replace("FIND_MIXER", FIND_MIXER)


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """One round.

    Attributes:
        first_sound: Seconds from the click until a stem is heard; play is pressed as soon as a
            stem can be played.
        all_stems: Seconds from the click until the last file can be downloaded.
        api: Seconds of the app for all files without a browser, as it says itself.
        command_line: Seconds of the command line for the same song, without its start.
    """

    first_sound: float
    all_stems: float
    api: float
    command_line: float


@contextmanager
def running_app(model: str) -> Iterator[str]:
    """Launch the app with one model, warmed up as ``python app.py`` does, and yield its address."""
    import app

    config = load_space_config(ROOT / CONFIG_NAME)
    offered = tuple(choice for choice in config.models if choice.name == model)
    config = dataclasses.replace(config, models=offered)
    shelf = ModelShelf(config)
    shelf.warm_up()
    page = app.build_app(config, shelf)
    arguments = app.launch_arguments(config)
    _, url, _ = page.launch(**arguments, quiet=True, prevent_thread_lock=True)
    try:
        yield url
    finally:
        page.close()


def time_app(browser: Browser, url: str, song: Path) -> tuple[float, float]:
    """Separate a song as a visitor does; return seconds to the first sound and to all stems."""
    context = browser.new_context(viewport={"width": 1360, "height": 1000})
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(url)
    page.set_input_files("#song input[type=file]", str(song))
    page.wait_for_selector("#song audio", state="attached")
    page.wait_for_timeout(1000)  # the upload's waveform is drawn
    start = time.monotonic()
    page.click("#separate")
    page.wait_for_selector("#mixer .lane[data-kind=stem]:not(.pending)")
    page.click("#mixer .play")
    page.wait_for_function(IS_HEARD)
    first_sound = time.monotonic() - start
    page.wait_for_selector("#mixer .archive:not([hidden])")
    all_stems = time.monotonic() - start
    context.close()
    return first_sound, all_stems


def time_api(url: str, model: str, song: Path) -> float:
    """Separate a song through the API; return the seconds that the app says the work took."""
    state = Client(url, verbose=False, download_files=False).predict(
        song=handle_file(song),
        model=model,
        sources=["vocals", "drums", "bass", "other"],
        file_format="flac",
        api_name="/separate",
    )
    said = re.search(r"separated in ([\d.]+) s", state["summary"])
    assert said is not None, state["summary"]
    return float(said[1])


def time_command_line(model: str, song: Path, folder: Path) -> float:
    """Separate a song by the command line; return the seconds that it says the work took."""
    command = [sys.executable, "-m", "zoo", "separate", str(song), "--model", model]
    command += ["--format", "flac", "-o", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    said = re.search(r" s in ([\d.]+) s ", done.stdout + done.stderr)
    assert said is not None, done.stdout + done.stderr
    return float(said[1])


def main() -> int:
    """Print every round and the medians."""
    parser = argparse.ArgumentParser(description="time the app in a browser")
    parser.add_argument("--model", default="lightsaft_tfctdf_small")
    parser.add_argument("--song", type=Path, default=SONG)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    timings = []
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        # As another file than the packaged example, whose result the app would remember.
        song = Path(name) / "song.flac"
        soundfile.write(song, *soundfile.read(arguments.song, dtype="float32"))
        chromium = shutil.which("chromium") or shutil.which("chromium-browser")
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        with running_app(arguments.model) as url:
            for index in range(arguments.rounds):
                seconds = time_command_line(arguments.model, song, Path(name) / str(index))
                first_sound, all_stems = time_app(browser, url, song)
                timing = Timing(
                    first_sound=first_sound,
                    all_stems=all_stems,
                    api=time_api(url, arguments.model, song),
                    command_line=seconds,
                )
                timings.append(timing)
                print(timing, flush=True)
        browser.close()
    medians = {
        field.name: statistics.median(getattr(timing, field.name) for timing in timings)
        for field in dataclasses.fields(Timing)
    }
    print(", ".join(f"{name} {seconds:.2f} s" for name, seconds in medians.items()))
    for name in ("api", "all_stems"):
        ratios = [getattr(timing, name) / timing.command_line for timing in timings]
        print(f"{name} / command line: {statistics.median(ratios):.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
