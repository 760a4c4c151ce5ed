"""Files of weights: read as data, built into a network that they fit, or a ``WeightsError``."""

import io
import struct
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save

import zoo
from zoo.errors import SpecError, WeightsError
from zoo.networks.bounds import meta_network
from zoo.weights.checkpoints import read_checkpoint

TENSORS = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.ones(2)}


def check(content: bytes) -> None:
    """Read tensors, spec and record, and find out what network the spec describes."""
    with tempfile.NamedTemporaryFile(suffix=".ckpt", dir=_memory_folder()) as file:
        file.write(content)
        file.flush()
        try:
            checkpoint = read_checkpoint(Path(file.name))
        except WeightsError:
            return
    assert all(torch.isfinite(tensor).all() for tensor in checkpoint.state_dict.values())
    if checkpoint.spec is not None:
        try:
            meta_network(checkpoint.spec)
        except SpecError:
            return


def seeds() -> dict[str, bytes]:
    """Return a small file of every kind."""
    spec = zoo.load_spec("lightsaft_tfctdf_tiny")
    files = {"safetensors": save(TENSORS), "lightning": _pickled({"state_dict": TENSORS})}
    files["zip"] = _pickled(TENSORS)
    files["legacy"] = _pickled(TENSORS, zipped=False)
    files["nested"] = _pickled({"model": TENSORS, "optimizer": {"state": {}, "step": 3}})
    files["ours"] = save(TENSORS, metadata={"format": "pt", "spec": str(spec.to_dict())})
    header = b'{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'
    files["empty"] = struct.pack("<Q", len(header)) + header
    return files


def _pickled(value: object, *, zipped: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def _memory_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None
