"""``info``: one model's sizes, costs and stage table."""

import argparse
import json

HELP = "show a model: parameters, MACs, stages"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``info``."""
    parser.add_argument("model", help="name of a model, or path of a YAML spec")
    parser.add_argument("--specs", metavar="PATH", help="a spec file or folder of your own to add")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print what ``zoo.model_info`` knows."""
    import zoo

    if arguments.specs:
        zoo.add_specs(arguments.specs)
    info = zoo.model_info(arguments.model)
    if arguments.json:
        print(json.dumps(_as_data(info), indent=2))
        return 0
    spec = info.spec
    print(f"{info.name}: {spec.title} ({spec.paper})")
    print(f"sources     {', '.join(spec.told_sources)} at {spec.sample_rate} Hz")
    print(f"STFT        {'; low band: '.join(str(part.stft) for part in spec.parts)}")
    if spec.input_level_dbfs is not None:
        print(f"input       brought to {spec.input_level_dbfs:g} dBFS (RMS)")
    print(f"parameters  {info.parameters:,}")
    print(
        f"GMAC/s      {info.macs_per_second / 1e9:.2f} for all sources, "
        f"{info.macs_per_second_one_source / 1e9:.2f} for one"
    )
    print(f"weights     {', '.join(info.weights) or 'none'}")
    print()
    print(_stage_table(info))
    return 0


def _stage_table(info) -> str:
    from zoo.records.tables import plain_table

    rows = [
        (
            stage.name,
            " > ".join(stage.blocks),
            " x ".join(map(str, stage.in_shape)),
            " x ".join(map(str, stage.out_shape)),
            f"{stage.parameters:,}",
            f"{stage.macs_per_second / 1e6:,.1f}",
        )
        for stage in info.stages
    ]
    header = ("stage", "blocks", "in (H x T x F)", "out", "parameters", "MMAC/s")
    return plain_table(header, rows)


def _as_data(info) -> dict:
    return {
        "name": info.name,
        "spec": info.spec.to_dict(),
        "parameters": info.parameters,
        "macs_per_second": info.macs_per_second,
        "macs_per_second_one_source": info.macs_per_second_one_source,
        "weights": list(info.weights),
        "metrics": {
            tag: [metric.to_dict() for metric in metrics] for tag, metrics in info.metrics.items()
        },
        "stages": [
            {
                "name": stage.name,
                "blocks": list(stage.blocks),
                "in_shape": list(stage.in_shape),
                "out_shape": list(stage.out_shape),
                "parameters": stage.parameters,
                "macs_per_second": stage.macs_per_second,
            }
            for stage in info.stages
        ],
    }
