"""From whatever names a spec to the spec."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.specs.parsing import parse_spec
from zoo.specs.registry import SPECS
from zoo.specs.spec import Spec

__all__ = ["YAML_SUFFIXES", "SpecSource", "load_spec"]

SpecSource = str | Path | Mapping[str, Any] | Spec
YAML_SUFFIXES = (".yaml", ".yml")


def load_spec(source: SpecSource, *, overrides: Mapping[str, Any] | None = None) -> Spec:
    """Find and parse a spec.

    Args:
        source: A registered name, the path of a YAML file, a mapping or a Spec.
        overrides: Values by dotted path that replace those of the source, e.g. ``unet.width``.

    Raises:
        UnknownNameError: If no spec has the name.
        SpecError: If the spec is bad.
        FileNotFoundError: If the file does not exist.
    """
    if isinstance(source, Spec):
        return parse_spec(source.to_dict(), overrides=overrides) if overrides else source
    if isinstance(source, Mapping):
        return parse_spec(source, overrides=overrides)
    if Path(source).suffix in YAML_SUFFIXES:
        return parse_spec(source, overrides=overrides)
    return parse_spec(SPECS.path(str(source)), overrides=overrides)
