"""Time one network through torch, OpenVINO, ONNX Runtime and a browser's WebAssembly, turn by turn.

    python -m benchmarks.browser_speed [--seconds 13] [--rounds 3]

Prints seconds of work per second of audio, the median over the rounds. Every system separates the
same stretch of the demo song into all sources at one pitch, once before the clock runs. Needs the
dev extra, npm and a Chromium.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import soundfile
from playwright.sync_api import Browser, sync_playwright

from zoo.audio import read_audio
from zoo.browser import build_site, serve_site
from zoo.browser.building import DEFAULT_MODEL
from zoo.browser.songs import SITE_SONGS
from zoo.records.tables import markdown_table
from zoo.separation.separator import Separator

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PYTHON_SYSTEMS = (
    ("torch", "float32"),
    ("openvino", "float32"),
    ("openvino", "bfloat16"),
    ("onnxruntime", "float32"),
)
PATIENCE_MS = 600_000
Run = Callable[[], float]


def python_system(backend: str, precision: str, song: tuple[np.ndarray, int], graphs: Path) -> Run:
    """Return what times a separation by a backend; ONNX Runtime reads the exported graphs."""
    model = graphs if backend == "onnxruntime" else DEFAULT_MODEL
    separator = Separator(model, backend=backend, precision=precision, device="cpu", pitches=1)

    def run() -> float:
        start = time.perf_counter()
        separator(song)
        return time.perf_counter() - start

    return run


@contextmanager
def browser_system(browser: Browser, site: Path, song: Path, *, threads: bool) -> Iterator[Run]:
    """Yield what times a separation by the page, from the open network to the last stem."""
    with serve_site(site, is_isolated=threads) as address:
        context = browser.new_context(
            bypass_csp=True, service_workers="allow" if threads else "block"
        )
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.goto(address)
        page.wait_for_selector("#compute:not(:empty)")

        def run() -> float:
            page.set_input_files("#file", str(song))
            page.wait_for_selector("#mixer .progress:not([hidden])")
            page.wait_for_selector("#mixer .archive:not([hidden])")
            return page.evaluate("page.separation.seconds")

        yield run
        context.close()


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=13, help="of audio")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        parser.error("no Chromium found; apt-get install chromium")
    samples, rate = read_audio(SITE_SONGS[0].path)
    samples = samples[:, : round(arguments.seconds * rate)]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        soundfile.write(folder / "song.wav", samples.T, rate, subtype="FLOAT")
        build_site(folder / "site")
        graphs = folder / "site" / "model"
        runs: dict[str, Run] = {
            f"{backend}, {precision}": python_system(backend, precision, (samples, rate), graphs)
            for backend, precision in PYTHON_SYSTEMS
        }
        driver = stack.enter_context(sync_playwright())
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        stack.callback(browser.close)
        for name, threads in (("with threads", True), ("one thread", False)):
            system = browser_system(browser, folder / "site", folder / "song.wav", threads=threads)
            runs[f"Chromium, WebAssembly {name}"] = stack.enter_context(system)
        times: dict[str, list[float]] = {name: [] for name in runs}
        for round_number in range(arguments.rounds + 1):
            for name, run in runs.items():
                seconds = run()
                if round_number:  # the first warms up
                    times[name].append(seconds)
    per_second = {name: statistics.median(t) / arguments.seconds for name, t in times.items()}
    torch_seconds = per_second["torch, float32"]
    rows = [
        (name, f"{seconds:.3f}", f"{torch_seconds / seconds:.2f}")
        for name, seconds in per_second.items()
    ]
    print(markdown_table(("system", "s per s of audio", "times as fast as torch"), rows))


if __name__ == "__main__":
    main()
