"""Reading a pickle as data: what it says is looked at, nothing of it is done.

Training checkpoints of 2021 are pickles that name classes which need not exist here (callbacks,
configurations, optimizers). Here the opcodes are followed by a small machine of our own that knows
strings, numbers, lists, tuples, mappings from strings, and descriptions of tensors. It calls
nothing, imports nothing and hashes nothing but strings; whatever else a pickle makes becomes
``OTHER``.

A value that is named again is the same object, never a copy, and no action takes longer for a
larger value, so that time and memory grow with the opcodes and bytes, whose numbers are bounded.

``torch.load(weights_only=True)`` does not fit here. It refuses every unknown class unless the whole
process allows it, reads optimizer states along, hashes tuples nested without end, and calls
``bytearray`` and ``torch.FloatTensor`` with whatever length a pickle gives.
"""

import io
import pickletools
from collections.abc import Callable, Mapping
from typing import IO, Any

from zoo.errors import WeightsError
from zoo.weights.checkpoints.pickle_names import (
    OTHER,
    RefusedPickleError,
    describe_storage,
    is_name,
    resolve,
)
from zoo.weights.checkpoints.tensors import StorageRecord, TensorRecord

__all__ = ["MAX_OPCODES", "MAX_PICKLE_BYTES", "read_inert_pickle"]

# The largest network of the zoo with the state of its optimizer takes 57,000 opcodes in 200 KB.
MAX_PICKLE_BYTES = 8 << 20
MAX_OPCODES = 200_000

CONTAINERS = (list, tuple, dict, TensorRecord)


def read_inert_pickle(
    file: IO[bytes], *, name: str, max_opcodes: int = MAX_OPCODES
) -> tuple[Any, dict[str, StorageRecord]]:
    """Read one pickle, up to and with its STOP.

    Args:
        file: Open for reading, at the pickle's first byte; left behind its last.
        name: What to call the file in messages.
        max_opcodes: How many opcodes it may have.

    Returns:
        Containers, numbers, strings, :class:`TensorRecord` and ``OTHER``; and every storage that
        the pickle names, by key, whether or not anything of it is left.

    Raises:
        WeightsError: If it is damaged, costs more than any checkpoint does, or names something
            that no checkpoint needs.
    """
    start = file.tell()
    stream = io.BytesIO(file.read(MAX_PICKLE_BYTES))
    machine = _Machine()
    try:
        saved = machine.run(stream, max_opcodes)
    except RefusedPickleError as error:
        raise WeightsError(f"{name}: refused: {error}") from error
    except (ValueError, LookupError, OverflowError) as error:
        reason = str(error)[:200]
        raise WeightsError(f"{name}: not a checkpoint: its pickle is damaged ({reason})") from error
    file.seek(start + stream.tell())
    return saved, machine.storages


class _Machine:
    """The stack, the memo and the storages of one pickle."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []  # the stacks under the marks
        self._memo: dict[int, Any] = {}
        self.storages: dict[str, StorageRecord] = {}

    def run(self, stream: IO[bytes], max_opcodes: int) -> Any:
        for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
            if count >= max_opcodes:
                raise RefusedPickleError(f"more than {max_opcodes} opcodes in its pickle")
            if opcode.name in LITERALS:
                self._stack.append(argument)
            elif opcode.name in ACTIONS:
                ACTIONS[opcode.name](self, argument)
            elif opcode.name in CONSTANTS:
                self._stack.append(CONSTANTS[opcode.name])
            else:
                raise RefusedPickleError(f"its pickle uses {opcode.name}")
        return self._stack[-1]

    def push(self, value: object) -> None:
        self._stack.append(value)

    def mark(self, _: object) -> None:
        self._below.append(self._stack)
        self._stack = []

    def take(self, count: int | None = None) -> list[Any]:
        """Pop so many values, or all above the mark and the mark."""
        if count is None:
            taken, self._stack = self._stack, self._below.pop()
            return taken
        if len(self._stack) < count:
            raise IndexError("a value that is not there")
        taken = self._stack[-count:]
        del self._stack[-count:]
        return taken

    def pop(self, _: object) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._stack = self._below.pop()

    def remember(self, index: int | None) -> None:
        self._memo[len(self._memo) if index is None else index] = self._stack[-1]

    def recall(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def append(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, list):
            target.extend(items)
        elif target is not OTHER:
            raise ValueError(f"items for a {type(target).__name__}")

    def mapping(self, items: list[Any]) -> None:
        self._stack.append({})
        self.set_items(items)

    def construct(self, parts: list[Any]) -> None:
        self.call(parts[0], parts[1:])

    def set_items(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if target is OTHER:
            return
        if not isinstance(target, dict):
            raise ValueError(f"keys and values for a {type(target).__name__}")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if isinstance(key, CONTAINERS):
                raise RefusedPickleError(f"a {type(key).__name__} is a key in its pickle")
            if is_name(key):
                target[key] = value

    def call(self, function: object, arguments: object) -> None:
        """Push what a call of a known function describes, or ``OTHER``."""
        if not isinstance(arguments, tuple | list):
            raise ValueError("a call without arguments")
        if function is OTHER:
            self._stack.append(OTHER)
        elif callable(function):
            self._stack.append(function(arguments))
        else:
            raise ValueError(f"a call of a {type(function).__name__}")

    def find_storage(self, _: object) -> None:
        record = describe_storage(*self.take(1))
        if self.storages.setdefault(record.key, record) != record:
            raise ValueError(f"two storages are named {record.key[:80]!r}")
        self._stack.append(record)


Action = Callable[[_Machine, Any], object]

# Opcodes that push their own argument: a number, text or bytes.
LITERALS = frozenset(
    opcode.name
    for opcode in pickletools.opcodes
    if opcode.arg and not opcode.stack_before and opcode.stack_after
    if opcode.stack_after != [pickletools.anyobject]
)
CONSTANTS: Mapping[str, object] = {
    "NONE": None,
    "NEWTRUE": True,
    "NEWFALSE": False,
    "EMPTY_TUPLE": (),
    "EMPTY_SET": OTHER,
}
ACTIONS: Mapping[str, Action] = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda machine, _: None),
    "EMPTY_LIST": lambda machine, _: machine.push([]),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "LIST": lambda machine, _: machine.push(machine.take()),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.take())),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.take(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.take(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.take(3))),
    "DICT": lambda machine, _: machine.mapping(machine.take()),
    "FROZENSET": lambda machine, _: (machine.take(), machine.push(OTHER)),
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": lambda machine, _: machine.take(),
    "DUP": lambda machine, _: [machine.push(value) for value in machine.take(1) * 2],
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"), _Machine.remember),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.recall),
    "APPEND": lambda machine, _: machine.append(machine.take(1)),
    **dict.fromkeys(("APPENDS", "ADDITEMS"), lambda machine, _: machine.append(machine.take())),
    "SETITEM": lambda machine, _: machine.set_items(machine.take(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.take()),
    "GLOBAL": lambda machine, names: machine.push(resolve(*names.split(" ", 1))),
    "STACK_GLOBAL": lambda machine, _: machine.push(resolve(*machine.take(2))),
    **dict.fromkeys(("REDUCE", "NEWOBJ"), lambda machine, _: machine.call(*machine.take(2))),
    "NEWOBJ_EX": lambda machine, _: machine.call(*machine.take(3)[:2]),
    "INST": lambda machine, names: machine.call(resolve(*names.split(" ", 1)), machine.take()),
    "OBJ": lambda machine, _: machine.construct(machine.take()),
    "BUILD": lambda machine, _: machine.take(1),
    "BINPERSID": _Machine.find_storage,
}
