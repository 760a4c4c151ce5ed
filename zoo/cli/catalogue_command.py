"""``catalogue``: the same separation over many songs and many machines."""

import argparse
import functools
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from zoo.cli.separation_options import (
    add_separation_arguments,
    separator_options,
    split_names,
)

if TYPE_CHECKING:
    from zoo.catalogue.estimate import CatalogueEstimate
    from zoo.catalogue.run import CatalogueRun, Progress
    from zoo.catalogue.songs import CatalogueSong
    from zoo.catalogue.work import CatalogueJob
    from zoo.catalogue.workforce import Hiring, WorkerFacts

HELP = "separate a catalogue of songs on one machine or a cluster, and go on where it stopped"
STATUS = "status"
MAX_NAMED = 20
BAR_FORMAT = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``catalogue``."""
    parser.add_argument(
        "source",
        metavar="SOURCE",
        help="folder, pattern, or table (.csv, .parquet, .jsonl) with a column 'path' and perhaps "
        "'sources' and 'name'; paths or addresses (s3://, gs://, hf://, ...). The word 'status' "
        "shows what became of the songs in OUT",
    )
    parser.add_argument("output", metavar="OUT", help="folder or address for the stems")
    parser.add_argument(
        "--address",
        default="local",
        help="the cluster: local (this machine), auto (the one this machine belongs to) or "
        "ray://HOST:10001 (default: %(default)s)",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="networks at work at once (default: one a GPU, or one a core without GPUs)",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say how many songs and hours there are and how long they would take, and stop",
    )
    parser.add_argument(
        "--retry-quarantined",
        action="store_true",
        help="try songs again that failed in an earlier run and did not change since",
    )
    add_separation_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Separate the catalogue, or say what became of it; 1 where songs are quarantined."""
    previous = signal.signal(signal.SIGTERM, _stop)
    try:
        if arguments.source == STATUS:
            return _show_status(arguments.output)
        return _separate(arguments)
    finally:
        signal.signal(signal.SIGTERM, previous)


def _show_status(output: str) -> int:
    from zoo.catalogue.manifest import QUARANTINED
    from zoo.catalogue.overview import read_status

    status = read_status(output)
    print(status.format())
    return 1 if status.counts[QUARANTINED] else 0


def _separate(arguments: argparse.Namespace) -> int:
    from zoo.audio import find_format
    from zoo.catalogue.run import CatalogueRun
    from zoo.catalogue.songs import list_songs
    from zoo.catalogue.store import is_local, local_path
    from zoo.catalogue.work import CatalogueJob
    from zoo.catalogue.workforce import Hiring
    from zoo.distributed.cluster import connected
    from zoo.separation.naming import check_template
    from zoo.separation.separator import Separator

    audio_format = find_format(arguments.format)
    template = check_template(arguments.name, needs_stem=not audio_format.is_multitrack)
    output = arguments.output.rstrip("/") or "/"
    if is_local(output):
        output = str(local_path(output).absolute())
    songs = list_songs(arguments.source, output)
    sources = split_names(arguments.sources)
    job = CatalogueJob(
        make_separator=functools.partial(Separator, **_for_workers(separator_options(arguments))),
        output=output,
        format=arguments.format,
        sources=tuple(sources) if sources else None,
        two_stems=arguments.two_stems,
        name_template=template,
    )
    with connected(arguments.address) as ray:
        hiring = Hiring.for_cluster(ray, workers=arguments.workers)
        if arguments.dry_run:
            print(_estimate(job, songs, hiring).format())
            return 0
        run = CatalogueRun(
            ray=ray,
            job=job,
            songs=songs,
            hiring=hiring,
            retry=arguments.retry_quarantined,
        )
        return _watch(run)


def _for_workers(options: dict[str, Any]) -> dict[str, Any]:
    """Name files of networks and weights by paths that hold in any folder."""
    files = {
        name: str(Path(options[name]).absolute())
        for name in ("model", "weights", "condition")
        if options[name] is not None and Path(options[name]).exists()
    }
    return options | files


def _estimate(
    job: "CatalogueJob", songs: "list[CatalogueSong]", hiring: "Hiring"
) -> "CatalogueEstimate":
    """Estimate in a process of the cluster, which computes as a worker will."""
    from zoo.catalogue.estimate import estimate_catalogue
    from zoo.distributed.executor import RayExecutor

    with RayExecutor(num_cpus=hiring.num_cpus, num_gpus=hiring.num_gpus) as executor:
        future = executor.submit(estimate_catalogue, job, songs, num_workers=hiring.num_workers)
        return future.result()


def _watch(run: "CatalogueRun") -> int:
    """Do a run under a progress line, and list the songs that have no stems."""
    from tqdm import tqdm

    def introduce(facts: "WorkerFacts") -> None:
        tqdm.write(f"{facts.model} on {facts.device}: {len(run.songs):,} songs", file=sys.stdout)

    with tqdm(total=len(run.songs), unit="song", bar_format=BAR_FORMAT, disable=None) as bar:

        def show(progress: "Progress") -> None:
            bar.set_postfix_str(_describe(progress), refresh=False)
            finished = progress.num_known + progress.num_done + progress.num_quarantined
            bar.update(finished - bar.n)

        run.on_start, run.on_progress = introduce, show
        summary = run.run()
    progress, quarantined = summary.progress, summary.quarantined
    print(
        f"{progress.num_done:,} songs separated, {progress.num_known:,} known already, "
        f"{len(quarantined):,} quarantined; {_describe(progress)}"
    )
    for song, reason in quarantined[:MAX_NAMED]:
        print(f"quarantined: {song}: {reason}", file=sys.stderr)
    if len(quarantined) > MAX_NAMED:
        more = len(quarantined) - MAX_NAMED
        print(f"and {more:,} more: python -m zoo catalogue status OUT", file=sys.stderr)
    return 1 if quarantined else 0


def _describe(progress: "Progress") -> str:
    """Say in one line how a run goes."""
    parts = [
        f"{progress.songs_per_second:.2f} songs/s",
        f"{progress.audio_hours_per_hour:.1f} h of audio/h",
        f"networks busy {progress.device_share:.0%}",
    ]
    if progress.num_deaths:
        parts.append(f"{progress.num_deaths} workers died")
    if progress.seconds_left:
        parts.append(f"{progress.seconds_left / 3600:.1f} h left")
    return ", ".join(parts)


def _stop(signal_number: int, frame: FrameType | None) -> None:
    """End as on Ctrl-C, so that what is finished is put on record."""
    raise KeyboardInterrupt
