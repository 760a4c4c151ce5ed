"""Run a catalogue of very many, very short songs, of which some are broken, while workers die.

    python -m benchmarks.simulate_catalogue [--songs 100000] [--deaths 3] [--folder DIR]

The songs are a second of noise at 8 kHz and the network is a gain, so that what is measured is all
that surrounds the network: listing, scheduling, files, manifest. Every outcome is checked: each
good song has its stem on record and in its folder, and each broken one its reason. Needs Linux.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.catalogue_songs import PeakMemory, cheap_separator, resident_bytes, write_noises
from zoo.catalogue.run import CatalogueRun

SAMPLE_RATE = 8_000
BROKEN_SHARE = 0.01
MEBIBYTE = 2**20


class Killer:
    """Kills a worker whenever a certain number of songs is through.

    Args:
        after: The numbers of songs.
    """

    def __init__(self, after: list[int]) -> None:
        self._after = sorted(after)
        self.num_killed = 0

    def watch(self, progress) -> None:
        """Look at the progress of a run."""
        if self._after and progress.num_done + progress.num_quarantined >= self._after[0]:
            victims = worker_processes()
            if victims:
                self._after.pop(0)
                os.kill(random.choice(victims), signal.SIGKILL)
                self.num_killed += 1


def worker_processes() -> list[int]:
    """Return the processes in which workers run, below this one."""
    return [
        process for process in descendants() if "SeparationActor" in title_of(process)
        or title_of(process).startswith("ray::separate")
    ]  # fmt: skip


def title_of(process: int) -> str:
    """Return the command line of a process; empty once it has ended."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def descendants() -> list[int]:
    """Return the processes below this one."""
    children: dict[int, list[int]] = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(status.parent.name))
    found, waiting = [], [os.getpid()]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def check_outcome(out: Path, *, number: int, broken: frozenset[int]) -> int:
    """Check every song's outcome; return how many songs needed another attempt."""
    from zoo.catalogue.manifest import DONE, Manifest
    from zoo.catalogue.store import Store

    rows = {row.song: row for row in Manifest(Store(str(out))).rows()}
    assert len(rows) == number, f"{len(rows)} of {number} songs are on record"
    for index in range(number):
        row = rows[f"{index // 1000:04}/{index:07}"]
        stem = out / row.song / "vocals.wav"
        assert (row.state == DONE) == (index not in broken), row
        assert stem.is_file() == (index not in broken), row
        if index in broken:
            assert "cut off" in row.error, row
        else:
            assert stem.stat().st_size == row.outputs[0].bytes, row
    return sum(row.attempt > 1 for row in rows.values() if row.state == DONE)


def main() -> int:
    """Print what it took."""
    parser = argparse.ArgumentParser(description="simulate a catalogue of very many songs")
    parser.add_argument("--songs", type=int, default=100_000)
    parser.add_argument("--deaths", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--folder", type=Path, help="for songs and stems (default: a temporary one)"
    )
    arguments = parser.parse_args()
    number, chooser = arguments.songs, random.Random(0)
    broken = frozenset(chooser.sample(range(number), round(BROKEN_SHARE * number)))
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        songs, out = Path(name) / "songs", Path(name) / "out"
        started = time.perf_counter()
        write_noises(songs, number=number, seconds=1.0, sample_rate=SAMPLE_RATE, broken=broken)
        print(f"{number:,} songs written in {time.perf_counter() - started:.0f} s", flush=True)
        simulate(songs, out, number=number, broken=broken, arguments=arguments)
    return 0


def simulate(
    songs: Path,
    out: Path,
    *,
    number: int,
    broken: frozenset[int],
    arguments: argparse.Namespace,
) -> None:
    """Run the catalogue twice, the second time for nothing, and print what it took."""
    from zoo.catalogue.songs import list_songs
    from zoo.catalogue.work import CatalogueJob
    from zoo.catalogue.workforce import Hiring
    from zoo.distributed.cluster import connected

    job = CatalogueJob(
        make_separator=cheap_separator(sample_rate=SAMPLE_RATE, channels=1),
        output=str(out),
        sources=("vocals",),
    )
    killer = Killer([number * (k + 1) // (arguments.deaths + 2) for k in range(arguments.deaths)])
    with connected("local") as ray:
        started = time.perf_counter()
        listed = list_songs(str(songs), str(out))
        listing = time.perf_counter() - started
        before = resident_bytes(os.getpid())
        hiring = Hiring(num_workers=arguments.workers, num_cpus=1, num_gpus=0)
        run = CatalogueRun(ray=ray, job=job, songs=listed, hiring=hiring, on_progress=killer.watch)
        with (
            PeakMemory(lambda: [os.getpid()]) as driver,
            PeakMemory(worker_processes) as workers,
        ):
            summary = run.run()
        progress = summary.progress
        retried = check_outcome(out, number=number, broken=broken)
        started = time.perf_counter()
        again = CatalogueRun(ray=ray, job=job, songs=listed, hiring=hiring).run()
        rerun = time.perf_counter() - started
    assert (again.progress.num_done, again.progress.num_known) == (0, number)
    assert progress.num_deaths == killer.num_killed == arguments.deaths
    assert len(summary.quarantined) == len(broken)
    print(
        f"{progress.num_done:,} done and {len(broken):,} quarantined in {progress.elapsed:.0f} s "
        f"({progress.songs_per_second:.1f} songs/s); {progress.num_deaths} workers died, "
        f"{retried} songs were tried again\n"
        f"listing {listing:.1f} s; rerun that does nothing {rerun:.1f} s\n"
        f"memory: driver {before / MEBIBYTE:.0f} MiB before the run, at most "
        f"{driver.peak / MEBIBYTE:.0f} MiB; workers at most {workers.peak / MEBIBYTE:.0f} MiB "
        f"together\n"
        f"manifest {sum(p.stat().st_size for p in out.rglob('*.parquet')) / MEBIBYTE:.2f} MiB in "
        f"{len(list(out.rglob('*.parquet')))} parts; threads {threading.active_count()}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
