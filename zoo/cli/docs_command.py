"""``docs``: the tables of README and docs, as the code prints them."""

import argparse
import sys
from pathlib import Path

HELP = "check or write the marked tables of README and docs"
DOCUMENTS = ("README.md", "docs/*.md")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``docs``."""
    parser.add_argument(
        "documents",
        nargs="*",
        type=Path,
        metavar="FILE",
        help="Markdown files; README.md and docs/*.md of this folder by default",
    )
    parser.add_argument("--write", action="store_true", help="write the tables into the documents")


def run(arguments: argparse.Namespace) -> int:
    """Compare every marked table with what the code prints; 1 where one differs and stays."""
    from zoo.publishing.marked_tables import write_tables

    found = [path for pattern in DOCUMENTS for path in sorted(Path.cwd().glob(pattern))]
    documents = arguments.documents or found
    if not documents:
        print("error: no README.md here; run this in the repository root", file=sys.stderr)
        return 1
    differ = [path for path in documents if not write_tables(path, writes=arguments.write)]
    for path in differ:
        print(f"{path}: {'written' if arguments.write else 'a table differs; run with --write'}")
    return 1 if differ and not arguments.write else 0
