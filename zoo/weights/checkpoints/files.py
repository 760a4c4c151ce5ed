"""Files of weights: reading every kind there is, writing ours.

Ours is safetensors whose metadata holds the spec and the record of the weights (licence, training
data, credits, metrics), so that one file rebuilds the network and carries what must go along.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import Tensor

from zoo.errors import SpecError, WeightsError
from zoo.records.files import write_whole
from zoo.specs.parsing import parse_spec
from zoo.specs.spec import Spec
from zoo.weights.checkpoints.safetensors_files import HEADER_LENGTH, read_safetensors
from zoo.weights.checkpoints.torch_files import is_torch_file, read_torch_file
from zoo.weights.entries import NAME, WeightsEntry, parse_entry

__all__ = ["SUFFIXES", "Checkpoint", "read_checkpoint", "write_safetensors"]

SUFFIXES = (".safetensors", ".ckpt", ".pt", ".pth", ".th")
MAX_METADATA_CHARACTERS = 1 << 18
FINITE_BLOCK = 1 << 20
STORAGE_DTYPES = (torch.float32, torch.float16)


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """What a file holds.

    Args:
        state_dict: Tensors by key, floating-point ones as float32.
        spec: The network that they belong to, where the file says so.
        entry: Licence, training data, credits and metrics, where the file says so.
    """

    state_dict: dict[str, Tensor]
    spec: Spec | None = None
    entry: WeightsEntry | None = None


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a file of weights, whatever its kind: our safetensors or any ``torch.save`` file.

    Args:
        path: The file; its kind is told by its bytes, not by its name.

    Raises:
        WeightsError: If it is missing, damaged, hostile, holds no weights, or holds NaN. Nothing in
            it is ever executed.
    """
    if not path.is_file():
        raise WeightsError(f"no file of weights at {path}")
    metadata: dict[str, str] = {}
    if is_torch_file(path):
        state_dict = read_torch_file(path)
    else:
        state_dict, metadata = read_safetensors(path)
    spec = _read_spec(metadata, path.name)
    entry = _read_entry(metadata, spec, path.name)
    for key, tensor in state_dict.items():
        # Block by block: what isfinite makes on its way is larger than the tensor.
        blocks = tensor.flatten().split(FINITE_BLOCK)
        if not all(torch.isfinite(block).all() for block in blocks):
            raise WeightsError(f"{path.name}: {key!r} holds NaN or infinite values")
    for key, tensor in state_dict.items():
        if tensor.is_floating_point():
            state_dict[key] = tensor.float()
    return Checkpoint(state_dict=state_dict, spec=spec, entry=entry)


def write_safetensors(
    path: Path,
    state_dict: Mapping[str, Tensor],
    *,
    spec: Spec,
    entry: WeightsEntry | None = None,
    dtype: torch.dtype = torch.float32,
) -> Path:
    """Write weights with their spec and record; the file appears whole or not at all.

    Args:
        path: Where to; its folder must exist.
        state_dict: Tensors by our keys.
        spec: The network that they belong to.
        entry: Licence, training data, credits and metrics to carry along.
        dtype: How matrices and kernels are stored, float32 or float16. Vectors (norms, biases)
            stay float32: they weigh little and decide much.

    Raises:
        WeightsError: If a value does not fit the dtype.
    """
    if dtype not in STORAGE_DTYPES:
        raise ValueError(f"expected float32 or float16 storage, got {dtype}")
    tensors = {key: _stored(key, tensor, dtype) for key, tensor in state_dict.items()}
    metadata = {"format": "pt", "spec": json.dumps(spec.to_dict())}
    if entry is not None:
        metadata["tag"] = entry.tag
        metadata["weights"] = json.dumps(entry.to_dict(), ensure_ascii=False)
    write_whole(path, _with_sorted_header(save(tensors, metadata=metadata)))
    return path


def _with_sorted_header(content: bytes) -> bytes:
    """Put the metadata in a fixed order; safetensors writes it in another one every time."""
    end = HEADER_LENGTH.size + HEADER_LENGTH.unpack_from(content)[0]
    header = json.loads(content[HEADER_LENGTH.size : end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    packed = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    packed += b" " * (-len(packed) % 8)
    return HEADER_LENGTH.pack(len(packed)) + packed + content[end:]


def _stored(key: str, tensor: Tensor, dtype: torch.dtype) -> Tensor:
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point() and tensor.ndim > 1:
        stored = tensor.to(dtype)
        if not torch.isfinite(stored).all():
            raise WeightsError(f"{key!r} does not fit {dtype}; store it as float32")
        tensor = stored
    # A clone: safetensors refuses tensors that share memory.
    return tensor.contiguous().clone()


def _read_spec(metadata: Mapping[str, str], name: str) -> Spec | None:
    if "spec" not in metadata:
        return None
    try:
        return parse_spec(_plain_mapping(metadata["spec"], name))
    except SpecError as error:
        raise WeightsError(f"{name}: the spec in its metadata: {error}") from error


def _read_entry(metadata: Mapping[str, str], spec: Spec | None, name: str) -> WeightsEntry | None:
    tag = metadata.get("tag", "")
    if "weights" not in metadata or spec is None or NAME.fullmatch(tag) is None:
        return None
    plain = _plain_mapping(metadata["weights"], name)
    return parse_entry(plain, spec=spec.name, tag=tag, origin=name)


def _plain_mapping(text: str, name: str) -> dict[str, Any]:
    if len(text) > MAX_METADATA_CHARACTERS:
        raise WeightsError(f"{name}: metadata of {len(text)} characters, which none of ours has")
    try:
        plain = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{name}: damaged metadata: {error}") from error
    if not isinstance(plain, dict):
        raise WeightsError(f"{name}: damaged metadata: expected a mapping")
    return plain
