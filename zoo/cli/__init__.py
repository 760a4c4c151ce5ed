"""The command line: one module per subcommand, imported only when its command runs.

``--help`` must answer in under a second, so nothing here and no ``add_arguments`` may import
torch. A command module has ``HELP`` (one line), ``add_arguments(parser)`` and
``run(arguments) -> int``; inside ``run`` it imports what it needs. A new command is such a module
and its name in ``COMMANDS``.
"""

import argparse
import importlib
import io
import logging
import sys
from collections.abc import Sequence
from typing import Any

from zoo.plugins import load_plugins

COMMANDS = (
    "list",
    "info",
    "separate",
    "catalogue",
    "fetch",
    "convert",
    "label",
    "train",
    "extend",
    "evaluate",
    "export",
    "bench",
    "push",
    "space",
    "docs",
)
EXIT_FAILED = 1
EXIT_INTERRUPTED = 130


def command_module(name: str) -> str:
    """Return the module that implements a subcommand (``list`` would shadow the builtin)."""
    return f"zoo.cli.{name}_command"


class _CommandParser(argparse.ArgumentParser):
    """A parser that takes options between positional arguments: ``space push --static NAME``."""

    _is_intermixing = False

    def parse_known_args(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, args: Any = None, namespace: Any = None
    ) -> Any:
        """Parse options first, then what is left; that calls this method again."""
        if self._is_intermixing:
            return super().parse_known_args(args, namespace)
        self._is_intermixing = True
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._is_intermixing = False


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of all subcommands."""
    parser = argparse.ArgumentParser(
        prog="lightsaft-zoo",
        description="Music source separation with conditioned networks of the LightSAFT family.",
    )
    parser.add_argument("-v", "--verbose", action="count", default=0, help="log more (repeatable)")
    _add_import(parser, dest="imports_before")
    subparsers = parser.add_subparsers(
        dest="command", metavar="COMMAND", required=True, parser_class=_CommandParser
    )
    for name in COMMANDS:
        module = importlib.import_module(command_module(name))
        subparser = subparsers.add_parser(name, help=module.HELP, description=module.HELP)
        module.add_arguments(subparser)
        _add_import(subparser, dest="imports_after")
        subparser.add_argument(
            "--debug", action="store_true", help="show where in the code an error arose"
        )
        subparser.set_defaults(run=module.run)
    return parser


def _add_import(parser: argparse.ArgumentParser, *, dest: str) -> None:
    """Declare ``--import``; of one ``dest``, the subcommand's default would replace the first."""
    parser.add_argument(
        "--import",
        dest=dest,
        action="append",
        default=[],
        metavar="PACKAGE",
        help="import a package that adds blocks, specs, ... of your own (repeatable)",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run one subcommand; 0 is done, 1 failed, 2 wrong usage, 130 stopped by the keyboard."""
    arguments = build_parser().parse_args(argv)
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(arguments.verbose, 2)]
    logging.basicConfig(level=level, format="%(levelname)s %(name)s: %(message)s")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file name may hold what the console cannot show, or no characters at all.
            stream.reconfigure(errors="backslashreplace")
    try:
        load_plugins([*arguments.imports_before, *arguments.imports_after])
        return arguments.run(arguments)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_FAILED
    except Exception as error:  # a user gets a sentence, with --debug the traceback
        if arguments.debug:
            raise
        print(f"error: {str(error) or type(error).__name__}", file=sys.stderr)
        return EXIT_FAILED
