"""``spaces_config.yaml`` as frozen dataclasses: what a Space is, what it offers, its limits.

The YAML file is the one source of truth: the app, README's front matter and the push read it.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from zoo.records.bounds import Above, Length
from zoo.records.reading import Reader, check_fields
from zoo.records.yaml_text import read_yaml
from zoo.weights.entries import Pitches

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
Color = Literal["red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"]
PositiveFloat = Annotated[float, Above(0)]
PositiveInt = Annotated[int, Above(0)]


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
    color_from: Color
    color_to: Color
    sdk_version: str
    python_version: str
    short_description: Annotated[str, Length(0, 60)]
    suggested_hardware: str
    license: str
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    thumbnail: str = ""
    pinned: bool = False
    startup_duration_timeout: str = "30m"

    def __post_init__(self) -> None:
        """Check the fields."""
        check_fields(self, error=SpaceConfigError)


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
    startup_seconds: PositiveFloat
    seconds_per_minute: PositiveFloat
    pitches: Pitches = 1

    def __post_init__(self) -> None:
        """Check the fields."""
        check_fields(self, error=SpaceConfigError)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one visitor may ask for; said kindly, before any work.

    Args:
        max_seconds: Longest song.
        max_megabytes: Largest upload.
        max_sample_rate: Highest sample rate of a song, in Hz.
        max_megasamples: Most samples of a song, all channels counted, in millions.
        blend_seconds: Longest clip of the Blend and Inside tabs.
        queue_size: Requests that may wait.
        client_requests: Requests that may wait or run for one client.
        device_concurrency: Separations at once on the device.
        cache_hours: Age at which the files of a request are deleted.
        disk_gigabytes: Most that uploads and results may take together; beyond it the oldest
            finished ones go.
        spec_characters: Longest text in the spec editor.
        gpu_max_seconds: Longest single ZeroGPU call.
    """

    max_seconds: PositiveFloat
    max_megabytes: PositiveFloat
    blend_seconds: PositiveFloat
    queue_size: PositiveInt
    device_concurrency: PositiveInt
    cache_hours: PositiveFloat
    spec_characters: PositiveInt
    gpu_max_seconds: PositiveFloat
    max_sample_rate: PositiveInt = 192_000
    max_megasamples: PositiveFloat = 81.0
    client_requests: PositiveInt = 4
    disk_gigabytes: PositiveFloat = 20.0

    def __post_init__(self) -> None:
        """Check the fields."""
        check_fields(self, error=SpaceConfigError)


@dataclass(frozen=True, kw_only=True, slots=True)
class SpaceConfig:
    """All of ``spaces_config.yaml``."""

    space: SpaceMetadata
    models: Annotated[tuple[OfferedModel, ...], Length(1, 100)]
    limits: Limits

    def __post_init__(self) -> None:
        """Check the fields."""
        check_fields(self, error=SpaceConfigError)
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
    try:
        plain = read_yaml(path, error=SpaceConfigError)
    except FileNotFoundError as error:
        raise SpaceConfigError(f"{path} does not exist; run this in the repository root") from error
    return Reader(error=SpaceConfigError, origin=str(path)).record(SpaceConfig, plain)
