"""From YAML or plain data to ``Spec``; faults name their path."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.errors import SpecError
from zoo.records.reading import Reader, apply_overrides
from zoo.records.yaml_text import parse_yaml, read_yaml
from zoo.specs.spec import Spec

MAX_BYTES = 64 * 1024


def parse_spec(
    source: Mapping[str, Any] | str | Path, *, overrides: Mapping[str, Any] | None = None
) -> Spec:
    """Parse a spec.

    Args:
        source: A mapping, or the path of a YAML file.
        overrides: Values by dotted path that replace those of the source, e.g. ``unet.width``.

    Raises:
        SpecError: With the file, the path of the key, what was expected and the closest names.
        FileNotFoundError: If the file does not exist.
    """
    if isinstance(source, Mapping):
        return _parse(source, overrides=overrides)
    plain = read_yaml(source, error=SpecError, max_bytes=MAX_BYTES)
    return _parse(plain, overrides=overrides, file=Path(source))


def parse_spec_text(text: str | bytes) -> Spec:
    """Parse a spec from YAML text; see ``parse_spec``."""
    return _parse(parse_yaml(text, origin="spec", error=SpecError, max_bytes=MAX_BYTES))


def _parse(
    plain: Any, *, overrides: Mapping[str, Any] | None = None, file: Path | None = None
) -> Spec:
    reader = Reader(error=SpecError, origin=str(file or ""))
    if overrides:
        plain = apply_overrides(reader.mapping(plain, ""), overrides, error=SpecError)
    return reader.record(Spec, plain, file=file)
