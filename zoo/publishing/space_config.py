"""``spaces_config.yaml`` as frozen dataclasses: what a Space is, what it offers, its limits.

The YAML file is the one source of truth: the app, README's front matter and the push read it.
"""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from zoo.separation.pitch_averaging import playing_speeds

__all__ = [
    "CONFIG_NAME",
    "Limits",
    "OfferedModel",
    "SpaceConfig",
    "SpaceConfigError",
    "SpaceMetadata",
    "load_space_config",
]

CONFIG_NAME = "spaces_config.yaml"
COLORS = ("red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray")
SHORT_DESCRIPTION_LIMIT = 60


class SpaceConfigError(ValueError):
    """A ``spaces_config.yaml`` that cannot be parsed or is inconsistent."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SpaceMetadata:
    """How the Hub shows and runs the Space; becomes README's front matter.

    Args:
        title: Name shown on the Space's card.
        emoji: One emoji for the card.
        color_from: Start of the card's gradient, one of the Hub's eight colours.
        color_to: End of the gradient.
        sdk_version: Version of gradio.
        python_version: Version of Python; ZeroGPU runs 3.12.12 or 3.10.13 only.
        short_description: At most 60 characters.
        suggested_hardware: Hardware offered to those who duplicate the Space.
        license: SPDX-like identifier as the Hub spells it.
        tags: Search words.
        models: Hub repositories of the weights used.
        thumbnail: Picture for links, a path in the repository.
        pinned: Whether the Space is pinned on the profile.
        startup_duration_timeout: How long the Hub waits for the app, for example ``30m``.
    """

    title: str
    emoji: str
    color_from: str
    color_to: str
    sdk_version: str
    python_version: str
    short_description: str
    suggested_hardware: str
    license: str
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    thumbnail: str = ""
    pinned: bool = False
    startup_duration_timeout: str = "30m"

    def __post_init__(self) -> None:
        """Validate."""
        for key in ("color_from", "color_to"):
            if getattr(self, key) not in COLORS:
                raise SpaceConfigError(
                    f"space.{key}: got {getattr(self, key)!r}, expected one of {', '.join(COLORS)}"
                )
        if len(self.short_description) > SHORT_DESCRIPTION_LIMIT:
            raise SpaceConfigError(
                f"space.short_description: got {len(self.short_description)} characters, the Hub "
                f"allows {SHORT_DESCRIPTION_LIMIT}; shorten it"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class OfferedModel:
    """A model on the Space's menu and its ZeroGPU budget.

    Args:
        name: Name in the zoo.
        startup_seconds: GPU seconds of a call whatever its length.
        seconds_per_minute: GPU seconds for each minute of audio and each pitch.
        pitches: At how many pitches songs are separated: 1, or 3, 5 or 7 for better stems in
            as many times the time.
    """

    name: str
    startup_seconds: float
    seconds_per_minute: float
    pitches: int = 1

    def __post_init__(self) -> None:
        """Validate."""
        for key in ("startup_seconds", "seconds_per_minute"):
            _require_positive(f"models: {self.name}.{key}", getattr(self, key))
        try:
            playing_speeds(self.pitches)
        except ValueError as error:
            raise SpaceConfigError(f"models: {self.name}: {error}") from None


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one visitor may ask for; said kindly, before any work.

    Args:
        max_seconds: Longest song.
        max_megabytes: Largest upload.
        blend_seconds: Longest clip of the Blend and Inside tabs.
        queue_size: Requests that may wait.
        device_concurrency: Separations at once on the device.
        cache_hours: Age at which the files of a request are deleted.
        spec_characters: Longest text in the spec editor.
        gpu_max_seconds: Longest single ZeroGPU call.
    """

    max_seconds: float
    max_megabytes: float
    blend_seconds: float
    queue_size: int
    device_concurrency: int
    cache_hours: float
    spec_characters: int
    gpu_max_seconds: float

    def __post_init__(self) -> None:
        """Validate."""
        for field in dataclasses.fields(self):
            _require_positive(f"limits.{field.name}", getattr(self, field.name))


@dataclass(frozen=True, kw_only=True, slots=True)
class SpaceConfig:
    """All of ``spaces_config.yaml``."""

    space: SpaceMetadata
    models: tuple[OfferedModel, ...]
    limits: Limits

    def __post_init__(self) -> None:
        """Validate."""
        if not self.models:
            raise SpaceConfigError("models: got an empty list, expected at least one model")
        names = self.model_names
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise SpaceConfigError(f"models: {', '.join(repeated)} offered twice; keep one each")

    @property
    def model_names(self) -> tuple[str, ...]:
        """Names of the models offered, in the order of preference."""
        return tuple(model.name for model in self.models)

    def gpu_seconds(self, model_name: str, *, audio_seconds: float) -> int:
        """Return the ZeroGPU duration to ask for.

        Args:
            model_name: A model on the menu.
            audio_seconds: Length of the audio in seconds.

        Returns:
            Whole seconds, at most ``limits.gpu_max_seconds``.

        Raises:
            SpaceConfigError: The model is not on the menu.
        """
        model = self.offered(model_name)
        minutes = audio_seconds / 60 * model.pitches
        seconds = model.startup_seconds + model.seconds_per_minute * minutes
        return math.ceil(min(seconds, self.limits.gpu_max_seconds))

    def offered(self, model_name: str) -> OfferedModel:
        """Return a model of the menu.

        Raises:
            SpaceConfigError: The model is not on the menu.
        """
        for model in self.models:
            if model.name == model_name:
                return model
        raise SpaceConfigError(
            f"models: {model_name!r} is not offered, expected one of {', '.join(self.model_names)}"
        )


def load_space_config(path: str | Path = CONFIG_NAME) -> SpaceConfig:
    """Read and validate a ``spaces_config.yaml``.

    Args:
        path: The file.

    Returns:
        The validated configuration.

    Raises:
        SpaceConfigError: The file is missing or not YAML, or a key is unknown, missing, of the
            wrong type or out of range; the message names the key's path.
    """
    path = Path(path)
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SpaceConfigError(f"{path} does not exist; run this in the repository root") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise SpaceConfigError(f"{path} is not YAML: {error}") from error
    try:
        return _parse(SpaceConfig, data, "")
    except SpaceConfigError as error:
        raise SpaceConfigError(f"{path}: {error}") from None


def _require_positive(where: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise SpaceConfigError(f"{where}: got {value}, expected a number above 0")


def _parse(kind: type, data: object, where: str) -> typing.Any:
    """Turn parsed YAML into ``kind``, a dataclass of this module, checking every key and type."""
    if not isinstance(data, Mapping):
        raise SpaceConfigError(f"{where or 'top level'}: got {_kind_of(data)}, expected a mapping")
    hints = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    unknown = [str(key) for key in data if key not in fields]
    if unknown:
        raise SpaceConfigError(
            f"{where or 'top level'}: unknown {', '.join(unknown)}, expected {', '.join(fields)}"
        )
    required = [name for name, field in fields.items() if field.default is dataclasses.MISSING]
    missing = [name for name in required if name not in data]
    if missing:
        raise SpaceConfigError(f"{where or 'top level'}: {', '.join(missing)} missing; add it")
    prefix = f"{where}." if where else ""
    return kind(**{key: _value(hints[key], data[key], f"{prefix}{key}") for key in data})


def _value(hint: typing.Any, data: object, where: str) -> typing.Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _parse(hint, data, where)
    if isinstance(hint, types.GenericAlias):
        if not isinstance(data, list):
            raise SpaceConfigError(f"{where}: got {_kind_of(data)}, expected a list")
        element = typing.get_args(hint)[0]
        return tuple(_value(element, item, f"{where}[{i}]") for i, item in enumerate(data))
    accepted = (int, float) if hint is float else (hint,)
    if type(data) not in accepted:
        raise SpaceConfigError(
            f"{where}: got {_kind_of(data)} {data!r}, expected {typing.cast(type, hint).__name__}"
        )
    return data


def _kind_of(data: object) -> str:
    return "nothing" if data is None else type(data).__name__
