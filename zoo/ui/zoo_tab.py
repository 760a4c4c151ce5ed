"""The Zoo tab: every model, and an editor for specs that are measured while one types."""

from typing import Any

import gradio as gr
from gradio.events import api

import zoo
from zoo.audio.spectrogram_figure import save_figure
from zoo.errors import SpecError
from zoo.specs.parsing import parse_spec_text
from zoo.specs.registry import SPECS
from zoo.ui.kind_errors import said_kindly
from zoo.ui.model_tables import (
    STAGE_COLUMNS,
    build_code,
    describe,
    model_table,
    spec_summary,
    stage_rows,
)
from zoo.ui.network_figure import draw_network
from zoo.ui.request_folder import new_request_folder
from zoo.ui.services import Services

__all__ = ["build_zoo_tab", "measure_spec"]


def build_zoo_tab(services: Services, tab: gr.Tab) -> None:
    """Lay out the tab and wire it; what has to be counted is counted when it is first opened."""
    gr.Markdown(
        "Every network of the family, from one YAML file each. GMAC/s: billions of "
        "multiply-accumulates per second of audio, all stems. Results are mean SDR in dB: the "
        "published ones are the authors', on their data; the measured ones are ours, with protocol "
        "and data. They are not comparable with one another.",
        elem_classes="fine",
    )
    table = gr.Dataframe(
        interactive=False,
        wrap=False,
        elem_id="models",
        buttons=["fullscreen", "copy"],
    )
    gr.Markdown("### Draw your own network")
    with gr.Row(equal_height=False):
        with gr.Column(scale=2, min_width=320):
            start_from = gr.Dropdown(
                zoo.list_models(), value=services.shelf.default, label="Start from"
            )
            editor = gr.Code(
                _spec_text(services.shelf.default),
                language="yaml",
                label="Spec (YAML)",
                interactive=True,
                max_lines=40,
                elem_id="spec",
            )
        with gr.Column(scale=3, min_width=320):
            verdict = gr.Markdown(elem_id="verdict")
            picture = gr.Image(
                label="The network",
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
            with gr.Accordion("Build it in Python", open=False):
                code = gr.Code(language="python", interactive=False, label="zoo.build")
    outputs = [verdict, picture, stages, code]
    limit = services.config.limits.spec_characters
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    start_from.change(_spec_text, start_from, editor, **private)
    tab.select(model_table, None, table, api_visibility="private")
    for trigger in (editor.change, tab.select):
        trigger(
            lambda text: measure_spec(text, max_characters=limit),
            editor,
            outputs,
            trigger_mode="always_last",
            **private,
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
        if name not in SPECS.names():
            raise ValueError(f"There is no model {name[:80]!r}; /models lists them.")
        info = zoo.model_info(name)
        stages = [dict(zip(STAGE_COLUMNS, row, strict=True)) for row in stage_rows(info)]
        known = describe(info, offered=tuple(services.shelf.names))
        return {**known, "spec": info.spec.to_dict(), "stages": stages}

    api(said_kindly(models), api_name="models")
    api(said_kindly(model_info), api_name="model_info")


def measure_spec(
    text: str | None, *, max_characters: int
) -> tuple[str, str | None, list[list[str]], str]:
    """Parse a stranger's spec within the bounds and measure it; nothing large is allocated.

    Args:
        text: YAML.
        max_characters: Longest text taken.

    Returns:
        A verdict in Markdown, the path of the drawing, the stage table and Python code; only the
        verdict is filled where the spec is invalid.
    """
    text = text or ""
    if len(text) > max_characters:
        return _invalid(f"more than {max_characters:,} characters"), None, [], ""
    try:
        info = zoo.model_info(parse_spec_text(text))
    except (SpecError, ValueError, KeyError) as error:
        reason = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        return _invalid(reason), None, [], ""
    path = save_figure(draw_network(info), new_request_folder() / "network.png")
    return spec_summary(info), str(path), stage_rows(info), build_code(info)


def _invalid(reason: str) -> str:
    """Return the verdict; the reason may quote what was typed, so it is shown as code."""
    plain = reason.replace("```", "'''")
    return f"**Not valid yet.**\n```text\n{plain[:1500]}\n```"


def _spec_text(name: str) -> str:
    return SPECS.path(name).read_text(encoding="utf-8")
