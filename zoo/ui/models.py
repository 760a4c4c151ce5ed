"""The models that a Space offers, each loaded once and shared by all visitors."""

import logging
import threading
import time

import numpy as np

from zoo.errors import WeightsError
from zoo.networks.network import SeparationNetwork
from zoo.publishing.space_config import SpaceConfig
from zoo.records.memory import give_back_memory
from zoo.separation.separator import Separator
from zoo.weights.entries import WeightsEntry
from zoo.weights.manifests import get_manifest
from zoo.weights.resolving import resolve_model

__all__ = ["ModelShelf"]

logger = logging.getLogger(__name__)

WARM_UP_SECONDS = 12.0


class ModelShelf:
    """Loads models on first use and remembers how fast they are on this machine.

    Args:
        config: Which models are offered, in the order of preference.
        weights: What :class:`zoo.Separator` takes.

    Attributes:
        names: The models on the menu.
        default: The first of them.
        missing: Models before the default whose weights cannot be had.
        details: What there is to say of the default's weights, for who runs the page.

    Raises:
        WeightsError: No offered model has weights that can be had.
    """

    def __init__(self, config: SpaceConfig, *, weights: str = "default") -> None:
        self._config = config
        self._weights = weights
        self._lock = threading.Lock()
        self._separators: dict[str, Separator] = {}
        self._networks: dict[str, SeparationNetwork] = {}
        self._speeds: dict[tuple[str, int], float] = {}
        self.names = [name for name in config.model_names if self._has_weights(name)]
        self.missing: list[str] = []
        self.default, self.details = self._choose_default()

    def _has_weights(self, name: str) -> bool:
        return self._weights != "default" or get_manifest(name) is not None

    def _choose_default(self) -> tuple[str, str]:
        for name in list(self.names):
            try:
                separator = self.separator(name)
            except WeightsError as error:
                logger.warning("%s is not offered: %s", name, error)
                self.missing.append(name)
                self.names.remove(name)
                continue
            told = list(separator.notices)
            if self.missing:
                told.append(
                    f"The weights of {', '.join(self.missing)} could not be reached; this page "
                    f"uses {name} with the weights '{separator.weights}' instead."
                )
            return name, " ".join(told)
        offered = ", ".join(self._config.model_names)
        raise WeightsError(
            f"none of the offered models ({offered}) has weights that can be had; connect to the "
            "internet once, or offer a model whose weights are bundled"
        )

    def warm_up(self) -> None:
        """Separate a little noise, so that the first visitor waits for no compiler.

        The second run is timed, for the first visitor's forecast.
        """
        separator = self.separator(self.default)
        noise = np.random.default_rng(0).standard_normal(
            (separator.spec.channels, round(WARM_UP_SECONDS * separator.sample_rate)),
            dtype=np.float32,
        )
        seconds = 0.0
        for _ in range(2):
            start = time.monotonic()
            separator((0.1 * noise, separator.sample_rate))
            seconds = time.monotonic() - start
        give_back_memory()
        self.note_speed(
            self.default,
            seconds=seconds,
            audio_seconds=WARM_UP_SECONDS,
            num_sources=len(separator.sources),
        )

    def load_all(self) -> None:
        """Load every offered model now; those whose weights cannot be had leave the menu."""
        for name in list(self.names):
            try:
                self.network(name)
            except WeightsError as error:
                logger.warning("%s is not offered: %s", name, error)
                self.names.remove(name)

    def separator(self, name: str) -> Separator:
        """Return the separator of an offered model.

        Raises:
            ValueError: The model is not offered.
            WeightsError: Its weights cannot be had.
        """
        if name not in self.names:
            raise ValueError(f"{name!r} is not offered here; choose one of {', '.join(self.names)}")
        with self._lock:
            if name not in self._separators:
                pitches = self._config.offered(name).pitches
                self._separators[name] = Separator(name, weights=self._weights, pitches=pitches)
            return self._separators[name]

    def entry(self, name: str) -> WeightsEntry | None:
        """Return the record of an offered model's weights, None where they have none."""
        manifest = get_manifest(name)
        entries = {} if manifest is None else manifest.entries
        return entries.get(self.separator(name).weights)

    def network(self, name: str) -> SeparationNetwork:
        """Return the network of an offered model by itself, in eval mode on the device.

        Raises:
            ValueError: The model is not offered.
            WeightsError: Its weights cannot be had.
        """
        separator = self.separator(name)
        with self._lock:
            if name not in self._networks:
                network = resolve_model(name, weights=separator.weights).network
                assert isinstance(network, SeparationNetwork)
                self._networks[name] = network.eval().to(separator.device)
            return self._networks[name]

    def expected_seconds(
        self, name: str, *, audio_seconds: float, num_sources: int
    ) -> float | None:
        """Return how long a song will take, None before so many sources were timed."""
        speed = self._speeds.get((name, num_sources))
        return None if speed is None else speed * audio_seconds

    def note_speed(
        self, name: str, *, seconds: float, audio_seconds: float, num_sources: int
    ) -> None:
        """Remember how long a song took, for the forecast of the next one."""
        self._speeds[name, num_sources] = seconds / audio_seconds
