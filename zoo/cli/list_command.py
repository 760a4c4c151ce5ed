"""``list``: the models by name."""

import argparse
import json

HELP = "list the models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``list``."""
    parser.add_argument("pattern", nargs="?", default="*", help="shell pattern, e.g. 'lasaft_*'")
    parser.add_argument("--weights", action="store_true", help="only models with weights")
    parser.add_argument("--specs", metavar="PATH", help="a spec file or folder of your own to add")
    parser.add_argument("--markdown", action="store_true", help="print the table of the README")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print one line a model: name, parameters, MACs a second of audio, sources, weights."""
    import zoo

    if arguments.specs:
        zoo.add_specs(arguments.specs)
    names = zoo.list_models(arguments.pattern, weights=arguments.weights)
    infos = [zoo.model_info(name) for name in names]
    if arguments.json:
        print(json.dumps([_row(info) for info in infos], indent=2))
        return 0
    rows = [
        (
            info.name,
            info.spec.title,
            f"{info.parameters:,}",
            f"{info.macs_per_second / 1e9:.2f}",
            f"{info.macs_per_second_one_source / 1e9:.2f}",
            ", ".join(info.spec.sources),
            ", ".join(info.weights) or "-",
        )
        for info in infos
    ]
    header = ("name", "title", "parameters", "GMAC/s, all", "GMAC/s, one", "sources", "weights")
    print(markdown_table(header, rows) if arguments.markdown else plain_table(header, rows))
    return 0


def _row(info) -> dict:
    return {
        "name": info.name,
        "title": info.spec.title,
        "paper": info.spec.paper,
        "parameters": info.parameters,
        "macs_per_second": info.macs_per_second,
        "macs_per_second_one_source": info.macs_per_second_one_source,
        "sources": list(info.spec.sources),
        "weights": list(info.weights),
    }


def plain_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Align columns with spaces; numbers to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(row: tuple[str, ...]) -> str:
        cells = [
            cell.rjust(width) if cell[:1].isdigit() else cell.ljust(width)
            for cell, width in zip(row, widths, strict=True)
        ]
        return "  ".join(cells).rstrip()

    return "\n".join(line(row) for row in [header, *rows])


def markdown_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Format rows as a Markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)
