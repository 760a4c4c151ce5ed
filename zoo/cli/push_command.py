"""``python -m zoo push``: publish a network as a model repository of the Hugging Face Hub."""

import argparse
from pathlib import Path

from zoo.cli.weights_record import add_record_arguments, read_record

HELP = "publish weights with spec and model card on the Hugging Face Hub"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``push``."""
    parser.add_argument(
        "source", metavar="NAME[.TAG]|FILE", help="a model with weights, or a file of weights"
    )
    parser.add_argument("repo_id", metavar="USER/NAME", help="the repository, made if needed")
    parser.add_argument("--private", action="store_true", help="make a new repository private")
    parser.add_argument(
        "--dry-run", type=Path, metavar="FOLDER", help="write what would be pushed to a folder"
    )
    add_record_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Build the network, then push it or write it to a folder."""
    import torch

    import zoo

    network = zoo.from_pretrained(arguments.source)
    entry = read_record(arguments, spec_name=network.spec.name, known=network.weights_entry)
    dtype = getattr(torch, arguments.dtype)
    if arguments.dry_run is not None:
        folder = network.save_pretrained(
            arguments.dry_run, entry=entry, dtype=dtype, repo_id=arguments.repo_id
        )
        print(f"written to {folder}; nothing was pushed")
        return 0
    url = network.push_to_hub(
        arguments.repo_id, entry=entry, dtype=dtype, private=arguments.private or None
    )
    print(f"pushed to {url}")
    return 0
