"""``python -m zoo push``: publish a network as a model repository of the Hugging Face Hub."""

import argparse
from pathlib import Path

from zoo.cli.weights_record import add_record_arguments, read_record

HELP = "publish weights with spec and model card on the Hugging Face Hub"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``push``."""
    parser.add_argument(
        "source", metavar="NAME[.TAG]|FILE", help="a model with weights, or a safetensors file"
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
    from zoo.weights.checkpoints import SUFFIXES
    from zoo.weights.manifests import parse_reference

    path = Path(arguments.source)
    if path.suffix in SUFFIXES and path.suffix != ".safetensors":
        raise ValueError(f"{path} holds no spec; make a safetensors file of it with convert first")
    if path.suffix == ".safetensors" or path.is_dir():
        network = zoo.build(path)
    else:
        name, tag = parse_reference(arguments.source)
        network = zoo.build(name, weights=tag)
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
