"""The tensors of a ``torch.save`` file, zip or legacy format, without running its pickle.

Only the weights' own bytes are read; optimizer states and callbacks stay on disk.
"""

import io
import math
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, TypeAlias

import torch
from torch import Tensor

from zoo.errors import WeightsError
from zoo.weights.checkpoints.inert_unpickler import StorageRecord, TensorRecord, load_inert
from zoo.weights.checkpoints.pickle_limits import read_checked_pickle

__all__ = ["is_torch_file", "read_torch_file"]

ZIP_MAGIC = b"PK\x03\x04"
SAFETENSORS_BRACE_AT = 8
PICKLE_MAGIC = b"\x80"
LEGACY_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
MAX_ENTRIES = 100_000
ENCRYPTED = 1
MAX_RATIO = 2

ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    NotImplementedError,
    EOFError,
    OSError,
    ValueError,
    struct.error,
)

ReadStorage: TypeAlias = Callable[[StorageRecord], bytes]


def is_torch_file(path: Path) -> bool:
    """Whether the first bytes are those of a ``torch.save`` file.

    The length that a safetensors file begins with may look like the start of a pickle; the brace
    after it does not.
    """
    with path.open("rb") as file:
        head = file.read(SAFETENSORS_BRACE_AT + 1)
    if head[SAFETENSORS_BRACE_AT:] == b"{":
        return False
    return head.startswith((ZIP_MAGIC, PICKLE_MAGIC))


def read_torch_file(path: Path) -> dict[str, Tensor]:
    """Read the state dict of a ``torch.save`` file: the file itself, or its ``state_dict``.

    Args:
        path: A Lightning checkpoint or a saved state dict, in the zip or the legacy format.

    Returns:
        Tensors by key, as stored (half precision stays half), without ``DataParallel`` prefixes.

    Raises:
        WeightsError: If it is damaged, hostile, or holds no state dict. Nothing in it is executed.
    """
    name = path.name
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        if head == ZIP_MAGIC:
            try:
                with zipfile.ZipFile(file) as archive:
                    return _read_zip(archive, name=name, num_bytes=path.stat().st_size)
            except ARCHIVE_ERRORS as error:
                raise WeightsError(
                    f"{name}: not a checkpoint: damaged archive ({error})"
                ) from error
        if head[:1] == PICKLE_MAGIC:
            return _read_legacy(file, name=name, num_bytes=path.stat().st_size)
    raise WeightsError(
        f"{name}: expected a file of torch.save (zip or the legacy format), "
        f"got one that begins with {head!r}"
    )


def _read_zip(archive: zipfile.ZipFile, *, name: str, num_bytes: int) -> dict[str, Tensor]:
    entries = {info.filename: info for info in archive.infolist()[: MAX_ENTRIES + 1]}
    if len(entries) > MAX_ENTRIES:
        raise WeightsError(f"{name}: refused: more than {MAX_ENTRIES} entries in the archive")
    pickles = [entry for entry in entries if entry.endswith("/data.pkl") and entry.count("/") == 1]
    if len(pickles) != 1:
        raise WeightsError(f"{name}: not a checkpoint: expected one data.pkl, got {len(pickles)}")
    for info in entries.values():
        # torch.save never compresses; a compressed entry can only be there to swell.
        stored = info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & ENCRYPTED
        if not stored or info.file_size > num_bytes:
            raise WeightsError(f"{name}: refused: {info.filename[:80]!r} is not plainly stored")
    root = pickles[0].removesuffix("data.pkl")
    if f"{root}byteorder" in entries and archive.read(f"{root}byteorder") != b"little":
        raise WeightsError(f"{name}: expected little-endian numbers")
    with archive.open(pickles[0]) as file:
        saved, _ = load_inert(read_checked_pickle(file, name=name), name=name)

    def read_storage(storage: StorageRecord) -> bytes:
        info = entries.get(f"{root}data/{storage.key}")
        if info is None or info.file_size != storage.num_bytes:
            raise WeightsError(
                f"{name}: damaged: storage {storage.key[:80]!r} should have {storage.num_bytes} "
                f"bytes, has {'none' if info is None else info.file_size}"
            )
        return archive.read(info)

    return _materialise(_find_state_dict(saved, name), read_storage, name, num_bytes)


def _read_legacy(file: IO[bytes], *, name: str, num_bytes: int) -> dict[str, Tensor]:
    """Read magic number, version, system, object and list of storages, then the storages."""

    def next_pickle() -> tuple[Any, dict[str, StorageRecord]]:
        return load_inert(read_checked_pickle(file, name=name), name=name)

    if next_pickle()[0] != LEGACY_MAGIC_NUMBER or next_pickle()[0] != LEGACY_PROTOCOL:
        raise WeightsError(f"{name}: a pickle, but not one of torch.save; nothing was executed")
    system, _ = next_pickle()
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise WeightsError(f"{name}: expected little-endian numbers")
    saved, storages = next_pickle()
    state = _find_state_dict(saved, name)
    keys, _ = next_pickle()
    offsets = _storage_offsets(file, keys, storages, name)

    def read_storage(storage: StorageRecord) -> bytes:
        if storage.key not in offsets:
            raise WeightsError(f"{name}: damaged: storage {storage.key[:80]!r} is missing")
        file.seek(offsets[storage.key])
        return file.read(storage.num_bytes)

    return _materialise(state, read_storage, name, num_bytes)


def _storage_offsets(
    file: IO[bytes], keys: object, storages: Mapping[str, StorageRecord], name: str
) -> dict[str, int]:
    """Walk over the storages, each a count of elements and its bytes; return where each begins."""
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise WeightsError(f"{name}: damaged: no list of storages")
    offsets = {}
    for key in keys:
        header = file.read(8)
        storage = storages.get(key)
        if storage is None or header != struct.pack("<q", storage.num_elements):
            raise WeightsError(f"{name}: damaged: storage {key[:80]!r} is not what was announced")
        offsets[key] = file.tell()
        file.seek(storage.num_bytes, io.SEEK_CUR)
    return offsets


def _find_state_dict(saved: object, name: str) -> dict[str, TensorRecord]:
    """Return the records of ``state_dict``, or of the object itself where it is one."""
    if not isinstance(saved, dict):
        raise WeightsError(f"{name}: expected a checkpoint or a state dict, got something else")
    state = saved.get("state_dict", saved)
    if not isinstance(state, dict) or not state:
        raise WeightsError(f"{name}: holds no state_dict")
    for key, value in state.items():
        if not isinstance(key, str) or not isinstance(value, TensorRecord):
            raise WeightsError(
                f"{name}: expected a checkpoint with a state_dict, or a state dict of tensors; "
                f"{key[:80] if isinstance(key, str) else type(key).__name__!r} is no tensor"
            )
    if all(key.startswith("module.") for key in state):
        # DataParallel wraps the network under this name.
        return {key.removeprefix("module."): value for key, value in state.items()}
    return state


def _materialise(
    state: Mapping[str, TensorRecord], read_storage: ReadStorage, name: str, num_bytes: int
) -> dict[str, Tensor]:
    """Read the storages, each once, and view them as tensors."""
    wanted = sum(
        math.prod(record.size) * record.storage.dtype.itemsize for record in state.values()
    )
    if wanted > MAX_RATIO * num_bytes:
        raise WeightsError(f"{name}: refused: {wanted} bytes of tensors in a file of {num_bytes}")
    flat: dict[str, Tensor] = {}
    tensors = {}
    for key, record in state.items():
        storage = record.storage
        if storage.key not in flat:
            body = bytearray(read_storage(storage))
            if len(body) != storage.num_bytes:
                raise WeightsError(f"{name}: damaged: storage {storage.key[:80]!r} is cut short")
            flat[storage.key] = (
                torch.frombuffer(body, dtype=storage.dtype)
                if body
                else torch.empty(0, dtype=storage.dtype)
            )
        tensors[key] = flat[storage.key].as_strided(record.size, record.stride, record.offset)
    return {key: tensor.contiguous() for key, tensor in tensors.items()}
