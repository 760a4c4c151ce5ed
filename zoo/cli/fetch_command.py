"""``python -m zoo fetch``: bring weights to this machine, verified, before they are needed."""

import argparse
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.weights.fetching.locating import LocatedWeights

HELP = "download and verify weights, so that they work offline"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``fetch``."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME[.TAG]|USER/NAME",
        help="model, model and tag, or Hub repository (default: the default model)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print ``NAME.TAG`` and the path of every file fetched, or found in the cache."""
    from zoo.cli.progress_bar import download_bar
    from zoo.weights.fetching.locating import locate
    from zoo.weights.references import DEFAULT_WEIGHTS, identify
    from zoo.weights.resolving import locate_default_model
    from zoo.weights.settings import read_settings

    if not arguments.names:
        with download_bar("default model") as progress:
            _report(locate_default_model(progress=progress))
    references = [identify(name, weights=DEFAULT_WEIGHTS) for name in arguments.names]
    for name, reference in zip(arguments.names, references, strict=True):
        with download_bar(name) as progress:
            located = locate(reference, read_settings(), progress=progress)
        _report(located)
    return 0


def _report(located: "LocatedWeights") -> None:
    for notice in located.notices:
        print(f"note: {notice}", file=sys.stderr)
    print(f"{located.reference}\t{located.path}")
