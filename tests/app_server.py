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


def tiny_config(*, model: str = MODEL, **limits) -> SpaceConfig:
    """The Space's config with only one model, by default that whose weights are for tests."""
    config = load_space_config(ROOT / "spaces_config.yaml")
    offered = next(offered for offered in config.models if offered.name == MODEL)
    models = (dataclasses.replace(offered, name=model),)
    return dataclasses.replace(
        config, models=models, limits=dataclasses.replace(config.limits, **limits)
    )


@contextmanager
def running_app(
    temporary: Path, *, model: str = MODEL, weights: str = "default", **limits
) -> Iterator[str]:
    """Launch the app with one model, its files under ``temporary``; yields its address."""
    import app
    from zoo.ui.models import ModelShelf

    config = tiny_config(model=model, **limits)
    with mock.patch.dict(os.environ, {"GRADIO_TEMP_DIR": str(temporary)}):
        page = app.build_app(config, ModelShelf(config, weights=weights))
        arguments = app.launch_arguments(config)
        _, url, _ = page.launch(**arguments, quiet=True, prevent_thread_lock=True)
        try:
            yield url
        finally:
            page.close()
