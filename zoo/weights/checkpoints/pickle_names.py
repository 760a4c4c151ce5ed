"""What the names in a pickle stand for; none of them is ever imported.

A name of the allow-list describes a tensor or an empty mapping. Names of the standard library that
no checkpoint has a reason to hold (``os.system``, ``builtins.eval``) are refused, so that an attack
is reported as one. Any other name becomes ``OTHER``.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import torch

from zoo.weights.checkpoints.tensors import StorageRecord, TensorRecord, is_count, whole_numbers

__all__ = ["OTHER", "RefusedPickleError", "describe_storage", "is_name", "resolve"]

MAX_NAME_CHARACTERS = 256
STORAGE_DTYPES: Mapping[str, torch.dtype] = {
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "DoubleStorage": torch.float64,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
HARMLESS_MODULES = frozenset(
    (
        *("argparse", "collections", "datetime", "decimal", "enum", "fractions", "logging"),
        *("pathlib", "typing", "uuid"),
    )
)
HARMLESS_NAMES = frozenset(
    (
        *("_codecs.encode", "copyreg.__newobj__", "copyreg._reconstructor", "functools.partial"),
        "types.SimpleNamespace",
    )
)
HARMLESS_BUILTINS = frozenset(
    kind.__name__
    for kind in (
        *(bool, int, float, complex, str, bytes, bytearray, object),
        *(list, tuple, dict, set, frozenset, range, slice),
    )
)
REFUSED_MODULES = sys.stdlib_module_names - HARMLESS_MODULES


class RefusedPickleError(Exception):
    """A pickle that asks for what no checkpoint needs."""


class _Other:
    """Stands for an object of any other class: takes everything, keeps nothing."""

    __slots__ = ()


OTHER = _Other()


def is_name(value: object) -> TypeGuard[str]:
    """Whether a value is text short enough to be a key or the name of a class.

    Comparing long texts takes long, and a pickle can ask for it again and again with three bytes.
    """
    return isinstance(value, str) and len(value) <= MAX_NAME_CHARACTERS


def _tensor(arguments: Sequence[Any]) -> object:
    if len(arguments) < 4:
        raise ValueError(f"a tensor of {len(arguments)} facts, expected at least 4")
    storage, offset, size, stride = arguments[:4]
    if not isinstance(storage, StorageRecord) or not is_count(offset):
        raise ValueError("a tensor without a storage or a whole offset")
    size, stride = whole_numbers(size, "sizes"), whole_numbers(stride, "strides")
    return TensorRecord(storage, offset, size, stride)


def _parameter(arguments: Sequence[Any]) -> object:
    return arguments[0]


def _mapping(arguments: Sequence[Any]) -> object:
    # Python 3 fills a mapping that it made empty.
    return OTHER if arguments else {}


KNOWN: Mapping[str, object] = {
    "collections.OrderedDict": _mapping,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    **{f"torch.{name}": dtype for name, dtype in STORAGE_DTYPES.items()},
}


def describe_storage(pid: object) -> StorageRecord:
    """Describe a storage; its bytes are read later, and only if a weight needs them."""
    if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
        raise ValueError("expected the description of a storage")
    dtype, key, num_elements = pid[1], pid[2], pid[4]
    if not isinstance(dtype, torch.dtype) or not (is_name(key) or is_count(key)):
        raise ValueError("a storage of unknown type or name")
    if not is_count(num_elements):
        raise ValueError("a storage of unknown size")
    if len(pid) > 5 and pid[5] is not None:
        raise ValueError("views of storages are not supported")
    return StorageRecord(dtype, str(key), num_elements)


def resolve(module_name: object, global_name: object) -> object:
    """Return what a name stands for: a type of numbers, a function that describes, or ``OTHER``.

    Raises:
        RefusedPickleError: The name is one that could run code.
        ValueError: It is no name.
    """
    if not is_name(module_name) or not is_name(global_name):
        raise ValueError(f"a class without a name of up to {MAX_NAME_CHARACTERS} characters")
    full_name = f"{module_name}.{global_name}"
    if full_name in KNOWN:
        return KNOWN[full_name]
    top = module_name.partition(".")[0]
    if top in ("builtins", "__builtin__"):
        refused = global_name not in HARMLESS_BUILTINS
    else:
        refused = top in REFUSED_MODULES and full_name not in HARMLESS_NAMES
    if refused:
        raise RefusedPickleError(
            f"it names {full_name[:160]!r}, which no checkpoint needs and which could run code. "
            "Nothing was executed; do not trust where this file came from"
        )
    return OTHER
