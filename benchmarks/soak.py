"""Soak the app: many visitors at once, some hostile, some who leave; print what it cost.

    HF_HUB_OFFLINE=1 python -m benchmarks.soak [--model NAME] [--visitors 8] [--requests 200]

The app runs in a process of its own and is called over loopback, each visitor from another address
as a proxy would tell it. A tenth of the requests are hostile (files that cost much, arguments that
are none, bodies beyond every bound) or abandoned. Printed are memory and disk of the app while
idle, at the most and at the end, waiting times, and answers by kind. Exit status 1 where a sound
request failed, or a hostile one was served.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import psutil
import soundfile

from benchmarks.soak_visitors import HOSTILE, Record, Request, Visitor, draw, separate

ROOT = Path(__file__).resolve().parents[1]
SERVE = """
import dataclasses, sys, time
import app
from zoo.publishing.space_config import CONFIG_NAME, load_space_config
from zoo.ui.models import ModelShelf
config = load_space_config(CONFIG_NAME)
offered = tuple(model for model in config.models if model.name == sys.argv[1])
config = dataclasses.replace(config, models=offered)
shelf = ModelShelf(config)
shelf.warm_up()
page = app.build_app(config, shelf)
_, url, _ = page.launch(**app.launch_arguments(config), quiet=True, prevent_thread_lock=True)
print("SERVING", url, flush=True)
time.sleep(10**6)
"""
HOSTILE_SHARE = 0.1


def visit(
    url: str, number: int, record: Record, *, model: str, num_requests: int, folder: Path
) -> None:
    """Make the requests of one visitor, one after another."""
    dice = random.Random(number)
    visitor = Visitor(url, number, folder)
    for _ in range(num_requests):
        sound: Request = separate if dice.random() < 0.8 else draw
        request = dice.choice(HOSTILE) if dice.random() < HOSTILE_SHARE else sound
        try:
            request(visitor, record, model, dice)
        except httpx.HTTPStatusError as error:
            with record.lock:
                record.answers[request.__name__, f"status {error.response.status_code}"] += 1


class Watch:
    """Follows the memory of a process and the size of a folder, twice a second."""

    def __init__(self, process: psutil.Process, folder: Path) -> None:
        self._process, self._folder = process, folder
        self.memory: list[float] = []
        self.disk: list[float] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take the last measurement."""
        self._stopped.set()
        self._thread.join()

    def _follow(self) -> None:
        while True:
            self.memory.append(self._process.memory_info().rss / 1e6)
            self.disk.append(folder_megabytes(self._folder))
            if self._stopped.wait(0.5):
                return


def folder_megabytes(folder: Path) -> float:
    """Return the size of all files under a folder."""
    total = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(where) / name).lstat().st_size
            except FileNotFoundError:  # deleted meanwhile
                continue
    return total / 1e6


def make_hostile_files(folder: Path) -> None:
    """Write the files that cost much: too many samples a second, and just as many as are taken."""
    for name, rate, seconds in (("costly_rate", 655_350, 40), ("most_samples", 192_000, 209)):
        with soundfile.SoundFile(folder / f"{name}.flac", "w", rate, 2, "PCM_16") as file:
            for _ in range(seconds):
                file.write(np.zeros((rate, 2), np.int16))


def main() -> int:
    """Run the soak and print its figures."""
    parser = argparse.ArgumentParser(description="soak the app")
    parser.add_argument("--model", default="lightsaft_tfctdf_small")
    parser.add_argument("--visitors", type=int, default=8)
    parser.add_argument("--requests", type=int, default=200)
    arguments = parser.parse_args()
    record = Record()
    with tempfile.TemporaryDirectory() as name:
        folder, uploads = Path(name), Path(name) / "uploads"
        make_hostile_files(folder)
        environment = {**os.environ, "GRADIO_TEMP_DIR": str(uploads)}
        server = subprocess.Popen(
            [sys.executable, "-c", SERVE, arguments.model],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert server.stdout is not None
            url = next(line.split()[1] for line in server.stdout if line.startswith("SERVING"))
            process = psutil.Process(server.pid)
            idle = process.memory_info().rss / 1e6
            watch = Watch(process, uploads)
            began = time.monotonic()
            threads = [
                threading.Thread(
                    target=visit,
                    args=(url, number, record),
                    kwargs={
                        "model": arguments.model,
                        "num_requests": arguments.requests // arguments.visitors,
                        "folder": folder,
                    },
                )
                for number in range(arguments.visitors)
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            took = time.monotonic() - began
            watch.stop()
        finally:
            server.terminate()
            server.wait()
    print_figures(arguments, record, watch, idle=idle, took=took)
    failed = [
        (kind, ended)
        for kind, ended in record.answers
        if (ended == "served") == kind.startswith("hostile") or ended == "no answer"
    ]
    failed = [pair for pair in failed if pair != ("abandoned", "left")]
    return 1 if failed else 0


def print_figures(
    arguments: argparse.Namespace, record: Record, watch: Watch, *, idle: float, took: float
) -> None:
    """Print memory, disk, waiting times and answers as Markdown."""
    print(f"{sum(record.answers.values())} requests of {arguments.visitors} visitors, {took:.0f} s")
    print("\n| | idle | most | end |\n| --- | ---: | ---: | ---: |")
    print(f"| memory (MB) | {idle:.0f} | {max(watch.memory):.0f} | {watch.memory[-1]:.0f} |")
    print(f"| disk (MB) | 0 | {max(watch.disk):.0f} | {watch.disk[-1]:.0f} |")
    print("\n| request | first answer, median / worst (s) | end, median / worst (s) |")
    print("| --- | ---: | ---: |")
    for kind, waits in sorted(record.waits.items()):
        totals = record.totals[kind]
        first = f"{statistics.median(waits):.1f} / {max(waits):.1f}"
        print(f"| {kind} | {first} | {statistics.median(totals):.1f} / {max(totals):.1f} |")
    print("\n| request | ended | count |\n| --- | --- | ---: |")
    for (kind, ended), count in sorted(record.answers.items()):
        print(f"| {kind} | {ended} | {count} |")


if __name__ == "__main__":
    sys.exit(main())
