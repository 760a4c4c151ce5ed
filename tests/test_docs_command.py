"""``zoo docs``: what README and docs say in tables is what the code prints."""

from pathlib import Path

import pytest

from zoo.cli import main
from zoo.publishing import marked_tables
from zoo.publishing.marked_tables import TABLES, UnknownTableError, fill_tables

ROOT = Path(__file__).resolve().parents[1]
MOST_WORDS = 1200


def test_readme_and_docs_agree_with_the_code(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert main(["docs"]) == 0, capsys.readouterr().out


@pytest.fixture
def document(tmp_path, monkeypatch):
    monkeypatch.setattr(marked_tables, "TABLES", {"formats": TABLES["formats"]})
    path = tmp_path / "README.md"
    path.write_text("# A\n\n<!-- formats -->\n| old |\n<!-- /formats -->\n\nEnd.\n", "utf-8")
    return path


def test_a_table_that_differs_is_named_and_written_on_demand(document, capsys, monkeypatch):
    monkeypatch.chdir(document.parent)
    before = document.read_text("utf-8")
    assert main(["docs"]) == 1
    assert "README.md: a table differs; run with --write" in capsys.readouterr().out
    assert document.read_text("utf-8") == before
    assert main(["docs", "--write"]) == 0
    text = document.read_text("utf-8")
    assert text.startswith("# A\n\n<!-- formats -->\n| `--format` |")
    assert text.endswith("<!-- /formats -->\n\nEnd.\n")
    assert main(["docs", str(document)]) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!-- speeed -->\n<!-- /speeed -->\n", "no table belongs to the mark 'speeed'; known are"),
        ("<!-- models -->\n", "<!-- models --> has no other half"),
        ("<!-- models -->\n<!-- /speed -->\n", "has no other half"),
    ],
)
def test_marks_that_belong_to_nothing_are_named(text, message):
    with pytest.raises(UnknownTableError, match=message):
        fill_tables(text)


def test_a_folder_without_documents_says_where_to_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["docs"]) == 1
    assert "run this in the repository root" in capsys.readouterr().err


def test_published_and_measured_scores_share_no_table():
    assert "house" not in TABLES["published"]()
    assert "mdx2021" not in TABLES["measured"]()


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text("utf-8").split()) <= MOST_WORDS
