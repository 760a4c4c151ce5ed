"""``python -m zoo space``: README's front matter, and the push of a Hugging Face Space."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.publishing.space_files import SpaceFiles

HELP = "write README's front matter from spaces_config.yaml, or push the app to the Hub"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.add_argument("action", nargs="?", choices=["push"], help="what to do on the Hub")
    parser.add_argument("repo_id", nargs="?", metavar="USER/NAME", help="the Space to push to")
    parser.add_argument(
        "--write-readme", action="store_true", help="bring README's front matter up to date"
    )
    parser.add_argument("--private", action="store_true", help="make a new Space private")
    parser.add_argument(
        "--yes", action="store_true", help="push what is listed without asking first"
    )
    parser.add_argument(
        "--root", type=Path, default=Path(), help="the checkout (default: the current folder)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the subcommand."""
    from zoo.publishing.space import prepare_push, push_space, write_readme

    if arguments.action is None and not arguments.write_readme:
        raise ValueError("nothing to do; give --write-readme or `push USER/NAME`")
    if arguments.action is not None and arguments.repo_id is None:
        raise ValueError("push needs the Space's name: python -m zoo space push USER/NAME")
    if arguments.write_readme:
        changed = write_readme(arguments.root)
        print("README.md: front matter written" if changed else "README.md: already up to date")
    if arguments.action == "push":
        files = prepare_push(arguments.root)
        _print_files(files)
        if not arguments.yes and not _is_confirmed(arguments.repo_id):
            print("nothing was sent")
            return 1
        url = push_space(arguments.repo_id, files, private=arguments.private)
        print(f"pushed to {url}")
    return 0


def _print_files(files: "SpaceFiles") -> None:
    for name, content in files.content.items():
        print(f"{len(content):>10,}  {name}")
    print(f"{files.num_bytes:>10,}  bytes in {len(files.content)} files")
    for name, reason in files.left_out.items():
        print(f"left out: {name!r} ({reason})")


def _is_confirmed(repo_id: str) -> bool:
    try:
        return input(f"send these files to {repo_id}? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        raise ValueError("nobody is there to confirm the list; give --yes") from None
