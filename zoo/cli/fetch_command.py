"""``python -m zoo fetch``: bring weights to this machine, verified, before they are needed."""

import argparse
import sys

HELP = "download and verify weights, so that they work offline"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``fetch``."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME[.TAG]",
        help="model, or model and tag (default: the default model)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print ``NAME.TAG`` and the path of every file fetched, or found in the cache."""
    import zoo
    from zoo.cli.progress_bar import download_bar
    from zoo.weights.manifests import parse_reference
    from zoo.weights.resolving import choose_default_model, resolve_weights

    references = [parse_reference(name) for name in arguments.names]
    for name, _ in references:
        zoo.load_spec(name)
    if not references:
        with download_bar("default model") as progress:
            chosen = choose_default_model(progress=progress)
        print(chosen.reason, file=sys.stderr)
        references = [(chosen.name, chosen.tag)]
    for name, tag in references:
        with download_bar(name) as progress:
            resolved = resolve_weights(name, tag, progress=progress)
        for notice in resolved.notices:
            print(f"note: {notice}", file=sys.stderr)
        print(f"{name}.{resolved.tag}\t{resolved.path}")
    return 0
