"""The app on a free port with the tiny network, and songs to send to it."""

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from zoo.publishing.space_config import SpaceConfig, load_space_config

ROOT = Path(__file__).resolve().parents[1]
MODEL = "lightsaft_tfctdf_tiny"


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
