"""Plain data into frozen dataclasses by their type hints, and the way back.

Plain data are what YAML and JSON hold: mappings, lists, text, numbers, true, false and nothing.
They are read strictly: every key must be a field, nothing is converted but an integer to a float,
numbers are finite, texts and lists are bounded. A fault names its path, what was expected and what
was got.

A field may bound its values further: ``width: Annotated[int, Range(1, 1024)]``. A dataclass whose
plain form is not its fields has ``from_plain(cls, value, path, reader)`` and ``to_plain(self)``.
"""

import copy
import functools
import math
import re
import types
import typing
from collections.abc import Collection, Mapping, Sized
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from zoo.errors import UnknownNameError

T = TypeVar("T")

MAX_TEXT = 4000
MAX_ITEMS = 1000
MAX_INTEGER = 2**63
TYPES = {int: "an integer", float: "a number", str: "text", bool: "true or false"}
# Neither can be written to a file or a terminal as UTF-8 text.
UNUSABLE = re.compile("[\0\ud800-\udfff]")
EXPONENT = re.compile(r"[-+]?[0-9.]+[eE][-+]?[0-9]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Reads plain data and raises the caller's error.

    Args:
        error: The exception to raise.
        origin: File or place that messages begin with; empty for none.
    """

    error: type[Exception]
    origin: str = ""

    def fault(self, path: str, problem: str) -> Exception:
        """Return the error to raise for a value."""
        return self.error(": ".join(part for part in (self.origin, path, problem) if part))

    def record(self, kind: type[T], value: object, path: str = "", **given: Any) -> T:
        """Read a mapping into a dataclass.

        Args:
            kind: The dataclass.
            value: The mapping of its fields.
            path: Dotted path of the value.
            given: Values of fields that the mapping does not hold.

        Raises:
            Exception: ``error``, also where the dataclass itself refuses its values.
        """
        parts = [part for part in fields(typing.cast(Any, kind)) if part.name not in given]
        mapping = self.keys(
            value,
            path,
            known=[part.name for part in parts],
            required=[
                part.name
                for part in parts
                if part.default is MISSING and part.default_factory is MISSING
            ],
        )
        hints = _hints(kind)
        values = {
            key: self.read(hints[key], item, join(path, key)) for key, item in mapping.items()
        }
        try:
            return kind(**values, **given)
        except (ValueError, self.error) as error:
            problem = str(error)
        # A dataclass that refuses one field begins with its name.
        if path and re.match(rf"({'|'.join(hints)})[.:\[]", problem):
            raise self.fault("", f"{path}.{problem}")
        raise self.fault(path, problem)

    def keys(
        self, value: object, path: str, *, known: list[str], required: list[str]
    ) -> Mapping[str, Any]:
        """Return a mapping whose keys are known ones and hold the required ones."""
        mapping = self.mapping(value, path)
        for key in mapping:
            if key not in known:
                problem = str(UnknownNameError("key", key, known))
                raise self.fault(join(path, key), problem)
        for key in required:
            if key not in mapping:
                raise self.fault(join(path, key), "missing")
        return mapping

    def mapping(self, value: object, path: str) -> Mapping[Any, Any]:
        """Return a value that must be a mapping."""
        if not isinstance(value, Mapping):
            raise self.fault(path, f"must be a mapping, got {describe(value)}")
        return value

    def read(self, hint: Any, value: Any, path: str) -> Any:
        """Read a value by a type hint."""
        origin, inner = typing.get_origin(hint), typing.get_args(hint)
        if origin is Annotated:
            return self._bounded(inner, value, path)
        if origin is Literal:
            return self._choice(inner, value, path)
        if origin is tuple:
            return self._items(inner, value, path)
        if origin is Mapping:
            return self._named(inner, value, path)
        if origin in (typing.Union, types.UnionType):
            return self._union(inner, value, path)
        if hint in TYPES:
            return self._scalar(hint, value, path)
        if hint is Any or isinstance(value, hint):
            return value
        if hint is Path:
            return Path(self._scalar(str, value, path))
        if hasattr(hint, "from_plain"):
            return hint.from_plain(value, path, self)
        return self.record(hint, value, path)

    def _bounded(self, inner: tuple[Any, ...], value: Any, path: str) -> Any:
        result = self.read(inner[0], value, path)
        for bound in inner[1:]:
            problem = bound.problem(result)
            if problem:
                raise self.fault(path, problem)
        return result

    def _choice(self, choices: tuple[Any, ...], value: Any, path: str) -> Any:
        if any(type(value) is type(choice) and value == choice for choice in choices):
            return value
        if all(isinstance(item, str) for item in (value, *choices)):
            raise self.fault(path, str(UnknownNameError("value", value, list(choices))))
        listed = ", ".join(map(str, choices))
        raise self.fault(path, f"must be one of {listed}, got {describe(value)}")

    def _items(self, inner: tuple[Any, ...], value: Any, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise self.fault(path, f"must be a list, got {describe(value)}")
        self._check_number(value, path)
        hints = (inner[0],) * len(value) if inner[-1] is Ellipsis else inner
        if len(value) != len(hints):
            raise self.fault(path, f"must be a list of {len(hints)} values, got {len(value)}")
        return tuple(
            self.read(hint, item, f"{path}[{index}]")
            for index, (hint, item) in enumerate(zip(hints, value, strict=True))
        )

    def _named(self, inner: tuple[Any, ...], value: Any, path: str) -> dict[str, Any]:
        mapping = self.mapping(value, path)
        self._check_number(mapping, path)
        key_hint, item_hint = inner
        return {
            self.read(key_hint, key, f"{path}: key {_shown(key)}"): self.read(
                item_hint, item, join(path, key)
            )
            for key, item in mapping.items()
        }

    def _check_number(self, items: Sized, path: str) -> None:
        if len(items) > MAX_ITEMS:
            raise self.fault(path, f"must have at most {MAX_ITEMS} items, got {len(items)}")

    def _union(self, inner: tuple[Any, ...], value: Any, path: str) -> Any:
        """Read nothing, a record of the closest kind, or a plain value of the fitting type."""
        kinds = [kind for kind in inner if kind is not types.NoneType]
        if value is None and len(kinds) < len(inner):
            return None
        if len(kinds) == 1:
            return self.read(kinds[0], value, path)
        if all(is_dataclass(kind) for kind in kinds):
            return self._closest(kinds, value, path)
        fitting = type(value) if type(value) in kinds else float
        if fitting not in kinds or type(value) not in TYPES:
            names = " or ".join(TYPES[kind] for kind in kinds)
            raise self.fault(path, f"must be {names}, got {describe(value)}")
        return self._scalar(fitting, value, path)

    def _closest(self, kinds: list[Any], value: Any, path: str) -> Any:
        """Read the kind of record that shares most keys with the mapping and lacks fewest."""
        if isinstance(value, tuple(kinds)):
            return value
        given = set(self.mapping(value, path))
        names = {kind: {part.name for part in fields(kind)} for kind in kinds}
        chosen = max(kinds, key=lambda kind: (len(names[kind] & given), -len(names[kind])))
        if not names[chosen] & given:
            listed = " or ".join(str([part.name for part in fields(kind)]) for kind in kinds)
            raise self.fault(path, f"must have the keys {listed}, got {describe(value)}")
        return self.read(chosen, value, path)

    def _scalar(self, hint: type, value: Any, path: str) -> Any:
        problem = _problem(hint, value)
        if problem:
            raise self.fault(path, problem)
        return float(value) if hint is float else value


def check_fields(record: Any, *, error: type[Exception]) -> None:
    """Check every field of a dataclass as a ``Reader`` would; for its ``__post_init__``."""
    reader, hints = Reader(error=error), _hints(type(record))
    for part in fields(record):
        reader.read(hints[part.name], getattr(record, part.name), part.name)


def to_plain(record: Any, *, defaults: bool = True, without: Collection[str] = ()) -> Any:
    """Return plain data that a ``Reader`` reads back; fields that are None are left out.

    Args:
        record: A dataclass.
        defaults: Whether fields that hold their default are written.
        without: Fields to leave out.
    """

    def plain(value: Any) -> Any:
        if hasattr(value, "to_plain"):
            return value.to_plain()
        if is_dataclass(value):
            return to_plain(value, defaults=defaults)
        if isinstance(value, Mapping):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [plain(item) for item in value]
        return str(value) if isinstance(value, Path) else value

    values = {}
    for part in fields(record):
        value = getattr(record, part.name)
        default = part.default if part.default_factory is MISSING else part.default_factory()
        if part.name not in without and value is not None and (defaults or value != default):
            values[part.name] = plain(value)
    return values


def apply_overrides(
    mapping: Mapping[str, Any], overrides: Mapping[str, Any], *, error: type[Exception]
) -> dict[str, Any]:
    """Return a copy of nested mappings with values replaced by dotted path."""
    result = copy.deepcopy(dict(mapping))
    for path, value in overrides.items():
        *parents, key = str(path).split(".")
        target = result
        for parent in parents:
            target = target.setdefault(parent, {})
            if not isinstance(target, dict):
                raise error(f"override {path!r}: {parent!r} is no mapping")
        target[key] = copy.deepcopy(value)
    return result


def join(path: str, key: object) -> str:
    """Return the dotted path of a key below a path."""
    return f"{path}.{_shown(key)}" if path else _shown(key)


def describe(value: object) -> str:
    """Say of what type a value is, and how it begins."""
    if value is None:
        return "nothing"
    if isinstance(value, int) and abs(value) >= MAX_INTEGER:
        return f"an integer of {value.bit_length()} bits"
    return f"{type(value).__name__} {str(value)[:80]!r}"


def _problem(hint: type, value: Any) -> str | None:
    """Say why a value is no plain value of a type, or None."""
    if type(value) is not hint and not (hint is float and type(value) is int):
        exponent = hint is float and isinstance(value, str) and EXPONENT.fullmatch(value)
        tip = " (in YAML an exponent needs a point and a sign: 1.0e-3)" if exponent else ""
        return f"must be {TYPES[hint]}, got {describe(value)}{tip}"
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            return f"must have at most {MAX_TEXT} characters, got {len(value)}"
        if UNUSABLE.search(value):
            return f"must have no NUL and no unpaired surrogate, got {value[:80]!r}"
    elif isinstance(value, int) and not -MAX_INTEGER <= value < MAX_INTEGER:
        return f"must fit in 64 bits, got {describe(value)}"
    elif not math.isfinite(value):
        return f"must be a finite number, got {value}"
    return None


def _shown(key: object) -> str:
    """Return a key as it reads in a path: short, and of characters that can be printed."""
    return repr(str(key)[:80])[1:-1]


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind, include_extras=True)
