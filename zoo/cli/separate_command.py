"""``separate``: songs and folders of songs into folders of stems."""

import argparse
import logging
import signal
import sys
from contextlib import closing
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from zoo.cli.separation_options import (
    add_separation_arguments,
    separator_options,
    split_names,
)

if TYPE_CHECKING:
    from zoo.separation.files import SeparatedFile
    from zoo.separation.job import SeparationJob
    from zoo.separation.planning import PlannedSong, SeparationPlan
    from zoo.separation.separator import Separator

HELP = "separate songs, or folders of songs, into stems"
EXIT_DONE, EXIT_SOME_FAILED = 0, 1
MAX_NAMED = 3
BAR_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}{postfix}]"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``separate``."""
    parser.add_argument(
        "inputs",
        nargs="+",
        type=Path,
        metavar="SONG",
        help="audio files, folders of them, or - for standard input",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("separated"),
        metavar="OUT",
        help="folder for the stems; every song gets a folder in it (default: %(default)s). "
        "- writes one stem as WAV to standard output: that of --two-stems, or the one of --sources",
    )
    add_separation_arguments(parser)
    parser.add_argument(
        "--overwrite",
        action="store_true",
        help="separate again what is complete already, and replace another song's stems",
    )


def run(arguments: argparse.Namespace) -> int:
    """Separate every song; one that fails does not stop the others."""
    previous = signal.signal(signal.SIGTERM, _stop)
    try:
        if arguments.output == Path("-"):
            return _separate_to_stdout(arguments)
        return _separate_songs(arguments)
    finally:
        signal.signal(signal.SIGTERM, previous)


def _separate_songs(arguments: argparse.Namespace) -> int:
    from zoo.audio import find_format
    from zoo.separation.job import SeparationJob
    from zoo.separation.naming import check_template
    from zoo.separation.planning import plan_separations
    from zoo.separation.stem_writer import make_folder, note_random_weights
    from zoo.weights.references import RANDOM_WEIGHTS

    audio_format = find_format(arguments.format)
    template = check_template(arguments.name, needs_stem=not audio_format.is_multitrack)
    plan = plan_separations(arguments.inputs, arguments.output)
    for problem in plan.problems:
        print(f"error: {problem}", file=sys.stderr)
    make_folder(arguments.output)
    separator = _make_separator(arguments)
    if separator.weights == RANDOM_WEIGHTS:
        note_random_weights(arguments.output, separator.model_name)
    job = SeparationJob(
        separator=separator,
        audio_format=audio_format,
        sources=split_names(arguments.sources),
        two_stems=arguments.two_stems,
        name_template=template,
        resume=not arguments.overwrite,
    )
    pitches = f" at {separator.pitches} pitches" if separator.pitches > 1 else ""
    print(f"{separator.model_name} on {separator.device}{pitches}: {', '.join(job.stem_names)}")
    if pitches and arguments.pitches is None:
        print("note: --pitches 1 is faster, and not as good", file=sys.stderr)
    num_failed = _separate_all(job, plan, is_debugging=arguments.debug) + len(plan.problems)
    _report(plan, num_failed=num_failed)
    return EXIT_SOME_FAILED if num_failed else EXIT_DONE


def _make_separator(arguments: argparse.Namespace) -> "Separator":
    from zoo.separation.separator import Separator

    separator = Separator(**separator_options(arguments))
    for notice in separator.notices:
        print(f"note: {notice}", file=sys.stderr)
    return separator


def _separate_all(job: "SeparationJob", plan: "SeparationPlan", *, is_debugging: bool) -> int:
    """Separate songs under a progress bar, say how each went, and return how many failed."""
    from tqdm import tqdm

    from zoo.separation.album import SongProgress, separate_songs

    num_failed = 0
    # disable=None: no bar where nobody watches, as in a log file.
    with tqdm(total=1.0, bar_format=BAR_FORMAT, leave=False, disable=None) as bar:
        shown: PlannedSong | None = None

        def show(progress: SongProgress) -> None:
            nonlocal shown
            if progress.song is not shown:
                shown = progress.song
                bar.reset()
                bar.set_description(shown.path.name, refresh=False)
            if progress.speed is not None:
                bar.set_postfix_str(f"{progress.speed:.1f}x real time", refresh=False)
            bar.update(progress.fraction - bar.n)

        with closing(separate_songs(job, plan.songs, progress=show)) as outcomes:
            for outcome in outcomes:
                name = outcome.song.path.name
                if outcome.result is not None:
                    tqdm.write(_describe(name, outcome.result), file=sys.stdout)
                    continue
                num_failed += 1
                level = logging.ERROR if is_debugging else logging.DEBUG
                logging.getLogger(__name__).log(level, "%s", name, exc_info=outcome.error)
                reason = str(outcome.error).removeprefix(f"{name}: ")
                reason = reason or type(outcome.error).__name__
                tqdm.write(f"error: {name}: {reason}", file=sys.stderr)
    return num_failed


def _separate_to_stdout(arguments: argparse.Namespace) -> int:
    """Write one stem of one song as WAV to standard output; everything else goes to stderr."""
    from zoo.audio import open_audio
    from zoo.separation.pipes import as_file, write_wav_stream

    sources = split_names(arguments.sources)
    if len(arguments.inputs) != 1 or arguments.inputs[0].is_dir():
        raise ValueError("-o - takes one song; give a folder to -o for several")
    if arguments.two_stems is None and (sources is None or len(sources) != 1):
        raise ValueError("-o - writes one stem: say which with --two-stems or --sources")
    separator = _make_separator(arguments)
    with as_file(arguments.inputs[0]) as path:
        with open_audio(path) as reader:
            info = reader.info
        blocks = separator.stream(path, sources=sources, two_stems=arguments.two_stems)
        stems = (next(iter(block.stems.values())) for block in blocks)
        write_wav_stream(
            sys.stdout.buffer, stems, sample_rate=info.sample_rate, num_samples=info.num_samples
        )
    return EXIT_DONE


def _report(plan: "SeparationPlan", *, num_failed: int) -> None:
    """Account for every file: how many failed, and what was left out and why."""
    from zoo.audio.finding import count_reasons

    if num_failed:
        total = len(plan.songs) + len(plan.problems)
        print(f"{num_failed} of {total} failed", file=sys.stderr)
    if plan.skipped:
        print(f"left out: {count_reasons(plan.skipped)}", file=sys.stderr)
        for reason in dict.fromkeys(file.reason for file in plan.skipped if file.is_surprising):
            names = [str(file.path) for file in plan.skipped if file.reason == reason]
            more = ", ..." if len(names) > MAX_NAMED else ""
            print(f"  {reason}: {', '.join(names[:MAX_NAMED])}{more}", file=sys.stderr)


def _describe(name: str, outcome: "SeparatedFile") -> str:
    if outcome.was_complete:
        return f"{name}: complete already in {outcome.folder}"
    speed = outcome.audio_seconds / max(outcome.work_seconds, 1e-3)
    line = (
        f"{name}: {outcome.audio_seconds:.1f} s in {outcome.work_seconds:.1f} s "
        f"({speed:.1f}x real time) -> {outcome.folder}"
    )
    if outcome.gain < 1.0:
        line += f"; all stems times {outcome.gain:.4f}, so that none clips"
    return line


def _stop(signal_number: int, frame: FrameType | None) -> None:
    """End as on Ctrl-C, so that temporary files are removed."""
    raise KeyboardInterrupt
