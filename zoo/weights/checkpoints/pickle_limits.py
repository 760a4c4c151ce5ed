"""Bounds on what a stranger's pickle may cost, checked before a single opcode is obeyed.

An unpickler that runs nothing can still be made to allocate gigabytes (a memo index, a length) or
to overflow the C stack (hashing a tuple nested 100,000 deep). Both are visible in the opcodes.
"""

import io
import pickletools
from typing import IO, Any

from zoo.errors import WeightsError

__all__ = ["read_checked_pickle"]

MAX_PICKLE_BYTES = 64 << 20
MAX_OPCODES = 500_000
MAX_DEPTH = 200
REFUSED_OPCODES = frozenset({"EXT1", "EXT2", "EXT4", "PERSID", "NEXT_BUFFER", "READONLY_BUFFER"})
FILLING_OPCODES = frozenset({"APPEND", "APPENDS", "SETITEM", "SETITEMS", "ADDITEMS", "BUILD"})
MEMO_WRITES = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
MEMO_READS = frozenset({"GET", "BINGET", "LONG_BINGET"})


def read_checked_pickle(file: IO[bytes], *, name: str) -> bytes:
    """Read one pickle from ``file``, up to and with its STOP, and return its bytes.

    Args:
        file: Open for reading, at the pickle's first byte; left behind its last.
        name: What to call the file in messages.

    Raises:
        WeightsError: If it is no pickle, or costs more than any checkpoint's does.
    """
    start = file.tell()
    body = file.read(MAX_PICKLE_BYTES)
    stream = io.BytesIO(body)
    try:
        _check_opcodes(stream, name)
    except (ValueError, IndexError, KeyError, UnicodeError, OverflowError) as error:
        raise WeightsError(f"{name}: not a checkpoint: its pickle is damaged ({error})") from error
    end = stream.tell()
    file.seek(start + end)
    return body[:end]


def _check_opcodes(stream: IO[bytes], name: str) -> None:
    """Walk the opcodes with a stack of nesting depths instead of objects."""
    stack: list[int | None] = []
    memo: dict[int, int] = {}
    for count, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if count > MAX_OPCODES:
            raise WeightsError(f"{name}: refused: more than {MAX_OPCODES} opcodes in its pickle")
        if opcode.name in REFUSED_OPCODES:
            raise WeightsError(f"{name}: refused: its pickle uses {opcode.name}")
        if opcode.name in MEMO_WRITES:
            memo[_memo_index(argument, count, name)] = _top(stack)
        elif opcode.name == "MEMOIZE":
            memo[len(memo)] = _top(stack)
        elif opcode.name in MEMO_READS:
            stack.append(memo[_memo_index(argument, count, name)])
        else:
            depth = _apply(stack, opcode)
            if depth > MAX_DEPTH:
                raise WeightsError(f"{name}: refused: nested deeper than {MAX_DEPTH} in its pickle")


def _memo_index(index: int | None, count: int, name: str) -> int:
    # The unpickler's memo is an array, so that a single high index costs memory up to it.
    if index is None or not 0 <= index <= count:
        raise WeightsError(f"{name}: refused: memo index {index} in a pickle of {count} opcodes")
    return index


def _top(stack: list[int | None]) -> int:
    depth = stack[-1]
    if depth is None:
        raise ValueError("a mark where an object was expected")
    return depth


def _apply(stack: list[int | None], opcode: Any) -> int:
    """Replace what an opcode takes by what it leaves; return the depth of what it leaves."""
    taken = _take(stack, opcode)
    if opcode.name in FILLING_OPCODES:
        container, items = taken[-1], taken[:-1]
        depth = max([container, *(item + 1 for item in items)])
    else:
        depth = max(taken, default=0) + 1
    if opcode.name == "DUP":
        stack.extend((taken[0], taken[0]))
    else:
        stack.extend(
            None if produced is pickletools.markobject else depth for produced in opcode.stack_after
        )
    return depth


def _take(stack: list[int | None], opcode: Any) -> list[int]:
    """Pop what an opcode takes, the topmost first."""
    taken: list[int] = []
    before = list(opcode.stack_before)
    if pickletools.markobject in before:
        while (depth := stack.pop()) is not None:
            taken.append(depth)
        before = before[: before.index(pickletools.markobject)]
    for _ in before:
        depth = stack.pop()
        if depth is not None:
            taken.append(depth)
        elif opcode.name != "POP":
            raise ValueError("a mark where an object was expected")
    return taken
