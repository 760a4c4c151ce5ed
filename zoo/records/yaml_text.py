"""YAML text into plain data: mappings, lists, text, numbers, true, false and nothing.

The text may come from a stranger. It is bounded in size and depth, and whatever YAML could do
beyond plain data (tags, anchors, merged mappings, keys given twice) is refused with its line.
"""

from collections.abc import Hashable
from pathlib import Path
from typing import Any, NoReturn

import yaml

from zoo.records.reading import MAX_INTEGER

MAX_BYTES = 256 * 1024
MAX_DEPTH = 12


def read_yaml(
    path: str | Path, *, error: type[Exception] = ValueError, max_bytes: int = MAX_BYTES
) -> Any:
    """Read a YAML file; see ``parse_yaml``.

    Raises:
        OSError: If the file cannot be read.
    """
    with Path(path).open("rb") as stream:
        text = stream.read(max_bytes + 1)
    return parse_yaml(text, origin=str(path), error=error, max_bytes=max_bytes)


def parse_yaml(
    text: str | bytes,
    *,
    origin: str,
    error: type[Exception] = ValueError,
    max_bytes: int = MAX_BYTES,
) -> Any:
    """Turn YAML text into plain data.

    Args:
        text: The text; bytes are UTF-8.
        origin: File or place that error messages begin with.
        error: The exception for text that is refused.
        max_bytes: Longest text.

    Raises:
        Exception: ``error``, with the origin, the line and the reason, whatever the text holds.
    """
    if len(text) > max_bytes:
        raise error(f"{origin}: larger than {max_bytes} bytes")
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8")
        return yaml.load(text, Loader=_PlainLoader)  # noqa: S506  # a SafeLoader
    except UnicodeDecodeError as reason:
        raise error(f"{origin}: not UTF-8 text ({reason.reason})") from None
    except (yaml.YAMLError, ValueError, OverflowError) as reason:
        hint = " (indent with spaces, not tabs)" if "\t" in str(text) else ""
        raise error(f"{origin}: not valid YAML{hint}: {_describe(reason)}") from None


class _PlainLoader(yaml.SafeLoader):
    """A SafeLoader that refuses what is no plain data, and a key given twice."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            _refuse(event, "anchors and aliases are not allowed")
        if getattr(event, "tag", None) is not None:
            _refuse(event, f"tags such as {event.tag[:80]} are not allowed")
        self.depth += 1
        if self.depth > MAX_DEPTH and isinstance(event, yaml.CollectionStartEvent):
            _refuse(event, f"nested deeper than {MAX_DEPTH} levels")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:  # noqa: FBT001, FBT002  # the signature of PyYAML
        mapping = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                _refuse(key_node, "merge keys (<<) are not allowed")
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                _refuse(key_node, "a key must be text, not a list or mapping")
            if key in mapping:
                _refuse(key_node, f"key {key!r} given twice")
            mapping[key] = self.construct_object(value_node, deep=deep)
        return mapping

    def construct_scalar(self, node: Any) -> Any:
        value = super().construct_scalar(node)
        # The line break that ends a block of text belongs to the notation, not to the text.
        return value.rstrip("\n") if node.style in ("|", ">") else value

    def construct_integer(self, node: yaml.ScalarNode) -> int:
        value = self.construct_yaml_int(node)
        if abs(value) >= MAX_INTEGER:
            _refuse(node, "an integer of more than 64 bits")
        return value

    def refuse_date(self, node: yaml.ScalarNode) -> NoReturn:
        _refuse(node, f"{node.value[:80]} reads as a date; put it in quotes to make it text")


_PlainLoader.add_constructor("tag:yaml.org,2002:int", _PlainLoader.construct_integer)
_PlainLoader.add_constructor("tag:yaml.org,2002:timestamp", _PlainLoader.refuse_date)


def _refuse(place: yaml.Event | yaml.Node, problem: str) -> NoReturn:
    raise yaml.MarkedYAMLError(problem=problem, problem_mark=place.start_mark)


def _describe(reason: Exception) -> str:
    """Say on one line what is wrong, and where."""
    if isinstance(reason, yaml.MarkedYAMLError) and reason.problem_mark is not None:
        context = f"{reason.context}, " if reason.context else ""
        return f"line {reason.problem_mark.line + 1}: {context}{reason.problem}"
    return " ".join(str(reason).split())
