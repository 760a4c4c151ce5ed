"""Make the packaged weights of ``lightsaft_tfctdf_tiny`` by a rule; they separate nothing.

Run ``PYTHONPATH=. python tests/make_tiny_weights.py`` after a change of the spec or of the file
format; it writes the file and prints what its manifest must say.
"""

import hashlib
import sys
from pathlib import Path

import torch
from reference import make_tensor

import zoo
from zoo.weights.checkpoints import write_safetensors
from zoo.weights.manifests import get_manifest, weights_folder

NAME = "lightsaft_tfctdf_tiny"
FILE = "lightsaft_tfctdf_tiny.test.safetensors"


def tiny_state_dict() -> dict[str, torch.Tensor]:
    """Every tensor by its name alone, so that the same file comes out everywhere."""
    network = zoo.build(NAME)
    return {
        key: make_tensor("tiny:", key, tensor.shape) for key, tensor in network.state_dict().items()
    }


def main(folder: Path) -> None:
    manifest = get_manifest(NAME)
    path = write_safetensors(
        folder / FILE,
        tiny_state_dict(),
        spec=zoo.load_spec(NAME),
        entry=manifest["test"] if manifest else None,
    )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    sys.stdout.write(f"num_bytes: {path.stat().st_size}\nsha256: {digest}\n")


if __name__ == "__main__":
    main(weights_folder())
