"""``python -m zoo convert``: a checkpoint of any kind to one safetensors file of ours."""

import argparse
from pathlib import Path

from zoo.cli.weights_record import add_record_arguments, read_record

HELP = "convert a checkpoint to safetensors that hold their spec, licence and credits"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``convert``."""
    parser.add_argument("file", type=Path, help="a published checkpoint, a state dict, or ours")
    parser.add_argument(
        "--spec", metavar="NAME", help="model or YAML file (default: what the file says)"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="a .safetensors file"
    )
    add_record_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the file and print what a manifest would say of it."""
    import torch
    import yaml

    import zoo
    from zoo.publishing.hub import check_storage
    from zoo.weights.checkpoints import write_safetensors

    if arguments.output.suffix != ".safetensors":
        raise ValueError(f"--output: expected a .safetensors file, got {str(arguments.output)!r}")
    if not arguments.output.absolute().parent.is_dir():
        raise ValueError(f"--output: there is no folder {str(arguments.output.parent)!r}")
    if not arguments.spec and arguments.file.suffix != ".safetensors":
        raise ValueError(f"{arguments.file} does not say which network it is for; give --spec NAME")
    if arguments.spec:
        network = zoo.build(arguments.spec, weights=arguments.file)
    else:
        network = zoo.build(arguments.file)
    known = network.weights_entry or _published_record(arguments.file, network.spec.name)
    entry = read_record(arguments, spec_name=network.spec.name, known=known)
    dtype = getattr(torch, arguments.dtype)
    check_storage(network, dtype)
    path = write_safetensors(
        arguments.output, network.state_dict(), spec=network.spec, entry=entry, dtype=dtype
    )
    record = _file_record(path) | (entry.to_dict() if entry else {})
    tag = entry.tag if entry else "TAG"
    print(f"# for zoo/weights/{network.spec.name}.yaml")
    print(yaml.safe_dump({"tags": {tag: record}}, sort_keys=False, allow_unicode=True), end="")
    return 0


def _file_record(path: Path) -> dict:
    """Place, size and checksum of a packaged file, as a manifest states them."""
    import hashlib

    with path.open("rb") as file:
        digest = hashlib.sha256()
        while block := file.read(1 << 20):
            digest.update(block)
    return {
        "place": {"file": path.name},
        "num_bytes": path.stat().st_size,
        "sha256": digest.hexdigest(),
    }


def _published_record(path: Path, spec_name: str):
    """Find the manifest's record of a file by its checksum, None if it is not a published one."""
    from zoo.errors import ChecksumError
    from zoo.weights.fetching.integrity import verify_file
    from zoo.weights.fetching.places import expected_file
    from zoo.weights.manifests import get_manifest

    manifest = get_manifest(spec_name)
    for entry in manifest.entries.values() if manifest else ():
        try:
            verify_file(path, expected_file(entry))
        except ChecksumError:
            continue
        return entry
    return None
