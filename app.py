"""The Gradio app: reads spaces_config.yaml, lays out the page and wires it to the zoo."""

import importlib.util
import threading
from pathlib import Path

from zoo.ui.zero_gpu import is_zero_gpu  # before torch, as ZeroGPU demands

# isort: split
import gradio as gr

from zoo.publishing.space_config import CONFIG_NAME, SpaceConfig, load_space_config
from zoo.ui.blend_tab import build_blend_tab
from zoo.ui.edge import ServedPage, edge_arguments
from zoo.ui.inside_tab import build_inside_tab
from zoo.ui.look_tab import build_look_tab
from zoo.ui.model_tables import counted_table
from zoo.ui.model_words import build_notice
from zoo.ui.models import ModelShelf
from zoo.ui.page_texts import page_languages, page_text
from zoo.ui.script_tab import build_script_tab
from zoo.ui.separate_tab import build_separate_tab
from zoo.ui.services import Services
from zoo.ui.theme import PAGE_CSS, page_theme
from zoo.ui.zoo_tab import build_zoo_tab

ROOT = Path(__file__).resolve().parent


def build_app(config: SpaceConfig, shelf: ModelShelf) -> ServedPage:
    """Lay out the page.

    Args:
        config: What the Space offers.
        shelf: Its models.

    Returns:
        The page, with its queue set up.
    """
    services = Services(config=config, shelf=shelf)
    with ServedPage(title=config.space.title, analytics_enabled=False, fill_width=True) as page:
        page.serve(services)
        gr.HTML("<h1>Light<span>SAFT</span> zoo</h1>", elem_id="masthead")
        gr.Markdown(page_text("motto"), elem_id="motto")
        build_notice(shelf, page)
        with gr.Tab(page_text("tab_separate"), id="separate"):
            separate_tab = build_separate_tab(services, page)
        with gr.Tab(page_text("tab_look"), id="look") as look_tab:
            build_look_tab(services, separate_tab, look_tab)
        with gr.Tab(page_text("tab_blend"), id="blend"):
            build_blend_tab(services, separate_tab)
        with gr.Tab(page_text("tab_inside"), id="inside") as inside_tab:
            build_inside_tab(services, separate_tab, inside_tab)
        with gr.Tab(page_text("tab_zoo"), id="zoo") as zoo_tab:
            build_zoo_tab(services, zoo_tab)
        with gr.Tab(page_text("tab_script"), id="script"):
            build_script_tab(services, page)
    # Nothing that waits in the queue for others may be called past it.
    page.queue(max_size=config.limits.queue_size, api_open=False)
    return page


def launch_arguments(config: SpaceConfig) -> dict:
    """Return what ``launch`` is called with, here and in the tests."""
    return {
        "theme": page_theme(),
        "i18n": page_languages(config.limits),
        "css_paths": PAGE_CSS,
        "max_file_size": f"{config.limits.max_megabytes:g}mb",
        "footer_links": ["api", "settings"],
        "mcp_server": importlib.util.find_spec("mcp") is not None,
        "ssr_mode": False,
        "app_kwargs": edge_arguments(),
    }


def main() -> None:
    """Open the app."""
    config = load_space_config(ROOT / CONFIG_NAME)
    shelf = ModelShelf(config)
    if is_zero_gpu():
        shelf.load_all()
    else:
        shelf.warm_up()
    # Counted before the first visitor opens the Zoo tab.
    threading.Thread(target=counted_table, name="count-models", daemon=True).start()
    build_app(config, shelf).launch(**launch_arguments(config))


if __name__ == "__main__":
    main()
