"""The Zoo tab: every model, and an editor for specs that are measured while one types."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import api

import zoo
from zoo.audio.spectrogram_figure import save_figure
from zoo.errors import SpecError
from zoo.specs.parsing import parse_spec_text
from zoo.specs.registry import SPECS
from zoo.ui.arguments import check_choice
from zoo.ui.kind_errors import said_kindly
from zoo.ui.model_tables import (
    STAGE_COLUMNS,
    build_code,
    counted_table,
    describe,
    spec_summary,
    stage_rows,
)
from zoo.ui.network_figure import draw_network
from zoo.ui.page_texts import page_text
from zoo.ui.request_folders import new_request_folder
from zoo.ui.services import Services

__all__ = ["build_zoo_tab", "measure_spec"]


def build_zoo_tab(services: Services, tab: gr.Tab) -> None:
    """Lay out the tab and wire it; what has to be counted is counted when it is first opened."""
    gr.Markdown(page_text("zoo_hint"), elem_classes="fine")
    table = gr.Dataframe(
        interactive=False,
        wrap=False,
        elem_id="models",
        buttons=["fullscreen", "copy"],
    )
    gr.Markdown(page_text("own_network"))
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            start_from = gr.Dropdown(
                zoo.list_models(), value=services.shelf.default, label=page_text("start_from")
            )
            editor = gr.Code(
                _spec_text(services.shelf.default),
                language="yaml",
                label=page_text("spec"),
                interactive=True,
                max_lines=40,
                elem_id="spec",
            )
        with gr.Column(scale=3, min_width=320):
            verdict = gr.Markdown(elem_id="verdict")
            picture = gr.Image(
                label=page_text("network"),
                show_label=False,
                type="filepath",
                format="png",
                interactive=False,
                buttons=["download", "fullscreen"],
                elem_id="network_picture",
            )
            stages = gr.Dataframe(
                headers=list(STAGE_COLUMNS), interactive=False, elem_id="stages", buttons=[]
            )
            with gr.Accordion(page_text("build"), open=False):
                code = gr.Code(language="python", interactive=False, label="zoo.build")
    outputs = [verdict, picture, stages, code]
    limit = services.config.limits.spec_characters
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    start_from.change(said_kindly(_spec_text), start_from, editor, **private)
    tab.select(counted_table, None, table, api_visibility="private")
    for trigger in (editor.change, tab.select):
        trigger(
            lambda text: measure_spec(text, max_characters=limit, new_folder=services.folders.new),
            editor,
            outputs,
            trigger_mode="always_last",
            **private,
            **services.drawing_queue,
        )
    _add_endpoints(services)


def _add_endpoints(services: Services) -> None:
    def models() -> list[dict]:
        """List every model of the zoo: size, cost, sources, weights, whether it is offered here."""
        offered = tuple(services.shelf.names)
        return [describe(zoo.model_info(name), offered=offered) for name in zoo.list_models()]

    def model_info(name: str) -> dict:
        """Describe one model: its spec, its stage table, its weights and their results.

        Args:
            name: A name that `/models` lists.
        """
        if not isinstance(name, str) or name not in SPECS.names():
            raise ValueError(f"There is no model {name!r:.80}; /models lists them.")
        info = zoo.model_info(name)
        stages = [dict(zip(STAGE_COLUMNS, row, strict=True)) for row in stage_rows(info)]
        known = describe(info, offered=tuple(services.shelf.names))
        return {**known, "spec": info.spec.to_dict(), "stages": stages}

    api(said_kindly(models), api_name="models")
    api(said_kindly(model_info), api_name="model_info")


def measure_spec(
    text: object, *, max_characters: int, new_folder: Callable[[], Path] = new_request_folder
) -> tuple[str, str | None, list[list[str]], str]:
    """Parse a stranger's spec within the bounds and measure it; nothing large is allocated.

    Args:
        text: YAML.
        max_characters: Longest text taken.
        new_folder: Makes a folder for the drawing.

    Returns:
        A verdict in Markdown, the path of the drawing, the stage table and Python code; only the
        verdict is filled where the spec is invalid.
    """
    text = "" if text is None else text
    if not isinstance(text, str):
        return _invalid("a spec is a YAML text"), None, [], ""
    if len(text) > max_characters:
        return _invalid(f"more than {max_characters:,} characters"), None, [], ""
    try:
        info = zoo.model_info(parse_spec_text(text))
    except (SpecError, ValueError, KeyError) as error:
        reason = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        return _invalid(reason), None, [], ""
    path = save_figure(draw_network(info), new_folder() / "network.png")
    return spec_summary(info), str(path), stage_rows(info), build_code(info)


def _invalid(reason: str) -> str:
    """Return the verdict; the reason may quote what was typed, so it is shown as code."""
    plain = reason.replace("```", "'''")
    return f"**Not valid yet.**\n```text\n{plain[:1500]}\n```"


def _spec_text(name: str) -> str:
    check_choice(name, SPECS.names(), what="The model")
    return SPECS.path(name).read_text(encoding="utf-8")
