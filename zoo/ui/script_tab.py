"""The Script tab: the same page from Python, the shell and AI assistants (MCP)."""

import gradio as gr

from zoo.ui.services import Services

__all__ = ["build_script_tab"]

PYTHON = """from gradio_client import Client, handle_file

client = Client("{url}")
result = client.predict(
    song=handle_file("song.mp3"),
    model="{model}",
    sources=["vocals", "drums", "bass", "other"],
    file_format="flac",
    api_name="/separate",
)
for lane in result["lanes"]:
    print(lane["title"], lane["download"])

# Each stem in pieces, as they are done:
job = client.submit(
    song=handle_file("song.mp3"),
    model="{model}",
    sources=["vocals"],
    file_format="wav24",
    api_name="/separate",
)
for state in job:
    print(state["progress"], [lane["pieces"] for lane in state["lanes"]])
"""
SHELL = """FILE=$(curl -s {url}gradio_api/upload -F files=@song.mp3 | tr -d '[]"')
EVENT=$(curl -s {url}gradio_api/call/separate -H 'Content-Type: application/json' -d '{{"data": [
  {{"path": "'$FILE'", "meta": {{"_type": "gradio.FileData"}}}},
  "{model}", ["vocals"], "flac"]}}' | tr -d '{{}}"' | cut -d: -f2)
curl -sN {url}gradio_api/call/separate/$EVENT
"""


def build_script_tab(services: Services, page: gr.Blocks) -> None:
    """Lay out the tab; the snippets carry the address that the visitor sees."""
    gr.Markdown(
        "Everything on this page can be called by name: `/separate`, `/blend`, `/spectrogram`, "
        "`/attention`, `/models`, `/model_info`. *Use via API* at the foot of the page lists the "
        "arguments; AI assistants that speak MCP find the same functions at `/gradio_api/mcp/`.",
        elem_classes="fine",
    )
    python = gr.Code(language="python", label="Python", interactive=False, elem_id="snippet")
    shell = gr.Code(language="shell", label="Shell", interactive=False)

    def snippets(request: gr.Request) -> tuple[str, str]:
        assert request.request is not None
        words = {"url": str(request.request.base_url), "model": services.shelf.default}
        return PYTHON.format(**words), SHELL.format(**words)

    page.load(snippets, None, [python, shell], api_visibility="private", show_progress="hidden")
    gr.Markdown(
        "At home: copy the repository (on a Space: *Files*), run "
        "`pip install -r requirements.txt -e .` in it, then `python -m zoo separate song.mp3` or, "
        "in Python, `zoo.separate('song.mp3', 'out/')`. No limits on length there.",
        elem_classes="fine",
    )
