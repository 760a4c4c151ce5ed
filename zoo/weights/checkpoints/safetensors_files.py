"""The tensors and metadata of a safetensors file, whose header is checked before anything is read.

The format: https://huggingface.co/docs/safetensors. Eight bytes of length, a JSON header, and the
numbers, without a gap, in the order of their offsets.
"""

import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import torch
from torch import Tensor

from zoo.errors import WeightsError
from zoo.weights.checkpoints.tensors import (
    StorageRecord,
    TensorRecord,
    read_exactly,
    read_tensors,
    whole_numbers,
)

__all__ = ["HEADER_LENGTH", "read_safetensors"]

HEADER_LENGTH = struct.Struct("<Q")
METADATA = "__metadata__"
# The largest header of the zoo, of 620 tensors, spec and credits, takes 75 KB.
MAX_HEADER_BYTES = 1 << 20
DTYPES: Mapping[str, torch.dtype] = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}


def read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read tensors by key, as stored, and metadata.

    Raises:
        WeightsError: If it is no safetensors file, is damaged or hostile, or holds no tensors.
    """
    name, num_bytes = path.name, path.stat().st_size
    with path.open("rb") as file:
        header = _read_header(file, name, num_bytes)
        metadata = header.pop(METADATA, {})
        data_at = file.tell()
        try:
            _check_metadata(metadata)
            records = {key: _record(key, facts) for key, facts in header.items()}
            offsets = _offsets(header, num_bytes - data_at)
        except (ValueError, TypeError, LookupError) as error:
            raise WeightsError(f"{name}: damaged header: {error}") from error
        if not records:
            raise WeightsError(f"{name}: holds no tensors")

        def read_storage(storage: StorageRecord) -> bytearray:
            file.seek(data_at + offsets[storage.key])
            return read_exactly(file, storage.num_bytes, name=name)

        return read_tensors(records, read_storage, name=name, num_bytes=num_bytes), metadata


def _what_came_instead(start: bytes) -> str:
    """Say what people get in place of weights, by the first bytes of the file."""
    if b"version ".startswith(start) and start:
        return "; it is a pointer of Git LFS: run `git lfs pull`, or download the file itself"
    if start.lstrip().startswith(b"<"):
        return "; it is a web page: the download got a page in its place, so fetch the file again"
    return "; it is empty: download it again" if not start else ""


def _read_header(file: IO[bytes], name: str, num_bytes: int) -> dict[str, Any]:
    prefix = file.read(HEADER_LENGTH.size)
    length = HEADER_LENGTH.unpack(prefix)[0] if len(prefix) == HEADER_LENGTH.size else 0
    if not 0 < length <= num_bytes - HEADER_LENGTH.size:
        raise WeightsError(
            f"{name}: neither safetensors nor a file of torch.save{_what_came_instead(prefix)}"
        )
    if length > MAX_HEADER_BYTES:
        raise WeightsError(
            f"{name}: refused: a header of {length} bytes, at most {MAX_HEADER_BYTES}"
        )
    try:
        header = json.loads(file.read(length).decode(), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise WeightsError(
            f"{name}: neither safetensors nor a file of torch.save (damaged header: {error})"
        ) from error
    if not isinstance(header, dict):
        raise WeightsError(f"{name}: damaged header: expected a mapping")
    return header


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    mapping = dict(pairs)
    if len(mapping) < len(pairs):
        raise ValueError("a key stands there twice")
    return mapping


def _check_metadata(metadata: object) -> None:
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError(f"{METADATA} must map text to text")


def _record(key: str, facts: Any) -> TensorRecord:
    shown = repr(key[:80])
    if not isinstance(facts, dict) or facts.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"{shown} must have dtype, shape and data_offsets")
    dtype = facts["dtype"]
    if not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"{shown} is of type {str(dtype)[:20]!r}, expected {', '.join(DTYPES)}")
    shape = whole_numbers(facts["shape"], f"the shape of {shown}")
    begin, end = whole_numbers(facts["data_offsets"], f"data_offsets of {shown}")
    num_elements = math.prod(shape)
    storage = StorageRecord(DTYPES[dtype], key, num_elements)
    if storage.num_bytes != end - begin:
        raise ValueError(
            f"{shown} of shape {shape} takes {storage.num_bytes} bytes, got {end - begin}"
        )
    strides = tuple(math.prod(shape[axis + 1 :]) for axis in range(len(shape)))
    return TensorRecord(storage, 0, shape, strides)


def _offsets(header: Mapping[str, Any], num_bytes: int) -> dict[str, int]:
    """Return where each tensor begins, all of them side by side and no byte left over."""
    places = sorted((*facts["data_offsets"], key) for key, facts in header.items())
    expected = 0
    for begin, end, key in places:
        if begin != expected:
            raise ValueError(f"{key[:80]!r} begins at {begin}, expected {expected}")
        expected = end
    if expected != num_bytes:
        raise ValueError(f"tensors of {expected} bytes, but {num_bytes} bytes in the file")
    return {key: begin for begin, _, key in places}
