"""``list``: the models by name."""

import argparse
import json

HELP = "list the models"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``list``."""
    parser.add_argument("pattern", nargs="?", default="*", help="shell pattern, e.g. 'lasaft_*'")
    parser.add_argument("--weights", action="store_true", help="only models with weights")
    parser.add_argument("--specs", metavar="PATH", help="a spec file or folder of your own to add")
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print one line per model: name, parameters, MACs per second of audio, sources, weights."""
    import zoo
    from zoo.publishing.marked_tables import model_rows
    from zoo.records.tables import markdown_table, plain_table

    if arguments.specs:
        zoo.add_specs(arguments.specs)
    names = zoo.list_models(arguments.pattern, weights=arguments.weights)
    infos = [zoo.model_info(name) for name in names]
    if arguments.json:
        print(json.dumps([_row(info) for info in infos], indent=2))
        return 0
    header, rows = model_rows(infos)
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
        "part_of": dict(info.spec.part_of),
        "weights": list(info.weights),
    }
