"""The tables of README and docs that the code prints, between marks such as ``<!-- models -->``.

A document carries them so that it can be read on its own. Here they are made, and written into it;
a test fails where a document and the code disagree.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo.audio import AUDIO_FORMATS
from zoo.metrics import PROTOCOLS
from zoo.models import ModelInfo, list_models, model_info
from zoo.records.files import write_whole
from zoo.records.tables import markdown_table
from zoo.weights.entries import Metric
from zoo.weights.fetching.locating import TEST_TAG
from zoo.weights.manifests import load_manifests

__all__ = ["TABLES", "UnknownTableError", "fill_tables", "model_rows", "write_tables"]

MARKED = re.compile(r"<!-- (?P<name>[a-z_]+) -->\n.*?<!-- /(?P=name) -->", re.DOTALL)
MARK = re.compile(r"<!-- (?P<end>/?)(?P<name>[a-z_]+) -->")
SPEED_RECORD = Path("benchmarks/lightsaft_tfctdf_2_cores.json")
BESIDE = ("best-gain mixture", "oracle ratio mask")
SPEED_CASES = (
    ("published tool (emulated)", 4, "torch", "float32"),
    ("Demucs48 (demucs)", 4, "torch", "float32"),
    ("zoo", 4, "openvino", "bfloat16"),
    ("zoo", 1, "openvino", "bfloat16"),
)


class UnknownTableError(ValueError):
    """A mark that no table belongs to, or a mark without its other half."""


def model_rows(infos: Iterable[ModelInfo]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return the header and a row per model: what it is, its size, its cost, its weights."""
    header = ("name", "title", "parameters", "GMAC/s, all", "GMAC/s, one", "sources", "weights")
    rows = [
        (
            info.name,
            info.spec.title,
            f"{info.parameters:,}",
            f"{info.macs_per_second / 1e9:.2f}",
            f"{info.macs_per_second_one_source / 1e9:.2f}",
            ", ".join(info.spec.told_sources),
            ", ".join(info.weights) or "-",
        )
        for info in infos
    ]
    return header, rows


def models_table() -> str:
    """Return every model of the zoo."""
    return markdown_table(*model_rows(map(model_info, list_models())))


def weights_table() -> str:
    """Return the models that can be heard: size, cost, whose weights."""
    rows = [
        (f"`{info.name}`", info.spec.title, *row[2:5], row[6])
        for info in map(model_info, list_models(weights=True))
        for row in model_rows([info])[1]
        if set(info.weights) != {TEST_TAG}
    ]
    header = ("model", "title", "parameters", "GMAC/s, all", "GMAC/s, one", "weights")
    return markdown_table(header, rows)


def published_table(columns: Sequence[str] = ()) -> str:
    """Return the scores that the authors published, one row per weights and protocol.

    Args:
        columns: Sources, or ``mean``; by default all that were scored.
    """
    rows, columns = [], columns or _score_columns("published")
    for what, metric in _metrics("published"):
        values = [f"{metric.sdr[key]:g}" if key in metric.sdr else "" for key in columns]
        rows.append((what, PROTOCOLS[metric.protocol].title, *values, metric.dataset))
    return markdown_table(("weights", "protocol", *columns, "songs"), rows)


def measured_table(columns: Sequence[str] = ()) -> str:
    """Return the scores that were measured here, beside what no work and an oracle would reach.

    Args:
        columns: Sources, or ``mean``; by default all that were scored.
    """
    rows, columns = [], columns or _score_columns("measured")
    for what, metric in _metrics("measured"):
        values = [f"{metric.sdr[key]:.2f}" if key in metric.sdr else "" for key in columns]
        means = [metric.beside.get(name, {}).get("mean") for name in BESIDE]
        beside = ["" if mean is None else f"{mean:.2f}" for mean in means]
        protocol = PROTOCOLS[metric.protocol].title
        rows.append((what, protocol, *values, *beside, metric.dataset))
    header = ("weights", "protocol", *columns, *(f"{name}, mean" for name in BESIDE), "songs")
    return markdown_table(header, rows)


def speed_table(record: Path = SPEED_RECORD) -> str:
    """Return how fast the engine is beside its peers, from the record of ``zoo bench``."""
    cases = json.loads(record.read_text(encoding="utf-8"))["cases"]
    known = {
        (case["name"], case["num_sources"], case["backend"], case["precision"]): case
        for case in cases
    }
    rows = [_speed_row(known[key]) for key in SPEED_CASES]
    header = ("", "sources", "seconds per second of audio", "first output (s)", "x published tool")
    return markdown_table(header, rows)


def format_table() -> str:
    """Return the formats that stems are written in."""
    formats = {name: AUDIO_FORMATS[name] for name in AUDIO_FORMATS.names()}
    rows = [(f"`{name}`", audio.description) for name, audio in formats.items()]
    return markdown_table(("`--format`", "what it is"), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "models": models_table,
    "weights": weights_table,
    "published": published_table,
    "published_means": lambda: published_table(("mean",)),
    "measured": measured_table,
    "measured_means": lambda: measured_table(("mean",)),
    "speed": speed_table,
    "formats": format_table,
}
"""By the name of the mark."""


def fill_tables(text: str) -> str:
    """Return a document with every marked table as the code prints it now.

    Raises:
        UnknownTableError: A mark that no table belongs to, or one without its other half.
    """
    for match in MARK.finditer(MARKED.sub("", text)):
        # Comments of one word that are no table's have other readers.
        if match["end"] or match["name"] in TABLES:
            raise UnknownTableError(f"the mark {match[0]} has no other half")

    def fill(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in TABLES:
            known = ", ".join(TABLES)
            raise UnknownTableError(f"no table belongs to the mark {name!r}; known are {known}")
        return f"<!-- {name} -->\n{TABLES[name]()}\n<!-- /{name} -->"

    return MARKED.sub(fill, text)


def write_tables(path: Path, *, writes: bool) -> bool:
    """Return whether a document agreed with the code; where it did not, optionally mend it.

    Args:
        path: A Markdown file.
        writes: Whether to write the tables of the code into it.
    """
    text = path.read_text(encoding="utf-8")
    filled = fill_tables(text)
    if filled != text and writes:
        write_whole(path, filled.encode("utf-8"))
    return filled == text


def _metrics(measured_by: str) -> Iterator[tuple[str, Metric]]:
    """Yield (model and tag, metric) of every score of one kind, of weights that are a default."""
    for name, manifest in load_manifests().items():
        for tag in manifest.default:
            for metric in manifest.entries[tag].metrics:
                if metric.measured_by == measured_by:
                    yield f"{name} ({tag})", metric


def _score_columns(measured_by: str) -> list[str]:
    """Return every source with a score of one kind, in the order of the records, and the mean."""
    names = dict.fromkeys(name for _, metric in _metrics(measured_by) for name in metric.sdr)
    return [*(name for name in names if name != "mean"), "mean"]


def _speed_row(case: Mapping[str, Any]) -> tuple[str, ...]:
    is_ours = case["name"] == "zoo"
    name = f"zoo, {case['backend']}, {case['precision']}" if is_ours else case["name"]
    return (
        name,
        str(case["num_sources"]),
        f"{case['real_time_factor']:.3f}",
        f"{min(case['first_output_seconds']):.2f}",
        f"{case['times_as_fast_as']['published tool (emulated)']:.1f}",
    )
