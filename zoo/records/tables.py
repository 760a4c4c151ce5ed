"""Tables of text, for Markdown and for the terminal."""

from collections.abc import Iterable, Sequence

__all__ = ["markdown_table", "plain_table"]

ALIGNMENTS = {"left": ":--", "right": "--:", "": "---"}


def markdown_table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, align: Sequence[str] = ()
) -> str:
    r"""Format rows as a Markdown table; no cell can break its row or its column.

    Args:
        header: Titles of the columns.
        rows: Cells, as many in each row as there are titles.
        align: ``left``, ``right`` or an empty text for each column; empty leaves all to the reader.

    >>> print(markdown_table(("name", "dB"), [("a|b", "1.5")], align=("left", "right")))
    | name | dB |
    | :-- | --: |
    | a\|b | 1.5 |
    """
    rules = [ALIGNMENTS[side] for side in align or ("",) * len(header)]
    lines = [_markdown_line(header), "| " + " | ".join(rules) + " |"]
    return "\n".join([*lines, *map(_markdown_line, rows)])


def plain_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Align columns with spaces, numbers to the right.

    >>> print(plain_table(("name", "size"), [("tiny", "7"), ("large", "1,000")]))
    name    size
    tiny       7
    large  1,000
    """
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    numeric = [all(_is_number(line[column]) for line in lines[1:]) for column in range(len(header))]

    def show(line: Sequence[str]) -> str:
        cells = (
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(line, widths, numeric, strict=True)
        )
        return "  ".join(cells).rstrip()

    return "\n".join(map(show, lines))


def _is_number(cell: str) -> bool:
    return cell[:1].isdigit() or cell in ("", "-")


def _markdown_line(cells: Sequence[str]) -> str:
    shown = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return "| " + " | ".join(shown) + " |"
