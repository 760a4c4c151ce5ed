"""Tensors as a file describes them, and reading them once the descriptions add up.

Every container (zip, legacy, safetensors) is brought to the same records. All that can be checked
on them is checked before a single weight is read.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, TypeAlias, TypeGuard

import torch
from torch import Tensor

from zoo.errors import WeightsError

__all__ = [
    "StorageRecord",
    "TensorRecord",
    "is_count",
    "read_exactly",
    "read_tensors",
    "whole_numbers",
]

# The largest network of the zoo has 620 tensors, of rank 4 and with names of 80 characters.
MAX_TENSORS = 10_000
MAX_RANK = 16
MAX_KEY_CHARACTERS = 256
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class StorageRecord:
    """A run of numbers named in a file: where its bytes lie is the container's business.

    Args:
        dtype: Type of its elements.
        key: Its name in the file.
        num_elements: How many elements it claims to have.
    """

    dtype: torch.dtype
    key: str
    num_elements: int

    @property
    def num_bytes(self) -> int:
        """Bytes that it claims to have."""
        return self.num_elements * self.dtype.itemsize


@dataclass(frozen=True, slots=True)
class TensorRecord:
    """A tensor named in a file: a view of a storage, which must lie within it.

    Args:
        storage: The storage.
        offset: First element.
        size: Shape.
        stride: Steps in elements.

    Raises:
        ValueError: It does not lie within the storage.
    """

    storage: StorageRecord
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check that every element is one of the storage's."""
        if len(self.size) != len(self.stride):
            raise ValueError(f"a tensor of {len(self.size)} sizes and {len(self.stride)} strides")
        count, available = math.prod(self.size), self.storage.num_elements
        steps = zip(self.size, self.stride, strict=True)
        last = self.offset + sum((size - 1) * stride for size, stride in steps)
        if count > available or (count and last >= available):
            raise ValueError(
                f"a tensor of shape {self.size} does not fit its storage of {available} elements"
            )


def is_count(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number that a size, a step or a place in a file can be."""
    return type(value) is int and 0 <= value < 1 << 48


def whole_numbers(values: object, place: str) -> tuple[int, ...]:
    """Return values as a shape, or what is written like one.

    Args:
        values: What a file gives.
        place: Where it gives it.

    Raises:
        ValueError: They are something else, or more than any tensor has.
    """
    if not isinstance(values, tuple | list) or len(values) > MAX_RANK:
        raise ValueError(f"{place}: expected a list of up to {MAX_RANK} numbers")
    if not all(is_count(value) for value in values):
        raise ValueError(f"{place}: expected whole numbers of at least 0")
    return tuple(values)


ReadStorage: TypeAlias = Callable[[StorageRecord], bytearray]


def read_exactly(file: IO[bytes], num_bytes: int, *, name: str) -> bytearray:
    """Read bytes without a second copy of them.

    Args:
        file: Open at the first of them.
        num_bytes: How many; the caller has compared it with the size of the file.
        name: What to call the file in messages.

    Raises:
        WeightsError: If the file ends before.
    """
    body = bytearray(num_bytes)
    done = 0
    while done < num_bytes:
        block = file.read(min(BLOCK_BYTES, num_bytes - done))
        if not block:
            raise WeightsError(f"{name}: damaged: cut short by {num_bytes - done} bytes")
        body[done : done + len(block)] = block
        done += len(block)
    return body


def read_tensors(
    records: Mapping[str, TensorRecord],
    read_storage: ReadStorage,
    *,
    name: str,
    num_bytes: int,
) -> dict[str, Tensor]:
    """Read the storages, each once, and view them as tensors.

    Args:
        records: What to read, by key.
        read_storage: Reads the bytes of a storage.
        name: What to call the file in messages.
        num_bytes: Size of the file, which the tensors together cannot exceed.

    Raises:
        WeightsError: If there are more or larger tensors than the file can hold.
    """
    if len(records) > MAX_TENSORS:
        raise WeightsError(f"{name}: refused: {len(records)} tensors, at most {MAX_TENSORS}")
    for key in records:
        if len(key) > MAX_KEY_CHARACTERS or not key.isprintable():
            raise WeightsError(f"{name}: refused: a tensor is named {key[:80]!r}")
    wanted = sum(
        math.prod(record.size) * record.storage.dtype.itemsize for record in records.values()
    )
    storages = {record.storage.key: record.storage for record in records.values()}
    wanted = max(wanted, sum(storage.num_bytes for storage in storages.values()))
    if wanted > num_bytes:
        raise WeightsError(f"{name}: refused: {wanted} bytes of tensors in a file of {num_bytes}")
    flat = {
        key: torch.frombuffer(read_storage(storage), dtype=storage.dtype)
        if storage.num_bytes
        else torch.empty(0, dtype=storage.dtype)
        for key, storage in storages.items()
    }
    return {
        key: flat[record.storage.key]
        .as_strided(record.size, record.stride, record.offset)
        .contiguous()
        for key, record in records.items()
    }
