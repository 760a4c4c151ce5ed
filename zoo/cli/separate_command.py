"""``separate``: songs and folders of songs into folders of stems."""

import argparse
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.separation.files import SeparatedFile, SeparationJob

HELP = "separate songs, or folders of songs, into stems"
EXIT_DONE, EXIT_SOME_FAILED = 0, 1
BAR_FORMAT = "{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}{postfix}]"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``separate``."""
    parser.add_argument(
        "inputs", nargs="+", type=Path, metavar="SONG", help="audio files, or folders of them"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("separated"),
        metavar="OUT",
        help="folder for the stems; every song gets a folder in it (default: %(default)s)",
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
        help="wav (32-bit float), wav24, wav16, flac, ogg or mp3 (default: %(default)s)",
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
        "--overwrite", action="store_true", help="separate again what is complete already"
    )


def run(arguments: argparse.Namespace) -> int:
    """Separate every song; one that fails does not stop the others."""
    previous = signal.signal(signal.SIGTERM, _stop)
    try:
        return _separate_songs(arguments)
    finally:
        signal.signal(signal.SIGTERM, previous)


def _separate_songs(arguments: argparse.Namespace) -> int:
    from zoo.audio import find_format
    from zoo.separation.files import SeparationJob
    from zoo.separation.separator import Separator
    from zoo.separation.stem_writer import make_folder, note_random_weights
    from zoo.weights.loading import RANDOM_WEIGHTS

    audio_format = find_format(arguments.format)
    songs = plan_outputs(arguments.inputs, arguments.output)
    make_folder(arguments.output)
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
    )
    for notice in separator.notices:
        print(f"note: {notice}", file=sys.stderr)
    if separator.weights == RANDOM_WEIGHTS:
        note_random_weights(arguments.output, separator.model_name)
    job = SeparationJob(
        separator=separator,
        audio_format=audio_format,
        sources=arguments.sources.split(",") if arguments.sources else None,
        two_stems=arguments.two_stems,
        resume=not arguments.overwrite,
    )
    pitches = f" at {separator.pitches} pitches" if separator.pitches > 1 else ""
    print(f"{separator.model_name} on {separator.device}{pitches}: {', '.join(job.stem_names)}")
    if pitches and arguments.pitches is None:
        print("note: --pitches 1 is faster, and not as good", file=sys.stderr)
    outcomes = [_separate_song(job, path, folder) for path, folder in songs]
    num_failed = outcomes.count(False)
    if num_failed:
        print(f"{num_failed} of {len(outcomes)} failed", file=sys.stderr)
    return EXIT_SOME_FAILED if num_failed else EXIT_DONE


def plan_outputs(inputs: Iterable[Path], output: Path) -> list[tuple[Path, Path]]:
    """Return every song with the folder for its stems.

    A folder stands for the audio files in it and below, whose stems get folders of the same
    structure. Songs whose names differ in nothing but the extension keep it in the folder's name.
    """
    from zoo.audio import AUDIO_EXTENSIONS
    from zoo.errors import AudioError

    songs: dict[Path, Path] = {}
    for path in inputs:
        if not path.is_dir():
            songs.setdefault(path.absolute(), Path(path.name))
            continue
        found = [
            file
            for file in sorted(path.rglob("*"))
            if file.suffix.lower() in AUDIO_EXTENSIONS
            and file.is_file()
            and not any(part.startswith(".") for part in file.relative_to(path).parts)
            and output.absolute() not in file.absolute().parents
        ]
        if not found:
            raise AudioError(f"{path}: no audio files in this folder")
        for file in found:
            songs.setdefault(file.absolute(), file.relative_to(path))
    claims = Counter(name.with_suffix("") for name in songs.values())
    return [
        (path, output / (name.with_suffix("") if claims[name.with_suffix("")] == 1 else name))
        for path, name in songs.items()
    ]


def _separate_song(job: "SeparationJob", path: Path, folder: Path) -> bool:
    """Separate one song under a progress bar, say how it went, and return whether it went well."""
    from tqdm import tqdm

    from zoo.errors import AudioError
    from zoo.separation.files import separate_file

    started = time.perf_counter()
    # disable=None: no bar where nobody watches, as in a log file.
    with tqdm(total=1.0, desc=path.name, bar_format=BAR_FORMAT, leave=False, disable=None) as bar:
        seconds = _known_seconds(path)

        def show(fraction: float, stage: str) -> None:
            speed = fraction * seconds / max(time.perf_counter() - started, 1e-3)
            bar.set_postfix_str(f"{speed:.1f}x real time", refresh=False)
            bar.update(fraction - bar.n)

        outcome: SeparatedFile | str
        try:
            outcome = separate_file(job, path, folder, progress=show)
        except (AudioError, OSError, MemoryError) as error:
            outcome = str(error).removeprefix(f"{path.name}: ")
    if isinstance(outcome, str):
        print(f"error: {path.name}: {outcome}", file=sys.stderr)
        return False
    print(_describe(path, outcome))
    return True


def _known_seconds(path: Path) -> float:
    """Return the duration that a file promises, or 0: reading it again will say what is wrong."""
    from zoo.audio import open_audio
    from zoo.errors import AudioError

    try:
        with open_audio(path) as reader:
            return reader.info.seconds or 0.0
    except AudioError:
        return 0.0


def _describe(path: Path, outcome: "SeparatedFile") -> str:
    if outcome.was_complete:
        return f"{path.name}: complete already in {outcome.folder}"
    speed = outcome.audio_seconds / max(outcome.work_seconds, 1e-3)
    line = (
        f"{path.name}: {outcome.audio_seconds:.1f} s in {outcome.work_seconds:.1f} s "
        f"({speed:.1f}x real time) -> {outcome.folder}"
    )
    if outcome.gain < 1.0:
        line += f"; all stems times {outcome.gain:.4f}, so that none clips"
    return line


def _stop(signal_number: int, frame: FrameType | None) -> None:
    """End as on Ctrl-C, so that temporary files are removed."""
    raise KeyboardInterrupt
