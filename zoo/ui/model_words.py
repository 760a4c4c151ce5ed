"""What the page says of models to those who listen: titles, quality, speed, and what is missing."""

import gradio as gr

from zoo.metrics import PROTOCOLS
from zoo.specs.registry import SPECS
from zoo.ui.models import ModelShelf
from zoo.ui.page_texts import visitor_language
from zoo.ui.texts import ENGLISH, wording
from zoo.weights.entries import Metric, WeightsEntry
from zoo.weights.fetching.locating import TEST_TAG

__all__ = ["build_notice", "model_choices", "model_line", "model_title", "shelf_notice"]

# Mean SDR in dB from which the words hold; a mean over the sources, whatever the songs.
QUALITY = ((5.5, "model.clean"), (4.0, "model.good"), (2.0, "model.rough"))


def model_title(name: str) -> str:
    """Return what a listener reads in place of a model's name."""
    return SPECS[name].title or name


def model_choices(shelf: ModelShelf) -> list[tuple[str, str]]:
    """Return (title, name) of the models that are offered."""
    return [(model_title(name), name) for name in shelf.names]


def model_line(shelf: ModelShelf, name: str, language: str = ENGLISH) -> str:
    """Return one line on a model's quality and speed here."""
    facts = [_quality(shelf.entry(name), language)]
    speed = shelf.expected_seconds(
        name, audio_seconds=1.0, num_sources=len(shelf.separator(name).sources)
    )
    if speed is not None:
        facts.append(wording("model.speed", language, seconds=round(60 * speed)))
    return "; ".join(facts) + "."


def shelf_notice(shelf: ModelShelf, language: str = ENGLISH) -> str:
    """Return what a listener must know of the models here, as Markdown; empty where all is well."""
    lines = []
    if shelf.missing:
        lines.append(wording("model.smaller", language))
    if shelf.separator(shelf.default).weights == TEST_TAG:
        lines.append(wording("model.test", language))
    if shelf.details:
        summary = wording("model.details", language)
        lines.append(f"<details><summary>{summary}</summary>\n\n{shelf.details}\n\n</details>")
    return "\n\n".join(lines)


def build_notice(shelf: ModelShelf, page: gr.Blocks) -> None:
    """Lay out what a listener must know of the models here, if there is anything."""
    if not shelf_notice(shelf):
        return
    notice = gr.Markdown(elem_classes="notice", elem_id="notice")

    def show(request: gr.Request) -> str:
        return shelf_notice(shelf, visitor_language(request))

    page.load(show, None, notice, api_visibility="private", show_progress="hidden")


def _quality(entry: WeightsEntry | None, language: str) -> str:
    if entry is None or not entry.metrics:
        return wording("model.unscored", language)
    metric = entry.metrics[0]
    mean = _mean(metric)
    quality = next((key for least, key in QUALITY if mean >= least), "model.very_rough")
    whose = "model.published" if metric.measured_by == "published" else "model.measured"
    return wording(
        "model.scored",
        language,
        quality=wording(quality, language),
        decibels=round(mean, 1),
        protocol=PROTOCOLS[metric.protocol].title,
        whose=wording(whose, language),
        dataset=metric.dataset,
    )


def _mean(metric: Metric) -> float:
    if "mean" in metric.sdr:
        return metric.sdr["mean"]
    return sum(metric.sdr.values()) / max(len(metric.sdr), 1)
