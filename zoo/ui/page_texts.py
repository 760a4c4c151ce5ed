"""The texts of gradio's components, which the visitor's browser puts into its language."""

from collections.abc import Mapping

import gradio as gr
from gradio.i18n import I18nData

from zoo.publishing.space_config import Limits
from zoo.ui.texts import load_texts, preferred_language, source_title, wording

__all__ = [
    "INSIDE_SECONDS",
    "limit_numbers",
    "page_languages",
    "page_text",
    "source_text",
    "visitor_language",
]

GROUPS = ("page", "source")
INSIDE_SECONDS = 10.0
"""Length of the clip that the Inside tab shows."""


def page_text(name: str) -> I18nData:
    """Return what a component takes for a text: the one with the key ``page.NAME``."""
    return I18nData(f"page.{name}")


def source_text(source: str) -> I18nData | str:
    """Return what a component takes for the title of a source, whatever a network calls it."""
    key = f"source.{source}"
    return (
        I18nData(key)
        if any(key in texts for texts in load_texts().values())
        else source_title(source)
    )


def page_languages(limits: Limits) -> gr.I18n:
    """Return the texts of all components, for ``launch``; they tell the visitor the limits."""
    numbers = {**limit_numbers(limits), "inside_seconds": INSIDE_SECONDS}
    languages = {
        language: {
            key: wording(key, language, **numbers)
            for key in texts
            if key.partition(".")[0] in GROUPS
        }
        for language, texts in load_texts().items()
    }
    return gr.I18n(**languages)


def limit_numbers(limits: Limits) -> Mapping[str, float]:
    """Return the limits as the texts name them."""
    return {
        "max_minutes": limits.max_seconds / 60,
        "max_megabytes": limits.max_megabytes,
        "cache_hours": limits.cache_hours,
        "blend_seconds": limits.blend_seconds,
    }


def visitor_language(request: gr.Request) -> str:
    """Return the language for what a handler says to a visitor's page."""
    return preferred_language(request.headers.get("accept-language", ""))
