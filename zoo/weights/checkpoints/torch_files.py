"""The tensors of a ``torch.save`` file, zip or legacy format, without running its pickle.

Only the weights' own bytes are read; optimizer states and callbacks stay on disk.
"""

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from torch import Tensor

from zoo.errors import WeightsError
from zoo.weights.checkpoints.inert_pickles import MAX_PICKLE_BYTES, read_inert_pickle
from zoo.weights.checkpoints.tensors import (
    StorageRecord,
    TensorRecord,
    read_exactly,
    read_tensors,
)

__all__ = ["is_torch_file", "read_torch_file"]

ZIP_MAGIC = b"PK\x03\x04"
SAFETENSORS_BRACE_AT = 8
PICKLE_MAGIC = b"\x80"
LEGACY_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
LEGACY_HEADER_OPCODES = 100  # of magic number, version and system, each
ENCRYPTED = 1

# The last records of a zip file: of 2^32 bytes and more, where that is, and of smaller files.
# https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3.14 to 4.3.16
ZIP64_END = struct.Struct("<4sQ2H2L4Q")
ZIP64_LOCATOR = struct.Struct("<4sLQL")
ZIP_END = struct.Struct("<4s4H2LH")
LOCAL_HEADER_BYTES = 30
# Twenty thousand entries. The largest network with the state of its optimizer has 2,000.
MAX_DIRECTORY_BYTES = 2 << 20

ARCHIVE_ERRORS = (
    zipfile.BadZipFile,
    NotImplementedError,
    EOFError,
    OSError,
    ValueError,
    struct.error,
)


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
    name, num_bytes = path.name, path.stat().st_size
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        if head == ZIP_MAGIC:
            try:
                _check_directory(file, name, num_bytes)
                with zipfile.ZipFile(file) as archive:
                    return _read_zip(archive, name=name, num_bytes=num_bytes)
            except ARCHIVE_ERRORS as error:
                raise WeightsError(
                    f"{name}: not a checkpoint: damaged archive ({error})"
                ) from error
        if head[:1] == PICKLE_MAGIC:
            return _read_legacy(file, name=name, num_bytes=num_bytes)
    raise WeightsError(
        f"{name}: expected a file of torch.save (zip or the legacy format), "
        f"got one that begins with {head!r}"
    )


def _check_directory(file: IO[bytes], name: str, num_bytes: int) -> None:
    """Bound the list of entries, which ``zipfile`` reads as a whole when it opens an archive."""
    end_at = num_bytes - ZIP_END.size
    locator_at = end_at - ZIP64_LOCATOR.size
    zip64_at = locator_at - ZIP64_END.size
    file.seek(max(0, zip64_at))
    tail = file.read()
    magic, *_, directory_bytes, _, comment_bytes = ZIP_END.unpack(tail[-ZIP_END.size :])
    if magic != b"PK\x05\x06" or comment_bytes:
        raise ValueError("its end is not where torch.save puts it")
    if zip64_at >= 0:
        magic, _, at, _ = ZIP64_LOCATOR.unpack_from(tail, ZIP64_END.size)
        if magic == b"PK\x06\x07":
            magic, *_, directory_bytes, _ = ZIP64_END.unpack_from(tail)
            if magic != b"PK\x06\x06" or at != zip64_at:
                raise ValueError("its end is not where torch.save puts it")
    if directory_bytes > MAX_DIRECTORY_BYTES:
        raise WeightsError(f"{name}: refused: a list of entries of {directory_bytes} bytes")
    file.seek(0)


def _plain_entries(archive: zipfile.ZipFile, name: str) -> dict[str, zipfile.ZipInfo]:
    """Return the entries by name, each in bytes of the file that are its own."""
    infos = sorted(archive.infolist(), key=lambda info: info.header_offset)
    ends = [*(info.header_offset for info in infos[1:]), archive.start_dir]
    for info, end in zip(infos, ends, strict=True):
        # torch.save never compresses; a compressed entry can only be there to swell.
        plain = info.compress_type == zipfile.ZIP_STORED and not info.flag_bits & ENCRYPTED
        if not plain or info.file_size != info.compress_size:
            raise WeightsError(f"{name}: refused: {info.filename[:80]!r} is not plainly stored")
        header_bytes = LOCAL_HEADER_BYTES + len(info.filename)
        if info.header_offset < 0 or info.header_offset + header_bytes + info.file_size > end:
            raise WeightsError(f"{name}: refused: {info.filename[:80]!r} overlaps another entry")
    entries = {info.filename: info for info in infos}
    if len(entries) < len(infos):
        raise WeightsError(f"{name}: refused: two entries of one name in the archive")
    return entries


def _read_zip(archive: zipfile.ZipFile, *, name: str, num_bytes: int) -> dict[str, Tensor]:
    entries = _plain_entries(archive, name)
    pickles = [entry for entry in entries if entry.endswith("/data.pkl") and entry.count("/") == 1]
    if len(pickles) != 1:
        raise WeightsError(f"{name}: not a checkpoint: expected one data.pkl, got {len(pickles)}")
    root = pickles[0].removesuffix("data.pkl")
    if entries[pickles[0]].file_size > MAX_PICKLE_BYTES:
        raise WeightsError(f"{name}: refused: its pickle is larger than {MAX_PICKLE_BYTES} bytes")
    order = f"{root}byteorder"
    if order in entries and archive.open(order).read(8) != b"little":
        raise WeightsError(f"{name}: expected little-endian numbers")
    saved, _ = read_inert_pickle(io.BytesIO(archive.read(pickles[0])), name=name)

    def read_storage(storage: StorageRecord) -> bytearray:
        info = entries.get(f"{root}data/{storage.key}")
        if info is None or info.file_size != storage.num_bytes:
            raise WeightsError(
                f"{name}: damaged: storage {storage.key[:80]!r} should have {storage.num_bytes} "
                f"bytes, has {'none' if info is None else info.file_size}"
            )
        with archive.open(info) as file:
            return read_exactly(file, storage.num_bytes, name=name)

    return read_tensors(_find_state_dict(saved, name), read_storage, name=name, num_bytes=num_bytes)


def _read_legacy(file: IO[bytes], *, name: str, num_bytes: int) -> dict[str, Tensor]:
    """Read magic number, version, system, object and list of storages, then the storages."""

    def read_header() -> Any:
        return read_inert_pickle(file, name=name, max_opcodes=LEGACY_HEADER_OPCODES)[0]

    if read_header() != LEGACY_MAGIC_NUMBER or read_header() != LEGACY_PROTOCOL:
        raise WeightsError(f"{name}: a pickle, but not one of torch.save; nothing was executed")
    system = read_header()
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise WeightsError(f"{name}: expected little-endian numbers")
    saved, storages = read_inert_pickle(file, name=name)
    state = _find_state_dict(saved, name)
    keys, _ = read_inert_pickle(file, name=name)
    offsets = _storage_offsets(file, keys, storages, name=name, num_bytes=num_bytes)

    def read_storage(storage: StorageRecord) -> bytearray:
        if storage.key not in offsets:
            raise WeightsError(f"{name}: damaged: storage {storage.key[:80]!r} is missing")
        file.seek(offsets[storage.key])
        return read_exactly(file, storage.num_bytes, name=name)

    return read_tensors(state, read_storage, name=name, num_bytes=num_bytes)


def _storage_offsets(
    file: IO[bytes],
    keys: object,
    storages: Mapping[str, StorageRecord],
    *,
    name: str,
    num_bytes: int,
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
        if offsets[key] + storage.num_bytes > num_bytes:
            raise WeightsError(f"{name}: damaged: storage {key[:80]!r} is cut short")
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
        if not isinstance(value, TensorRecord):
            raise WeightsError(
                f"{name}: expected a checkpoint with a state_dict, or a state dict of tensors; "
                f"{key[:80]!r} is no tensor"
            )
    if all(key.startswith("module.") for key in state):
        # DataParallel wraps the network under this name.
        return {key.removeprefix("module."): value for key, value in state.items()}
    return state
