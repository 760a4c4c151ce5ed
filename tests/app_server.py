"""The app on a free port with the tiny network, and how to ask it without hurrying it."""

import dataclasses
import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import httpx
from waiting import PATIENCE

from zoo.publishing.space_config import SpaceConfig, load_space_config

if TYPE_CHECKING:
    from gradio_client import Client

ROOT = Path(__file__).resolve().parents[1]
MODEL = "lightsaft_tfctdf_tiny"

# httpx itself gives up after 5 s.
get = functools.partial(httpx.get, timeout=PATIENCE)
post = functools.partial(httpx.post, timeout=PATIENCE)
stream = functools.partial(httpx.stream, timeout=PATIENCE)


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
    with (
        mock.patch.dict(os.environ, {"GRADIO_TEMP_DIR": str(temporary)}),
        # gradio gives up where its own page does not answer within 3 s.
        mock.patch("gradio.networking.url_ok", return_value=True),
    ):
        page = app.build_app(config, ModelShelf(config, weights=weights))
        arguments = app.launch_arguments(config)
        _, url, _ = page.launch(**arguments, quiet=True, prevent_thread_lock=True)
        try:
            yield url
        finally:
            page.close()


def visit(url: str, **options) -> "Client":
    """Return a client of an app."""
    from gradio_client import Client

    return Client(url, verbose=False, httpx_kwargs={"timeout": PATIENCE}, **options)
