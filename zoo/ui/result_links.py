"""Links to results: the id of a result that this server holds, and speed and key of the mixer."""

import json
from typing import Any, NamedTuple

import gradio as gr

from zoo.ui.mixer_state import MixerState
from zoo.ui.page_texts import page_text
from zoo.ui.services import Services
from zoo.ui.songs import SongError
from zoo.ui.stem_mixer import StemMixer

__all__ = ["RESULT_ID_SCRIPT", "ResultLink", "build_result_link"]

PARAMETER = "result"
TITLE, COPIED = page_text("copy_link"), page_text("copied")
RESULT_ID_SCRIPT = "(document.querySelector('#mixer .mixer')?.dataset.result ?? '')"
"""JavaScript: the id of the result that the mixer shows."""

COPY_SCRIPT = f"""async () => {{
    const link = new URL(window.location.href);
    link.hash = "";
    link.search = document.querySelector("#mixer .mixer").dataset.tempo ?? "";
    link.searchParams.set("{PARAMETER}", {RESULT_ID_SCRIPT});
    try {{
        await navigator.clipboard.writeText(link.toString());
    }} catch {{
        window.prompt("", link.toString());
    }}
    return {json.dumps(str(COPIED))};
}}"""
RESTORE_TITLE_SCRIPT = f"""async () => {{
    await new Promise((resolve) => setTimeout(resolve, 2000));
    return {json.dumps(str(TITLE))};
}}"""


class ResultLink(NamedTuple):
    """The button that copies a link, and what is said of a link that has expired."""

    button: gr.Button
    notice: gr.Markdown


def build_result_link(services: Services, page: gr.Blocks, mixer: StemMixer) -> ResultLink:
    """Lay out both, and open the result that the page's own address names."""
    notice = gr.Markdown(visible=False, elem_id="expired", elem_classes="notice")
    button = gr.Button(TITLE, size="sm", elem_id="share", visible=False)
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    copied = button.click(None, None, button, js=COPY_SCRIPT, **private)
    copied.then(None, None, button, js=RESTORE_TITLE_SCRIPT, **private)

    def restore(request: gr.Request) -> tuple[MixerState | dict, dict, dict]:
        result_id = request.query_params.get(PARAMETER)
        if not result_id:
            return gr.skip(), gr.skip(), gr.skip()
        try:
            state = services.results.get(result_id)
        except SongError:
            return (
                gr.skip(),
                gr.update(visible=False),
                gr.update(value=page_text("expired"), visible=True),
            )
        return state, gr.update(visible=True), gr.update(visible=False)

    page.load(restore, None, [mixer, button, notice], **private)
    return ResultLink(button, notice)
