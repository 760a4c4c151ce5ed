"""An unpickler that can build containers and descriptions of tensors, and nothing else.

Training checkpoints of 2021 are pickles that name classes which need not exist here (callbacks,
configurations, optimizers). Every name outside the allow-list becomes an inert stub that swallows
whatever is done to it; nothing is ever imported. Names of the standard library that no checkpoint
has a reason to hold (``os.system``, ``builtins.eval``) are refused, so that an attack is reported
as one.
"""

import io
import math
import pickle
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import torch

from zoo.errors import WeightsError

__all__ = ["StorageRecord", "TensorRecord", "load_inert"]

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
STUBBED_MODULES = frozenset(
    {
        "argparse",
        "collections",
        "datetime",
        "decimal",
        "enum",
        "fractions",
        "logging",
        "pathlib",
        "typing",
        "uuid",
    }
)
STUBBED_NAMES = frozenset(
    {
        "_codecs.encode",
        "copyreg.__newobj__",
        "copyreg._reconstructor",
        "functools.partial",
        "types.SimpleNamespace",
    }
)
STUBBED_BUILTINS = frozenset(
    kind.__name__
    for kind in (
        *(bool, int, float, complex, str, bytes, bytearray, object),
        *(list, tuple, dict, set, frozenset, range, slice),
    )
)
REFUSED_MODULES = sys.stdlib_module_names - STUBBED_MODULES
MAX_RANK = 16


@dataclass(frozen=True, slots=True)
class StorageRecord:
    """A storage named in a checkpoint: where its bytes lie is the container's business.

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
    """A tensor named in a checkpoint: a view of a storage, checked to lie within it.

    Args:
        storage: The storage.
        offset: First element.
        size: Shape.
        stride: Steps in elements.
    """

    storage: StorageRecord
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class _Stub:
    """Stands for an object of any class: takes every argument, keeps none."""

    __slots__ = ()

    def __new__(cls, *_args: object, **_kwargs: object) -> "_Stub":
        return super().__new__(cls)

    def __init__(self, *_args: object, **_kwargs: object) -> None:
        pass

    def __call__(self, *_args: object, **_kwargs: object) -> "_Stub":
        return _Stub()

    def __setstate__(self, _state: object) -> None:
        pass

    def __setitem__(self, _key: object, _value: object) -> None:
        pass

    def append(self, _item: object) -> None:
        pass

    def extend(self, _items: object) -> None:
        pass

    def add(self, _item: object) -> None:
        pass


class _Mapping(dict[Any, Any]):
    """An OrderedDict whose attributes (torch keeps a version there) are swallowed, not set."""

    __slots__ = ()

    def __setstate__(self, _state: object) -> None:
        pass


class _Rebuild:
    """A callable without attributes to overwrite, in place of one of torch's rebuild functions."""

    __slots__ = ("_build",)

    def __init__(self, build: Callable[..., object]) -> None:
        object.__setattr__(self, "_build", build)

    def __call__(self, *arguments: object) -> object:
        return self._build(*arguments)

    def __setattr__(self, _name: str, _value: object) -> None:
        raise pickle.UnpicklingError("a rebuild function has no state")

    def __setstate__(self, _state: object) -> None:
        raise pickle.UnpicklingError("a rebuild function has no state")


def _is_count(value: object) -> TypeGuard[int]:
    return type(value) is int and 0 <= value < 1 << 48


def _whole_numbers(values: object) -> tuple[int, ...]:
    if not isinstance(values, tuple | list) or len(values) > MAX_RANK:
        raise pickle.UnpicklingError(
            f"expected up to {MAX_RANK} sizes, got {type(values).__name__}"
        )
    if not all(_is_count(value) for value in values):
        raise pickle.UnpicklingError("sizes and strides must be whole numbers of at least 0")
    return tuple(values)


def _tensor(storage: object, offset: object, size: object, stride: object, *_: object) -> object:
    if not isinstance(storage, StorageRecord) or not _is_count(offset):
        raise pickle.UnpicklingError("a tensor without a storage or a whole offset")
    shape, steps = _whole_numbers(size), _whole_numbers(stride)
    if len(shape) != len(steps):
        raise pickle.UnpicklingError(f"a tensor of {len(shape)} sizes and {len(steps)} strides")
    count = math.prod(shape)
    last = offset + sum((n - 1) * step for n, step in zip(shape, steps, strict=True))
    if count > storage.num_elements or (count and last >= storage.num_elements):
        raise pickle.UnpicklingError(
            f"a tensor of shape {shape} does not fit its storage of {storage.num_elements} elements"
        )
    return TensorRecord(storage, offset, shape, steps)


def _parameter(data: object, *_: object) -> object:
    return data


ALLOWED: Mapping[tuple[str, str], object] = {
    ("collections", "OrderedDict"): _Mapping,
    ("torch._utils", "_rebuild_tensor"): _Rebuild(_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): _Rebuild(_tensor),
    ("torch._utils", "_rebuild_parameter"): _Rebuild(_parameter),
    **{("torch", name): dtype for name, dtype in STORAGE_DTYPES.items()},
}


class _InertUnpickler(pickle.Unpickler):
    """Resolves names by the allow-list, storages to records, and everything else to stubs."""

    def __init__(self, body: bytes, name: str) -> None:
        super().__init__(io.BytesIO(body), encoding="utf-8", errors="replace")
        self._name = name
        self.storages: dict[str, StorageRecord] = {}

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Resolve a name without importing anything."""
        allowed = ALLOWED.get((module_name, global_name))
        if allowed is not None:
            return allowed
        top = module_name.partition(".")[0]
        if top in ("builtins", "__builtin__"):
            refused = global_name not in STUBBED_BUILTINS
        else:
            refused = top in REFUSED_MODULES and f"{module_name}.{global_name}" not in STUBBED_NAMES
        if refused:
            raise WeightsError(
                f"{self._name}: refused: it names {module_name[:80]}.{global_name[:80]}, which no "
                "checkpoint needs and which could run code. Nothing was executed; do not trust "
                "where this file came from"
            )
        return _Stub

    def persistent_load(self, pid: Any, /) -> StorageRecord:
        """Describe a storage; its bytes are read later, and only if a weight needs them."""
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] not in ("storage", b"storage"):
            raise pickle.UnpicklingError("expected the description of a storage")
        dtype, key, num_elements = pid[1], pid[2], pid[4]
        if not isinstance(dtype, torch.dtype) or not (isinstance(key, str) or _is_count(key)):
            raise pickle.UnpicklingError("a storage of unknown type or name")
        if not _is_count(num_elements):
            raise pickle.UnpicklingError("a storage of unknown size")
        if len(pid) > 5 and pid[5] is not None:
            raise pickle.UnpicklingError("views of storages are not supported")
        record = StorageRecord(dtype, str(key), num_elements)
        if self.storages.setdefault(record.key, record) != record:
            raise pickle.UnpicklingError(f"two storages are named {record.key[:80]!r}")
        return record


def load_inert(body: bytes, *, name: str) -> tuple[Any, dict[str, StorageRecord]]:
    """Unpickle ``body`` with nothing that can run.

    Args:
        body: A pickle that passed ``read_checked_pickle``.
        name: What to call the file in messages.

    Returns:
        Containers, numbers, strings, :class:`TensorRecord` and inert stubs; and every storage that
        the pickle names, by key, whether or not anything of it is left.

    Raises:
        WeightsError: If it is damaged, or names something that no checkpoint needs.
    """
    unpickler = _InertUnpickler(body, name)
    try:
        return unpickler.load(), unpickler.storages
    except WeightsError:
        raise
    except (
        pickle.UnpicklingError,
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        MemoryError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise WeightsError(f"{name}: not a checkpoint: its pickle is damaged ({error})") from error
