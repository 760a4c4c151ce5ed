"""JSON files into plain data, though someone may have cut them off, changed or replaced them."""

import json
from pathlib import Path
from typing import Any, NoReturn

__all__ = ["parse_json", "read_json"]

MAX_BYTES = 1 << 20  # our largest files of JSON, of a whole data set's stems, take a tenth of it


def read_json(
    path: Path, *, error: type[Exception] = ValueError, max_bytes: int = MAX_BYTES
) -> Any:
    """Read a JSON file; see :func:`parse_json`.

    Raises:
        OSError: The file is not there or cannot be read.
        Exception: ``error``: it is no regular file, is larger than ``max_bytes`` or is no JSON.
    """
    path.stat()
    if not path.is_file():
        raise error(f"{path}: no regular file")
    with path.open("rb") as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise error(f"{path}: larger than {max_bytes} bytes")
    return parse_json(content, origin=str(path), error=error)


def parse_json(content: bytes, *, origin: str, error: type[Exception] = ValueError) -> Any:
    """Turn JSON as UTF-8 into plain data. Unlike Python's own reader it takes no NaN or Infinity.

    Args:
        content: The text.
        origin: File or place that error messages begin with.
        error: The exception for text that is refused.

    Raises:
        Exception: ``error``, with the origin and the reason, whatever the text holds.
    """
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise error(f"{origin}: no JSON of ours: nested too deeply") from None
    except ValueError as reason:
        raise error(f"{origin}: no JSON of ours: {reason}") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
