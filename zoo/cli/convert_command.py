"""``python -m zoo convert``: a checkpoint of any kind to one safetensors file of ours."""

import argparse
import sys
from pathlib import Path

from zoo.cli.weights_record import add_record_arguments, read_record

HELP = "convert a checkpoint to safetensors that hold their spec, licence and credits"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``convert``."""
    parser.add_argument("file", type=Path, help="a published checkpoint, a state dict, or ours")
    parser.add_argument(
        "--spec",
        metavar="NAME",
        help="model or YAML file (default: what the file or its tensors say)",
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="a .safetensors file"
    )
    add_record_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the file and print what a manifest would say of it."""
    import torch
    import yaml

    from zoo.publishing.hub import check_storage
    from zoo.records.files import hash_file
    from zoo.weights.checkpoints import write_safetensors
    from zoo.weights.resolving import resolve_model

    if arguments.output.suffix != ".safetensors":
        raise ValueError(f"--output: expected a .safetensors file, got {str(arguments.output)!r}")
    if not arguments.output.absolute().parent.is_dir():
        raise ValueError(f"--output: there is no folder {str(arguments.output.parent)!r}")
    resolved = resolve_model(arguments.spec, weights=arguments.file)
    for notice in resolved.notices:
        print(f"note: {notice}", file=sys.stderr)
    network, spec = resolved.network, resolved.spec
    entry = read_record(arguments, spec_name=spec.name, known=resolved.entry)
    dtype = getattr(torch, arguments.dtype)
    check_storage(network, dtype)
    path = write_safetensors(
        arguments.output, network.state_dict(), spec=spec, entry=entry, dtype=dtype
    )
    place = {
        "place": {"file": path.name},
        "num_bytes": path.stat().st_size,
        "sha256": hash_file(path),
    }
    record = place | (entry.to_dict() if entry else {})
    tag = entry.tag if entry else "TAG"
    print(f"# for zoo/weights/{spec.name}.yaml")
    print(yaml.safe_dump({"tags": {tag: record}}, sort_keys=False, allow_unicode=True), end="")
    return 0
