"""The Zoo tab's tables, and what the API says of models."""

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import yaml

import zoo
from zoo.metrics import PROTOCOLS
from zoo.models import ModelInfo
from zoo.weights.entries import Metric

__all__ = [
    "STAGE_COLUMNS",
    "build_code",
    "counted_table",
    "describe",
    "model_table",
    "spec_summary",
    "stage_rows",
]

STAGE_COLUMNS = ("stage", "blocks", "in (H x T x F)", "out", "parameters", "MMAC/s")
NOTHING = "\u2013"


def model_table() -> dict[str, list]:
    """Return headers and data: a row per model, a column per protocol that has published results.

    Published and measured results never share a column.
    """
    infos = [zoo.model_info(name) for name in zoo.list_models()]
    published = {metric.protocol for info in infos for metric in _metrics(info, "published")}
    protocols = [name for name in PROTOCOLS if name in published]
    headers = [
        "model",
        "title",
        "parameters",
        "GMAC/s",
        *(f"published, {PROTOCOLS[name].title}" for name in protocols),
        "measured here",
        "weights",
        "GMAC/s, one stem",
    ]
    return {"headers": headers, "data": [_model_row(info, protocols) for info in infos]}


@functools.cache
def counted_table() -> dict[str, list]:
    """Return :func:`model_table`; the counting takes seconds, once per process."""
    return model_table()


def stage_rows(info: ModelInfo) -> list[list[str]]:
    """Return the stage table of a model."""
    return [
        [
            stage.name,
            " > ".join(stage.blocks),
            " x ".join(map(str, stage.in_shape)),
            " x ".join(map(str, stage.out_shape)),
            f"{stage.parameters:,}",
            f"{stage.macs_per_second / 1e6:,.1f}",
        ]
        for stage in info.stages
    ]


def spec_summary(info: ModelInfo) -> str:
    """Return size and cost in a line of Markdown."""
    return (
        f"**Valid.** {info.parameters:,} parameters, {info.macs_per_second / 1e9:.2f} GMAC a "
        f"second of audio for {len(info.spec.sources)} source(s), "
        f"{info.macs_per_second_one_source / 1e9:.2f} for one. A spec alone has no weights: it can "
        "be built, measured and trained, not heard."
    )


def build_code(info: ModelInfo) -> str:
    """Return Python code that builds a spec's network."""
    text = yaml.safe_dump(info.spec.to_dict(), sort_keys=False, allow_unicode=True)
    quoted = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return (
        "import yaml\nimport zoo\n\n"
        f'spec = yaml.safe_load("""\n{quoted}""")\n'
        "model = zoo.build(spec)\n"
        "print(sum(p.numel() for p in model.parameters()))\n"
    )


def describe(info: ModelInfo, *, offered: tuple[str, ...]) -> dict[str, Any]:
    """Return what is known of a model as plain data for the API."""
    return {
        "name": info.name,
        "title": info.spec.title,
        "paper": info.spec.paper,
        "offered": info.name in offered,
        "sources": list(info.spec.sources),
        "part_of": dict(info.spec.part_of),
        "sample_rate": info.spec.sample_rate,
        "parameters": info.parameters,
        "macs_per_second": info.macs_per_second,
        "macs_per_second_one_source": info.macs_per_second_one_source,
        "weights": list(info.weights),
        "metrics": {
            tag: [_metric_data(metric) for metric in metrics]
            for tag, metrics in info.metrics.items()
        },
    }


def _metric_data(metric: Metric) -> dict[str, Any]:
    return {
        "protocol": metric.protocol,
        "dataset": metric.dataset,
        "measured_by": metric.measured_by,
        "reference": metric.reference,
        "sdr": dict(metric.sdr),
    }


def _model_row(info: ModelInfo, protocols: Sequence[str]) -> list[str]:
    published, measured = _metrics(info, "published"), _metrics(info, "measured")
    return [
        info.name,
        info.spec.title,
        f"{info.parameters:,}",
        f"{info.macs_per_second / 1e9:.2f}",
        *(_listed(_sdr(m) for m in published if m.protocol == name) for name in protocols),
        _listed(f"{_sdr(m)} ({PROTOCOLS[m.protocol].title}, {m.dataset})" for m in measured),
        ", ".join(info.weights) or NOTHING,
        f"{info.macs_per_second_one_source / 1e9:.2f}",
    ]


def _metrics(info: ModelInfo, measured_by: str) -> list[Metric]:
    known = (metric for metrics in info.metrics.values() for metric in metrics)
    return [metric for metric in known if metric.measured_by == measured_by]


def _listed(results: Iterable[str]) -> str:
    return "; ".join(results) or NOTHING


def _sdr(metric: Metric) -> str:
    mean = metric.sdr.get("mean")
    if mean is not None:
        return f"{mean:.2f}"
    return ", ".join(f"{source} {value:.2f}" for source, value in metric.sdr.items())
