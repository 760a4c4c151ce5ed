"""The model card of a repository: README.md with its front matter, from spec and record alone."""

import json
from collections.abc import Sequence
from typing import Any

import yaml

from zoo.metrics import PROTOCOLS
from zoo.records.tables import markdown_table
from zoo.specs.spec import Spec
from zoo.weights.entries import Metric, WeightsEntry

__all__ = ["PICTURE_FILE", "render_card"]

PICTURE_FILE = "spectrograms.png"
LIBRARY = "lightsaft-zoo"
INSTALL = (
    "In a copy of the repository of LightSAFT zoo, `pip install -r requirements.txt -e .`; then:"
)
HUB_LICENCES = frozenset(
    {
        "apache-2.0",
        "bsd-3-clause",
        "cc-by-3.0",
        "cc-by-4.0",
        "cc-by-nc-4.0",
        "cc-by-nc-sa-4.0",
        "cc-by-sa-3.0",
        "cc-by-sa-4.0",
        "cc0-1.0",
        "gpl-3.0",
        "mit",
    }
)


def render_card(
    spec: Spec,
    entry: WeightsEntry | None,
    *,
    num_parameters: int,
    repo_id: str | None = None,
    with_picture: bool = False,
) -> str:
    """Write a model card.

    Args:
        spec: The network.
        entry: Licence, training data, credits and metrics; None leaves them "not stated".
        num_parameters: Trainable parameters.
        repo_id: Where the card will stand, for the example of use.
        with_picture: Whether ``PICTURE_FILE`` lies beside the card.

    Returns:
        Markdown with YAML front matter, as the Hub reads it.
    """
    title = spec.title or spec.name
    picture = f"![Mixture and estimates]({PICTURE_FILE})" if with_picture else ""
    sections = [
        f"# {_inline(title)}",
        f"Separates music into {_listed(spec.told_sources)}. "
        "A network of the LaSAFT / LightSAFT family"
        + (f", {_inline(spec.paper)}." if spec.paper else "."),
        picture,
        _facts(spec, entry, num_parameters),
        "## How to use",
        _usage(spec, repo_id),
        "## Results",
        _results(entry.metrics if entry else ()),
        "## Training data",
        _inline(entry.training_data) if entry else "Not stated.",
        "## Licence and credits",
        _credits(entry),
        "## The network",
        f"```yaml\n{yaml.safe_dump(spec.to_dict(), sort_keys=False, width=88)}```",
    ]
    front = yaml.safe_dump(_front_matter(spec, entry), sort_keys=False, allow_unicode=True)
    return f"---\n{front}---\n\n" + "\n\n".join(part for part in sections if part) + "\n"


def _front_matter(spec: Spec, entry: WeightsEntry | None) -> dict[str, Any]:
    front: dict[str, Any] = {
        "library_name": LIBRARY,
        "pipeline_tag": "audio-to-audio",
        "tags": ["music-source-separation", "audio", *spec.sources],
    }
    if entry is None:
        return front
    licence = entry.licence.lower()
    if licence in HUB_LICENCES:
        return {"license": licence, **front}
    return {"license": "other", "license_name": entry.licence, **front}


def _facts(spec: Spec, entry: WeightsEntry | None, num_parameters: int) -> str:
    rows = [
        ("Sources", ", ".join(spec.told_sources)),
        ("Audio", f"{spec.sample_rate} Hz, {spec.channels} channel(s)"),
        ("Parameters", f"{num_parameters:,}"),
        ("STFT", "; low band: ".join(str(part.stft) for part in spec.parts)),
        ("Licence", entry.licence if entry else "not stated"),
    ]
    if spec.input_level_dbfs is not None:
        rows.insert(-1, ("Input", f"brought to {spec.input_level_dbfs:g} dBFS (RMS)"))
    if entry is not None and entry.pitches != 1:
        rows.append(
            ("Separation", f"the mean of the estimates at {entry.pitches} pitches by default")
        )
    if entry is not None and entry.notes:
        rows.append(("Note", entry.notes))
    return _table(("", ""), rows)


def _usage(spec: Spec, repo_id: str | None) -> str:
    source = repo_id or "user/name"
    return (
        f"{INSTALL}\n\n"
        "```python\n"
        "import zoo\n\n"
        f"separator = zoo.Separator({json.dumps(source)})\n"
        'result = separator("song.mp3")\n'
        'result.save("out/")\n\n'
        f"model = zoo.build({json.dumps(source)})\n"
        f"estimates = model(mixture)  # (batch, {spec.channels}, samples) -> "
        f"(batch, {len(spec.sources)}, {spec.channels}, samples)\n"
        "```"
    )


def _results(metrics: Sequence[Metric]) -> str:
    """One table per protocol: figures of two protocols never share a column."""
    if not metrics:
        return "Not measured."
    parts = []
    for protocol in dict.fromkeys(PROTOCOLS[metric.protocol] for metric in metrics):
        rows_of = [metric for metric in metrics if PROTOCOLS[metric.protocol] == protocol]
        columns = list(dict.fromkeys(source for metric in rows_of for source in metric.sdr))
        rows = []
        for metric in rows_of:
            cells = [_score(metric, column) for column in columns]
            rows.append((metric.dataset, *cells, f"{metric.measured_by}: {metric.reference}"))
            for name, row in metric.beside.items():
                cells = [f"{row[c]:.3f}" if c in row else "-" for c in columns]
                rows.append((metric.dataset, *cells, f"{name}, for comparison"))
        table = _table(("data", *columns, "by"), rows)
        how = f"{protocol.title} in {protocol.unit}: {protocol.definition}."
        parts.append(f"{_inline(how)}\n\n{table}")
    return "\n\n".join(parts)


def _score(metric: Metric, column: str) -> str:
    if column not in metric.sdr:
        return "-"
    text = f"{metric.sdr[column]:.3f}"
    if column not in metric.intervals:
        return text
    low, high = metric.intervals[column]
    return f"{text} ({low:.2f} to {high:.2f})"


def _credits(entry: WeightsEntry | None) -> str:
    if entry is None:
        return "Not stated."
    lines = [f"Weights under {_inline(entry.licence)}.", ""]
    lines += [f"- {_inline(line)}" for line in entry.credits]
    return "\n".join(lines).strip()


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return markdown_table(header, rows).replace("<", "&lt;")


def _inline(text: str) -> str:
    """Text for one line of Markdown: no row breaks, no column breaks, no tags."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
