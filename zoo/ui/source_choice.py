"""The choice of the sources to separate: those of the model that is chosen, whatever they are."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from zoo.specs.registry import SPECS
from zoo.ui.models import ModelShelf
from zoo.ui.page_texts import page_text, source_text
from zoo.ui.texts import source_title

__all__ = ["SourceChoice", "blended_sources", "first_blend"]


class SourceChoice(gr.CheckboxGroup):
    """The sources to separate.

    The page shows those of its model. A caller of the API may name any model in the same call, so
    that the handler, which knows the model, checks what was sent.
    """

    is_template = True  # shown by gradio's own script for the base class

    @classmethod
    def of_sources(cls, sources: Sequence[str], **options: Any) -> "SourceChoice":
        """Return the choice among the sources of the first model, all of them chosen.

        Args:
            sources: The model's.
            options: Other arguments of ``gr.CheckboxGroup``. It has no constructor of its own,
                because gradio reads what the page is told from the constructor's arguments.
        """
        choices = [(source_text(source), source) for source in sources]
        return cls(choices=choices, value=list(sources), label=page_text("stems"), **options)

    def preprocess(self, payload: Any) -> Any:
        """Pass what was sent on to the handler."""
        return payload

    def api_info(self) -> dict[str, Any]:
        """Describe the list to the API: names that ``/models`` lists for the model."""
        return {"type": "array", "items": {"type": "string"}}

    @staticmethod
    def of_model(name: str, language: str) -> dict[str, Any]:
        """Return the update that shows the sources of a model, all of them chosen."""
        sources = SPECS[name].sources
        titles = [(source_title(source, language), source) for source in sources]
        return gr.update(choices=titles, value=list(sources))


def blended_sources(shelf: ModelShelf) -> tuple[str, ...]:
    """Return the sources of all offered models that can blend, those of the default first."""
    names = [shelf.default, *(name for name in shelf.names if name != shelf.default)]
    specs = [SPECS[name] for name in names]
    known = (source for spec in specs if spec.condition for source in spec.sources)
    return tuple(dict.fromkeys(known))


def first_blend(name: str) -> dict[str, float]:
    """Return the weights that a blend begins with: much of the first source, some of the last.

    Args:
        name: Of the model.
    """
    sources = SPECS[name].whole_sources
    return {sources[-1]: 0.3, sources[0]: 0.7}
