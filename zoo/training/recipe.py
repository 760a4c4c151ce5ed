"""Recipes: a training config in YAML, checked key by key.

A recipe is data: it names a model, a loss, an optimizer, a schedule and augmentations, and can run
nothing. An unknown key or value fails with the file, the key's path and the closest names.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.records.reading import Reader, apply_overrides, to_plain
from zoo.records.yaml_text import read_yaml
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
        values = read_yaml(path)
    except OSError as error:
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
    return Reader(error=ValueError, origin=origin).record(TrainingConfig, values)


def override(config: TrainingConfig, changes: Mapping[str, Any]) -> TrainingConfig:
    """Return the config with values changed by dotted keys, as in ``{"optimizer.name": "adam"}``.

    Raises:
        ValueError: If a key is unknown or a value does not fit.
    """
    values = apply_overrides(to_plain(config), changes, error=ValueError)
    return parse_config(values, origin="override")
