"""``python -m zoo evaluate``: score weights on tracks, beside references and baselines."""

import argparse
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Executor

    from zoo.evaluation.records import TrackRecord
    from zoo.evaluation.session import EvaluationSession

HELP = "score weights on a folder of tracks by the MDX, SI-SDR and BSS Eval protocols"
DEFAULT_METRICS = "mdx,si"
DEFAULT_ABSENT_DB = 15.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--model", required=True, metavar="NAME", help="spec name or YAML file")
    parser.add_argument(
        "--weights", default="default", metavar="TAG", help="tag, checkpoint or Hub repository"
    )
    parser.add_argument(
        "--data",
        required=True,
        type=Path,
        metavar="DIR",
        help="one folder per track, one file per source",
    )
    parser.add_argument(
        "--metrics",
        default=DEFAULT_METRICS,
        metavar="LIST",
        help="comma-separated: mdx, si, bsseval or one that a plugin adds; default: %(default)s",
    )
    parser.add_argument(
        "--baselines",
        default="",
        metavar="LIST",
        help="comma-separated networks of other packages: htdemucs, hdemucs, demucs48_hq, umx, "
        "xumx, hdemucs_high, ...",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="keep records (an interrupted run resumes), report.md, report.json and plots here",
    )
    parser.add_argument(
        "--jobs",
        type=int,
        default=1,
        metavar="N",
        help="scoring processes, each with a track in memory; default: %(default)s",
    )
    parser.add_argument(
        "--address",
        help="score on a Ray cluster instead: local, auto or ray://HOST:10001; its machines must "
        "see DIR (docs/scaling.md)",
    )
    parser.add_argument("--device", default="auto", help="where the network runs; default: auto")
    parser.add_argument("--precision", default="auto", help="what it computes in; default: auto")
    parser.add_argument(
        "--raw",
        action="store_true",
        help="score the estimates as the network makes them, without mixture consistency, as the "
        "papers do",
    )
    parser.add_argument(
        "--pitches",
        type=int,
        metavar="N",
        help="1, or 3, 5 or 7 to score the mean of the estimates at so many pitches; default: what "
        "the record of the weights says, mostly 1",
    )
    parser.add_argument(
        "--absent-db",
        type=float,
        default=DEFAULT_ABSENT_DB,
        metavar="DB",
        help="a source further below the mixture of a track is reported, not averaged; 'inf' "
        "averages all but silent ones, as on MUSDB18; default: %(default)s",
    )
    parser.add_argument(
        "--confidence", type=float, default=0.95, help="of the intervals; default: %(default)s"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="of the bootstrap; default: %(default)s"
    )
    parser.add_argument(
        "--published", action="store_true", help="also print the published scores, kept apart"
    )


def run(arguments: argparse.Namespace) -> int:
    """Evaluate and print the report; an interruption still reports the finished tracks."""
    from tqdm import tqdm

    from zoo.evaluation.bootstrap import BootstrapConfig
    from zoo.evaluation.published import PUBLISHED_TABLES
    from zoo.evaluation.report import published_report
    from zoo.evaluation.session import EvaluationSession

    session = EvaluationSession.open(
        arguments.model,
        weights=arguments.weights,
        data=arguments.data,
        metrics=arguments.metrics,
        baselines=_split(arguments.baselines),
        device=arguments.device,
        precision=arguments.precision,
        mixture_consistency=not arguments.raw,
        pitches=arguments.pitches,
        out=arguments.out,
        absent_db=arguments.absent_db,
        bootstrap=BootstrapConfig(confidence=arguments.confidence, seed=arguments.seed),
    )
    with tqdm(total=session.num_records, unit="score", disable=None) as bar:

        def show(record: "TrackRecord") -> None:
            bar.set_postfix_str(f"{record.system} on {record.track}"[:60], refresh=False)
            bar.update()

        try:
            with _scorers(arguments) as (num_jobs, cluster):
                session.run(num_jobs=num_jobs, cluster=cluster, on_record=show)
        except KeyboardInterrupt:
            bar.close()
            _report_partial(session)
            raise
    print(session.report())
    if arguments.published:
        print(published_report(PUBLISHED_TABLES))
    return 0


@contextmanager
def _scorers(arguments: argparse.Namespace) -> "Iterator[tuple[int, Executor | None]]":
    """Yield how many tracks are scored at a time, and the cluster if there is one."""
    if arguments.address is None:
        yield arguments.jobs, None
        return
    from zoo.distributed.cluster import connected
    from zoo.distributed.executor import RayExecutor

    with connected(arguments.address) as ray:
        yield max(1, int(ray.cluster_resources().get("CPU", 1))), RayExecutor()


def _report_partial(session: "EvaluationSession") -> None:
    """Show what is finished before giving way to the interruption."""
    if session.num_finished_tracks:
        print(session.report())
    print(f"{session.num_finished_tracks} tracks are finished", file=sys.stderr)


def _split(text: str) -> list[str]:
    """Read a comma-separated list of names; dashes are as good as underscores."""
    return [name.strip().replace("-", "_") for name in text.split(",") if name.strip()]
