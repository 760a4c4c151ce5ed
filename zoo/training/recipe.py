"""Recipes: a training config in YAML, checked key by key.

A recipe is data: it names a model, a loss, an optimizer, a schedule and augmentations, and can run
nothing. An unknown key or value fails with the file, the key's path and the closest names.
"""

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from zoo.data.augmentations import AUGMENTATIONS
from zoo.data.mixing import PlannedAugmentation
from zoo.training.config import TrainingConfig

RECIPE_DIRECTORY = Path(__file__).parent / "recipes"


def list_recipes() -> list[str]:
    """Name every recipe that comes with the package."""
    return sorted(path.stem for path in RECIPE_DIRECTORY.glob("*.yaml"))


def load_recipe(name_or_path: str | Path) -> TrainingConfig:
    """Read a recipe by its name or from a file.

    Raises:
        ValueError: If there is no such recipe or it is not right; the message names file and key.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        if str(name_or_path) not in list_recipes():
            raise ValueError(
                f"no recipe {str(name_or_path)!r}; known: {', '.join(list_recipes())}; "
                "or give the path of a YAML file"
            )
        path = RECIPE_DIRECTORY / f"{name_or_path}.yaml"
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ValueError(f"recipe {path} cannot be read: {error}") from error
    return parse_config(values, origin=str(path))


def parse_config(values: object, *, origin: str = "recipe") -> TrainingConfig:
    """Check a mapping and turn it into a config.

    Args:
        values: What a recipe holds, as plain data.
        origin: Named in error messages.

    Raises:
        ValueError: If a key or value is not right.
    """
    try:
        return _parse(TrainingConfig, values, "")
    except ValueError as error:
        raise ValueError(f"{origin}: {error}") from error


def override(config: TrainingConfig, changes: Mapping[str, Any]) -> TrainingConfig:
    """Return the config with values changed by dotted keys, as in ``{"optimizer.name": "adam"}``.

    Raises:
        ValueError: If a key is unknown or a value does not fit.
    """
    values = to_dict(config)
    for key, value in changes.items():
        *parents, last = key.split(".")
        place = values
        for parent in parents:
            place = place.get(parent)
            if not isinstance(place, dict):
                raise ValueError(f"override {key!r}: there is no section {parent!r}")
        place[last] = value
    return parse_config(values, origin="override")


def to_dict(config: TrainingConfig) -> dict[str, Any]:
    """Return the config as plain data that ``parse_config`` reads back."""

    def plain(value: Any) -> Any:
        if isinstance(value, PlannedAugmentation):
            names = {AUGMENTATIONS[name]: name for name in AUGMENTATIONS}
            own = {"name": names[type(value.transform)], "probability": value.probability}
            if value.sources:
                own["sources"] = list(value.sources)
            return own | plain(value.transform)
        if dataclasses.is_dataclass(value):
            return {
                part.name: plain(getattr(value, part.name)) for part in dataclasses.fields(value)
            }
        if isinstance(value, tuple):
            return [plain(item) for item in value]
        return dict(value) if isinstance(value, Mapping) else value

    return plain(config)


def _parse(kind: Any, value: object, path: str) -> Any:
    """Turn plain data into ``kind``, naming the key's path in every complaint."""
    origin = typing.get_origin(kind)
    if kind is PlannedAugmentation:
        return _parse_augmentation(value, path)
    if dataclasses.is_dataclass(kind):
        return _parse_dataclass(kind, value, path)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{path}: expected a list, got {value!r}")
        inner = typing.get_args(kind)[0]
        return tuple(_parse(inner, item, f"{path}[{place}]") for place, item in enumerate(value))
    if origin is not None and issubclass(origin, Mapping):
        if not isinstance(value, Mapping):
            raise ValueError(f"{path}: expected a mapping, got {value!r}")
        inner = typing.get_args(kind)[1]
        return {str(key): _parse(inner, item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(kind, types.UnionType):
        if isinstance(value, typing.get_args(kind)):
            return value
    elif kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise ValueError(f"{path}: expected {getattr(kind, '__name__', kind)}, got {value!r}")


def _parse_dataclass(kind: Any, value: object, path: str) -> Any:
    """Read a mapping into a dataclass; every key must be one of its fields."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{path or 'recipe'}: expected a mapping, got {value!r}")
    hints = typing.get_type_hints(kind)
    prefix = f"{path}." if path else ""
    arguments = {}
    for key, item in value.items():
        if key not in hints:
            close = difflib.get_close_matches(str(key), hints, n=3, cutoff=0.4) or sorted(hints)
            raise ValueError(f"{prefix}{key}: unknown key; expected {', '.join(close)}")
        arguments[key] = _parse(hints[key], item, f"{prefix}{key}")
    required = [
        part.name
        for part in dataclasses.fields(kind)
        if part.default is dataclasses.MISSING and part.default_factory is dataclasses.MISSING
    ]
    missing = [name for name in required if name not in arguments]
    if missing:
        raise ValueError(f"{prefix}{missing[0]}: missing")
    return kind(**arguments)


def _parse_augmentation(value: object, path: str) -> PlannedAugmentation:
    """Read ``{name, probability, sources, ...}``; the rest are the transform's own parameters."""
    if not isinstance(value, Mapping) or "name" not in value:
        raise ValueError(f"{path}: expected a mapping with a name, got {value!r}")
    rest = {
        key: item for key, item in value.items() if key not in ("name", "probability", "sources")
    }
    transform = _parse_dataclass(AUGMENTATIONS[value["name"]], rest, path)
    return PlannedAugmentation(
        transform=transform,
        probability=_parse(float, value.get("probability", 1.0), f"{path}.probability"),
        sources=_parse(tuple[str, ...], value.get("sources", ()), f"{path}.sources"),
    )
