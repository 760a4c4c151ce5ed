"""Packages of other people that add to the zoo: blocks, specs, metrics, backends, formats.

A plugin is a module whose import does the adding, by ``@BLOCKS.register("name")``,
``zoo.add_specs(folder)`` and the like. An installed package announces it by an entry point of the
group ``lightsaft_zoo.plugins``; ``--import PACKAGE`` names one that is not installed. Nothing that
a spec, a file or the Hub says ever imports anything.
"""

import importlib
import logging
import threading
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

__all__ = ["ENTRY_POINT_GROUP", "load_plugins", "named_plugins"]

ENTRY_POINT_GROUP = "lightsaft_zoo.plugins"

logger = logging.getLogger(__name__)

_lock = threading.RLock()  # a plugin that uses the zoo while it is imported comes here again
_is_loaded = False
_named: list[str] = []


def load_plugins(named: Iterable[str] = ()) -> None:
    """Import the plugins that somebody named and, once a process, those of installed packages.

    An installed plugin that cannot be imported is logged as a warning; the others work on.

    Args:
        named: Modules or packages, as in an ``import`` statement.

    Raises:
        ImportError: If a named one cannot be imported; the message names it and the reason.
    """
    global _is_loaded
    for name in named:
        _import_named(name)
    with _lock:
        if not _is_loaded:
            _is_loaded = True
            for entry in entry_points(group=ENTRY_POINT_GROUP):
                _import_installed(entry)


def named_plugins() -> tuple[str, ...]:
    """Return the names that ``load_plugins`` was given, for a process that has yet to start."""
    return tuple(_named)


def _import_named(name: str) -> None:
    try:
        importlib.import_module(name)
    except Exception as error:
        raise ImportError(
            f"--import {name}: {type(error).__name__}: {error}; expected the name of a package or "
            "module that is installed, in this folder or on PYTHONPATH"
        ) from error
    if name not in _named:
        _named.append(name)


def _import_installed(entry: EntryPoint) -> None:
    try:
        importlib.import_module(entry.module)
    except Exception as error:  # noqa: BLE001  # a stranger's code can raise anything
        logger.warning(
            "the package %s adds nothing: its plugin %s cannot be imported: %s: %s",
            entry.dist.name if entry.dist else entry.name,
            entry.module,
            type(error).__name__,
            error,
        )
