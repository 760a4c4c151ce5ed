"""``python -m zoo space``: README's front matter, the static page, and the push of a Space."""

import argparse
import contextlib
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoo.publishing.space_files import SpaceFiles

HELP = "write README's front matter or the static page, or push the app or the page to the Hub"
DEFAULT_PORT = 8000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.add_argument(
        "action",
        nargs="?",
        choices=["push", "static"],
        help="push: send the app to the Hub; static: write a page that separates in the browser",
    )
    parser.add_argument(
        "target", nargs="?", metavar="USER/NAME|OUT", help="the Space to push to, or the folder"
    )
    parser.add_argument(
        "--static", action="store_true", help="push the static page, as a Space of sdk static"
    )
    parser.add_argument("--model", help="network of the static page (default: the house network)")
    parser.add_argument("--weights", default="default", help="tag or place of its weights")
    parser.add_argument(
        "--serve", action="store_true", help="after writing the page, serve it to this machine"
    )
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"for --serve (default: {DEFAULT_PORT})"
    )
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
    from zoo.publishing.space import write_readme

    if arguments.action is None and not arguments.write_readme:
        raise ValueError("nothing to do; give --write-readme, `push USER/NAME` or `static OUT`")
    if arguments.action == "push" and arguments.target is None:
        raise ValueError("push needs the Space's name: python -m zoo space push USER/NAME")
    if arguments.action == "static" and arguments.target is None:
        raise ValueError("static needs a folder: python -m zoo space static OUT")
    if arguments.write_readme:
        changed = write_readme(arguments.root)
        print("README.md: front matter written" if changed else "README.md: already up to date")
    if arguments.action == "push":
        return _push_static(arguments) if arguments.static else _push_app(arguments)
    if arguments.action == "static":
        _write_static(arguments, Path(arguments.target))
        if arguments.serve:
            _serve(arguments)
    return 0


def _push_app(arguments: argparse.Namespace) -> int:
    from zoo.publishing.space import prepare_push

    return _push(arguments, prepare_push(arguments.root), sdk="gradio")


def _push_static(arguments: argparse.Namespace) -> int:
    from zoo.publishing.static_space import read_site

    with tempfile.TemporaryDirectory() as folder:
        site = Path(folder) / "site"
        _write_static(arguments, site)
        return _push(arguments, read_site(site), sdk="static")


def _push(arguments: argparse.Namespace, files: "SpaceFiles", *, sdk: str) -> int:
    from zoo.publishing.space import push_space

    _print_files(files)
    if not arguments.yes and not _is_confirmed(arguments.target):
        print("nothing was sent")
        return 1
    url = push_space(arguments.target, files, private=arguments.private, sdk=sdk)
    print(f"pushed to {url}")
    return 0


def _write_static(arguments: argparse.Namespace, folder: Path) -> None:
    from zoo.browser import build_site
    from zoo.publishing.space_config import CONFIG_NAME, load_space_config

    config = arguments.root / CONFIG_NAME
    space = load_space_config(config).space if config.is_file() else None
    report = build_site(folder, model=arguments.model, weights=arguments.weights, space=space)
    without = report.num_bytes - report.runtime_bytes
    print(
        f"{report.record.name}: {report.num_files} files, {report.num_bytes / 1e6:.1f} MB, "
        f"{without / 1e6:.1f} MB without the runtime"
    )


def _serve(arguments: argparse.Namespace) -> None:
    from zoo.browser import serve_site

    with serve_site(arguments.target, port=arguments.port) as address:
        print(f"serving {address} to this machine; stop it with Ctrl-C", flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()


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
