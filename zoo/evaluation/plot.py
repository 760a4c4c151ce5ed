"""Drawing a summary as bars with confidence intervals."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from zoo.evaluation.references import REFERENCES
from zoo.evaluation.summary import MEAN, Score, Summary
from zoo.metrics import Protocol

REFERENCE_COLOURS = ("#d9d9d9", "#bdbdbd", "#969696", "#737373")
SYSTEM_COLOURS = ("#3b6fb6", "#d1702f", "#3f8f5f", "#8a5aa8", "#b6475e", "#7a6a4f")


def draw_summary(summary: Summary, protocol: Protocol) -> Figure:
    """Draw one protocol's main quantity: a group of bars a source, a bar a system.

    A row that has no score in any source is left out, so are single bars that are not defined.

    Args:
        summary: The aggregated scores.
        protocol: One of its protocols.

    Returns:
        The figure; ``figure.savefig(path)`` writes it.
    """
    quantity = protocol.quantities[0]
    rows = [
        row
        for row in summary.rows
        if row.quantity == quantity
        and any(score.value is not None for score in row.scores.values())
    ]
    columns = [*summary.sources, MEAN]
    figure = Figure(figsize=(max(6.0, 1.9 * len(columns)), 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    width = 0.8 / max(len(rows), 1)
    greys, colours = iter(REFERENCE_COLOURS), iter(SYSTEM_COLOURS * len(summary.systems))
    for index, row in enumerate(rows):
        colour = next(greys) if row.system in REFERENCES else next(colours)
        shown = [(x, row.scores[name]) for x, name in enumerate(columns)]
        shown = [(x, score) for x, score in shown if score.value is not None]
        axes.bar(
            [x - 0.4 + (index + 0.5) * width for x, _ in shown],
            [score.value or 0.0 for _, score in shown],
            width,
            yerr=_error_bars([score for _, score in shown]),
            color=colour,
            label=row.system,
            error_kw={"elinewidth": 0.8, "capsize": 1.5},
        )
    axes.axhline(0, color="black", linewidth=0.8)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_ylabel(f"{quantity.label} [{protocol.unit}]")
    axes.set_title(f"{protocol.title}, {len(summary.tracks)} tracks")
    figure.legend(loc="outside lower center", fontsize="small", ncols=3, frameon=False)
    return figure


def _error_bars(scores: list[Score]) -> list[list[float]]:
    """Return the distances from each value to the ends of its interval."""
    below, above = [], []
    for score in scores:
        if score.value is None or score.low is None or score.high is None:
            below.append(0.0)
            above.append(0.0)
        else:  # a percentile interval need not hold the value itself
            below.append(max(score.value - score.low, 0.0))
            above.append(max(score.high - score.value, 0.0))
    return [below, above]
