"""The Script tab: the same page from Python, the shell and AI assistants (MCP)."""

import json

import gradio as gr

from zoo.ui.page_texts import page_text
from zoo.ui.services import Services

__all__ = ["build_script_tab"]

PYTHON = """from gradio_client import Client, handle_file

client = Client("{url}")
result = client.predict(
    song=handle_file("song.mp3"),
    model="{model}",
    sources={sources},
    file_format="flac",
    api_name="/separate",
)
for lane in result["lanes"]:
    print(lane["title"], lane["download"])

# Each stem in pieces, as they are done:
job = client.submit(
    song=handle_file("song.mp3"),
    model="{model}",
    sources=["{first}"],
    file_format="wav24",
    api_name="/separate",
)
for state in job:
    print(state["progress"], [lane["pieces"] for lane in state["lanes"]])
"""
SHELL = """FILE=$(curl -s {url}gradio_api/upload -F files=@song.mp3 | tr -d '[]"')
EVENT=$(curl -s {url}gradio_api/call/separate -H 'Content-Type: application/json' -d '{{"data": [
  {{"path": "'$FILE'", "meta": {{"_type": "gradio.FileData"}}}},
  "{model}", ["{first}"], "flac"]}}' | tr -d '{{}}"' | cut -d: -f2)
curl -sN {url}gradio_api/call/separate/$EVENT
"""


def build_script_tab(services: Services, page: gr.Blocks) -> None:
    """Lay out the tab; the snippets carry the address that the visitor sees."""
    gr.Markdown(page_text("script_hint"), elem_classes="fine")
    python = gr.Code(language="python", label="Python", interactive=False, elem_id="snippet")
    shell = gr.Code(language="shell", label=page_text("shell"), interactive=False)

    def snippets(request: gr.Request) -> tuple[str, str]:
        assert request.request is not None
        model = services.shelf.default
        sources = services.shelf.separator(model).sources
        words = {
            "url": str(request.request.base_url),
            "model": model,
            "sources": json.dumps(sources),
            "first": sources[0],
        }
        return PYTHON.format(**words), SHELL.format(**words)

    page.load(snippets, None, [python, shell], api_visibility="private", show_progress="hidden")
    gr.Markdown(page_text("at_home"), elem_classes="fine")
