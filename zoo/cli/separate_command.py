"""``separate``: songs and folders of songs into folders of stems."""

import argparse
import logging
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.separation.files import SeparatedFile, SeparationJob
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
    parser.add_argument(
        "-m", "--model", help="name, YAML file, or weights file (default: the best one at hand)"
    )
    parser.add_argument(
        "-w",
        "--weights",
        default="default",
        help="tag, checkpoint file, Hub repository, or 'random' for a trial run without any",
    )
    parser.add_argument(
        "-s",
        "--sources",
        metavar="A,B",
        help="the sources wanted, separated by commas (default: all); fewer are faster",
    )
    parser.add_argument(
        "--two-stems", metavar="SOURCE", help="one source and everything else, for karaoke: vocals"
    )
    parser.add_argument(
        "-f",
        "--format",
        default="wav",
        help="wav (32-bit float), wav24, wav16, flac, alac, ogg, opus, mp3 or m4a; or one file for "
        "all stems and the song: stem or stem_alac (for DJ programs), mka (default: %(default)s)",
    )
    parser.add_argument(
        "--name",
        default="{stem}",
        metavar="TEMPLATE",
        help="name of the files, of {song}, {stem} and {model} (default: %(default)s)",
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps")
    parser.add_argument("--precision", default="auto", help="auto, float32, bfloat16, float16")
    parser.add_argument(
        "--backend", default="auto", help="auto, or the name of a backend: torch, openvino, ..."
    )
    parser.add_argument("--batch-size", type=int, metavar="N", help="most chunks at once")
    parser.add_argument(
        "--chunk-seconds", type=float, metavar="S", help="how much the network sees at once"
    )
    parser.add_argument(
        "--pitches",
        type=int,
        metavar="N",
        help="3, 5 or 7: the mean of the estimates at so many pitches, better and as many times "
        "slower; 1: as fast as can be (default: what the record of the weights says, mostly 1)",
    )
    parser.add_argument(
        "--no-mixture-consistency",
        action="store_true",
        help="leave the estimates as they are instead of letting them sum to the song",
    )
    parser.add_argument(
        "--keep-going",
        action="store_true",
        help="put silence and a warning where a song is damaged, instead of refusing it",
    )
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
    from zoo.separation.files import SeparationJob
    from zoo.separation.naming import check_template
    from zoo.separation.planning import plan_separations
    from zoo.separation.stem_writer import make_folder, note_random_weights
    from zoo.weights.references import RANDOM_WEIGHTS

    audio_format = find_format(arguments.format)
    template = check_template(arguments.name, needs_stem=not audio_format.is_multitrack)
    plan = plan_separations(arguments.inputs, arguments.output)
    make_folder(arguments.output)
    separator = _make_separator(arguments)
    if separator.weights == RANDOM_WEIGHTS:
        note_random_weights(arguments.output, separator.model_name)
    job = SeparationJob(
        separator=separator,
        audio_format=audio_format,
        sources=_split(arguments.sources),
        two_stems=arguments.two_stems,
        name_template=template,
        resume=not arguments.overwrite,
    )
    pitches = f" at {separator.pitches} pitches" if separator.pitches > 1 else ""
    print(f"{separator.model_name} on {separator.device}{pitches}: {', '.join(job.stem_names)}")
    if pitches and arguments.pitches is None:
        print("note: --pitches 1 is faster, and not as good", file=sys.stderr)
    failed = [song for song in plan.songs if not _separate_song(job, song, arguments)]
    _report(plan, num_failed=len(failed))
    return EXIT_SOME_FAILED if failed else EXIT_DONE


def _make_separator(arguments: argparse.Namespace) -> "Separator":
    from zoo.separation.separator import Separator

    separator = Separator(
        arguments.model,
        weights=arguments.weights,
        device=arguments.device,
        precision=arguments.precision,
        backend=arguments.backend,
        batch_size=arguments.batch_size,
        chunk_seconds=arguments.chunk_seconds,
        mixture_consistency=not arguments.no_mixture_consistency,
        pitches=arguments.pitches,
        keep_going=arguments.keep_going,
    )
    for notice in separator.notices:
        print(f"note: {notice}", file=sys.stderr)
    return separator


def _separate_song(
    job: "SeparationJob", song: "PlannedSong", arguments: argparse.Namespace
) -> bool:
    """Separate one song under a progress bar, say how it went, and return whether it went well."""
    from tqdm import tqdm

    from zoo.separation.files import separate_file
    from zoo.separation.pipes import as_file

    name, started = song.path.name, time.perf_counter()
    outcome: SeparatedFile | str
    # disable=None: no bar where nobody watches, as in a log file.
    with tqdm(total=1.0, desc=name, bar_format=BAR_FORMAT, leave=False, disable=None) as bar:
        try:
            with as_file(song.path) as path:
                seconds = _known_seconds(path)

                def show(fraction: float, stage: str) -> None:
                    speed = fraction * seconds / max(time.perf_counter() - started, 1e-3)
                    bar.set_postfix_str(f"{speed:.1f}x real time", refresh=False)
                    bar.update(fraction - bar.n)

                outcome = separate_file(job, path, song.folder, progress=show)
        except Exception as error:  # whatever befalls one song, the others go on
            logging.getLogger(__name__).log(
                logging.ERROR if arguments.debug else logging.DEBUG, "%s", name, exc_info=True
            )
            outcome = str(error).removeprefix(f"{name}: ") or type(error).__name__
    if isinstance(outcome, str):
        print(f"error: {name}: {outcome}", file=sys.stderr)
        return False
    print(_describe(name, outcome))
    return True


def _separate_to_stdout(arguments: argparse.Namespace) -> int:
    """Write one stem of one song as WAV to standard output; everything else goes to stderr."""
    from zoo.audio import open_audio
    from zoo.separation.pipes import as_file, write_wav_stream

    sources = _split(arguments.sources)
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


def _split(names: str | None) -> list[str] | None:
    """Read a comma-separated list of names."""
    return [name.strip() for name in names.split(",") if name.strip()] if names else None


def _report(plan: "SeparationPlan", *, num_failed: int) -> None:
    """Account for every file: how many failed, and what was left out and why."""
    from zoo.audio.finding import count_reasons

    if num_failed:
        print(f"{num_failed} of {len(plan.songs)} failed", file=sys.stderr)
    if plan.skipped:
        print(f"left out: {count_reasons(plan.skipped)}", file=sys.stderr)
        for reason in dict.fromkeys(file.reason for file in plan.skipped if file.is_surprising):
            names = [str(file.path) for file in plan.skipped if file.reason == reason]
            more = ", ..." if len(names) > MAX_NAMED else ""
            print(f"  {reason}: {', '.join(names[:MAX_NAMED])}{more}", file=sys.stderr)


def _known_seconds(path: Path) -> float:
    """Return the duration that a file promises, or 0: reading it again will say what is wrong."""
    from zoo.audio import open_audio
    from zoo.errors import AudioError

    try:
        with open_audio(path) as reader:
            return reader.info.seconds or 0.0
    except AudioError:
        return 0.0


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
