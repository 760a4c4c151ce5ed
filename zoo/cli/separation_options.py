"""What ``separate`` and ``catalogue`` are told alike: which network, and which stems."""

import argparse
from typing import Any

__all__ = ["add_separation_arguments", "separator_options", "split_names"]


def add_separation_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say how songs are separated and what their stems are."""
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
        "--condition",
        metavar="FILE",
        help="ask the network for what extend --keep found, a .json file",
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
    parser.add_argument(
        "--precision",
        default="auto",
        help="auto, float32, bfloat16, float16; int8 where the model is an export in int8",
    )
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


def separator_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments of :class:`zoo.Separator`."""
    return {
        "model": arguments.model,
        "weights": arguments.weights,
        "device": arguments.device,
        "precision": arguments.precision,
        "backend": arguments.backend,
        "batch_size": arguments.batch_size,
        "chunk_seconds": arguments.chunk_seconds,
        "mixture_consistency": not arguments.no_mixture_consistency,
        "pitches": arguments.pitches,
        "condition": arguments.condition,
        "keep_going": arguments.keep_going,
    }


def split_names(names: str | None) -> list[str] | None:
    """Read a comma-separated list of names."""
    return [name.strip() for name in names.split(",") if name.strip()] if names else None
