"""What the pages say is there: their links, the commands and options, the reference."""

import importlib.util
import re
from pathlib import Path

import pytest
import yaml
from markdown_pages import PAGES, ROOT, anchors, broken_links, commands, links

import zoo
from zoo.cli import build_parser
from zoo.training.recipe import list_recipes

# The last one is of a commit that the notebook names.
RECIPES = [*list_recipes(), "house_small_synthesis"]
IDS = [str(page.relative_to(ROOT)) for page in PAGES]


def test_links_and_anchors_are_found(tmp_path):
    page, other = tmp_path / "a.md", tmp_path / "b.md"
    other.write_text("# B\n\n## Two words (and more)\n")
    text = (
        "# A\n[1](b.md) [2](b.md#two-words-and-more) [3](#a) [x](https://x.org/y) `[4](c.md)`\n"
        "[`5`](c.md) ![6](b.md#three)\n```\n[7](d.md)\n```\n[8](#none)\n"
    )
    page.write_text(text)
    assert len(links(text)) == 7
    assert broken_links(page, text) == ["c.md", "b.md#three", "#none"]
    assert anchors(other.read_text()) == {"b", "two-words-and-more"}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_link_leads_somewhere(page):
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


def test_commands_are_found():
    text = (
        "`python -m zoo list\n--json`\n```sh\ncurl x | python -m zoo separate - -o - | aplay\n"
        "accelerate launch --num_processes 4 -m zoo train \\\n    --model a  # comment\n```\n"
    )
    assert sorted(commands(text)) == [
        ["zoo", "list", "--json"],
        ["zoo", "separate", "-", "-o", "-"],
        ["zoo", "train", "--model", "a"],
    ]


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_every_command_is_one(page, capsys):
    for words in commands(page.read_text(encoding="utf-8")):
        program, *rest = words
        if program == "zoo":
            # A sentence may name a command without all that it needs.
            try:
                arguments = build_parser().parse_args(rest)
            except SystemExit:
                message = capsys.readouterr().err
                assert "are required" in message, f"{' '.join(words)}: {message}"
                continue
            if arguments.command == "train" and arguments.resume is None:
                recipe = arguments.recipe or arguments.model
                assert recipe.endswith(".yaml") or recipe in RECIPES, f"no recipe {recipe}"
        else:
            text = Path(importlib.util.find_spec(program).origin).read_text(encoding="utf-8")
            for option in (word for word in rest if word.startswith("--")):
                assert f'"{option}"' in text, f"{program} has no {option}"


def test_the_reference_holds_the_public_names():
    text = (ROOT / "docs" / "api.md").read_text()
    named = set(re.findall(r"^::: zoo\.(\w+)$", text, re.MULTILINE))
    errors = {name for name in zoo.__all__ if name.endswith("Error")}
    assert set(zoo.__all__) - errors - {"__version__"} <= named
    assert "errors" in named


def test_every_page_is_in_the_navigation():
    def pages(entries):
        for entry in entries:
            if isinstance(entry, str):
                yield entry
            else:
                for value in entry.values():
                    yield from [value] if isinstance(value, str) else pages(value)

    config = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    written = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert set(pages(config["nav"])) == written


def test_no_figure_comes_from_a_script_that_is_gone():
    for page in PAGES:
        words = " ".join(page.read_text(encoding="utf-8").split())
        assert not re.search(r"(?:script|version)s? that (?:was|were) not kept", words), page
