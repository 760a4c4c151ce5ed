"""The app on a free port with the tiny network, and songs to send to it."""

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
import soundfile

from zoo.publishing.space_config import SpaceConfig, load_space_config

ROOT = Path(__file__).resolve().parents[1]
MODEL = "lightsaft_tfctdf_tiny"
SAMPLE_RATE = 44_100


def tiny_config(**limits) -> SpaceConfig:
    """The Space's config with only the network whose weights are bundled for tests."""
    config = load_space_config(ROOT / "spaces_config.yaml")
    models = tuple(model for model in config.models if model.name == MODEL)
    return dataclasses.replace(
        config, models=models, limits=dataclasses.replace(config.limits, **limits)
    )


@contextmanager
def running_app(temporary: Path, **limits) -> Iterator[str]:
    """Launch the app, its files under ``temporary``; yields its address."""
    import app
    from zoo.ui.models import ModelShelf

    config = tiny_config(**limits)
    with mock.patch.dict(os.environ, {"GRADIO_TEMP_DIR": str(temporary)}):
        page = app.build_app(config, ModelShelf(config))
        arguments = app.launch_arguments(config)
        _, url, _ = page.launch(**arguments, quiet=True, prevent_thread_lock=True)
        try:
            yield url
        finally:
            page.close()


def chirp(*, seconds: float, channels: int = 2, sample_rate: int = SAMPLE_RATE, low: float = 110.0):
    """A rising tone with a click train, (C, N) float32, other in every channel."""
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    tone = 0.3 * np.sin(2 * np.pi * low * time * (1 + time))
    clicks = 0.2 * (np.arange(len(time)) % (sample_rate // 4) < 40)
    gains = np.linspace(1.0, 0.6, channels)[:, None]
    return (gains * (tone + clicks)).astype(np.float32)


def write_song(path: Path, samples: np.ndarray, sample_rate: int = SAMPLE_RATE) -> Path:
    soundfile.write(path, samples.T, sample_rate, subtype="PCM_24")
    return path


def read(path) -> np.ndarray:
    samples, _ = soundfile.read(path, always_2d=True, dtype="float64")
    return samples.T
