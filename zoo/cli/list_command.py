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
    """Print one line per model: name, parameters, MACs per second of audio, sources, weights."""
    import zoo
    from zoo.records.tables import markdown_table, plain_table

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
