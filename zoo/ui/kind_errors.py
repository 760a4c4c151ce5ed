"""What went wrong, said to a visitor: faults of the input in plain words, no traces, no markup."""

import functools
import html
import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import gradio as gr

__all__ = ["said_kindly"]

logger = logging.getLogger(__name__)

Handler = TypeVar("Handler", bound=Callable[..., Any])
MESSAGE_LENGTH = 600
# UnknownNameError is a KeyError; WeightsError a RuntimeError.
FAULTS = (ValueError, KeyError, RuntimeError, OSError)


def said_kindly(handler: Handler) -> Handler:
    """Wrap a handler or a generator so that its faults become messages on the page."""
    if inspect.isgeneratorfunction(handler):

        @functools.wraps(handler)
        def generate(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with _translated():
                yield from handler(*args, **kwargs)

        return generate  # pyright: ignore[reportReturnType]

    @functools.wraps(handler)
    def call(*args: Any, **kwargs: Any) -> Any:
        with _translated():
            return handler(*args, **kwargs)

    return call  # pyright: ignore[reportReturnType]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except gr.Error:
        raise
    except FAULTS as error:
        logger.info("a request failed", exc_info=True)
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        # The page shows messages as markup, and a message may quote what a visitor typed.
        raise gr.Error(
            html.escape(text[:MESSAGE_LENGTH], quote=False),
            title="That did not work",
            print_exception=False,
        ) from error
