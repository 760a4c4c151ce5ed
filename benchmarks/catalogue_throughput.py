"""Time the same songs by turns through `separate`, the catalogue's actors, and Ray Data.

    python -m benchmarks.catalogue_throughput [--songs 20] [--seconds 8] [--rounds 3]

Each case is a process of its own. `whole` counts everything, `work` only from the moment at which
all networks are there. Ray Data runs the same worker as the actors, in a pool of as many actors:
it does what a dozen lines can, without records, retries and back-pressure by songs in hand.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.catalogue_songs import ROOT, cut_songs

NUM_WORKERS = 2


def run_plain(songs: Path, out: Path, model: str, audio_format: str) -> tuple[float, int]:
    """Separate as ``zoo separate`` does; return seconds of work and how many songs it did."""
    import zoo
    from zoo.audio import find_format
    from zoo.separation.album import separate_songs
    from zoo.separation.job import SeparationJob
    from zoo.separation.planning import plan_separations

    separator = zoo.Separator(model)
    started = time.perf_counter()
    job = SeparationJob(separator=separator, audio_format=find_format(audio_format))
    outcomes = list(separate_songs(job, plan_separations([songs], out).songs))
    return time.perf_counter() - started, sum(each.result is not None for each in outcomes)


def make_job(out: Path, model: str, audio_format: str):
    """Return the job of both Ray cases."""
    import functools

    from zoo.catalogue.work import CatalogueJob
    from zoo.separation.separator import Separator

    make = functools.partial(Separator, model)
    return CatalogueJob(make_separator=make, output=str(out), format=audio_format)


def run_actors(songs: Path, out: Path, model: str, audio_format: str) -> tuple[float, int]:
    """Separate as ``zoo catalogue`` does."""
    from zoo.catalogue.run import CatalogueRun
    from zoo.catalogue.songs import list_songs
    from zoo.catalogue.workforce import Hiring, WorkerFacts, Workforce
    from zoo.distributed.cluster import connected

    class PatientRun(CatalogueRun):
        def _await_first(self, workforce: Workforce) -> WorkerFacts:
            while len(workforce.ready) < NUM_WORKERS:  # as Ray Data does
                list(workforce.wait(seconds=1.0))
            return super()._await_first(workforce)

    with connected("local") as ray:
        run = PatientRun(
            ray=ray,
            job=make_job(out, model, audio_format),
            songs=list_songs(str(songs), str(out)),
            hiring=Hiring.for_cluster(ray, workers=NUM_WORKERS),
        )
        progress = run.run().progress
        print(f"networks busy {progress.device_share:.0%}", file=sys.stderr)
    return progress.elapsed, progress.num_done


def run_data(songs: Path, out: Path, model: str, audio_format: str) -> tuple[float, int]:
    """Separate with Ray Data's map over an actor pool."""
    from zoo.catalogue.songs import list_songs
    from zoo.catalogue.work import SongWorker
    from zoo.distributed.cluster import connected

    job, listed = make_job(out, model, audio_format), list_songs(str(songs), str(out))

    class Mapper:
        def __init__(self) -> None:
            self.worker = SongWorker(job)

        def __call__(self, row: dict) -> dict:
            started = time.time()
            state = self.worker.separate(listed[row["item"]]).state
            return {"state": state, "started": started, "ended": time.time()}

    with connected("local") as ray:
        share = int(ray.cluster_resources()["CPU"]) // NUM_WORKERS
        rows = (
            ray.data.from_items(list(range(len(listed))), override_num_blocks=len(listed))
            .map(Mapper, concurrency=NUM_WORKERS, num_cpus=share)
            .take_all()
        )
    work = max(row["ended"] for row in rows) - min(row["started"] for row in rows)
    return work, sum(row["state"] == "done" for row in rows)


CASES: dict[str, Callable[[Path, Path, str, str], tuple[float, int]]] = {
    "plain": run_plain,
    "actors": run_actors,
    "data": run_data,
}


def time_case(case: str, songs: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Run a case in a process of its own; return its seconds."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "benchmarks.catalogue_throughput", "--case", case]
        command += ["--folder", str(songs), "--out", out, "--model", arguments.model]
        command += ["--format", arguments.format]
        started = time.perf_counter()
        done = subprocess.run(
            command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=True
        )
        whole = time.perf_counter() - started
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["songs"] == arguments.songs, done.stderr
    return {"whole": whole, "work": said["work"]}


def main() -> int:
    """Print every round, and medians of the ratios to the plain command."""
    parser = argparse.ArgumentParser(description="time catalogues against the plain command")
    parser.add_argument("--model", default="lightsaft_tfctdf_small")
    parser.add_argument("--songs", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--format", default="flac")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", default=",".join(CASES), help="which (default: %(default)s)")
    parser.add_argument("--case", choices=list(CASES), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.case is not None:
        run = CASES[arguments.case]
        work, songs = run(arguments.folder, arguments.out, arguments.model, arguments.format)
        print(json.dumps({"work": work, "songs": songs}))
        return 0
    cases = arguments.cases.split(",")
    rounds: list[dict[str, dict[str, float]]] = []
    with tempfile.TemporaryDirectory() as name:
        cut_songs(Path(name), number=arguments.songs, seconds=arguments.seconds)
        for index in range(arguments.rounds):
            rounds.append({case: time_case(case, Path(name), arguments) for case in cases})
            told = (f"{c} {t['work']:.1f} s of {t['whole']:.1f} s" for c, t in rounds[-1].items())
            print(f"round {index}: {', '.join(told)}", flush=True)
    for case in cases[1:]:
        for kind in ("work", "whole"):
            ratio = statistics.median(each[cases[0]][kind] / each[case][kind] for each in rounds)
            print(f"throughput of {case} over {cases[0]}, {kind}: {ratio:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
