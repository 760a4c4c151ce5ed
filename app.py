"""The Gradio app: reads spaces_config.yaml, lays out the page and wires it to the zoo."""

import importlib.util
from pathlib import Path

from zoo.ui.zero_gpu import is_zero_gpu  # before torch, as ZeroGPU demands

# isort: split
import gradio as gr

from zoo.publishing.space_config import CONFIG_NAME, SpaceConfig, load_space_config
from zoo.ui.blend_tab import build_blend_tab
from zoo.ui.inside_tab import build_inside_tab
from zoo.ui.look_tab import build_look_tab
from zoo.ui.models import ModelShelf
from zoo.ui.script_tab import build_script_tab
from zoo.ui.separate_tab import build_separate_tab
from zoo.ui.services import Services
from zoo.ui.theme import PAGE_CSS, page_theme
from zoo.ui.zoo_tab import build_zoo_tab

ROOT = Path(__file__).resolve().parent


def build_app(config: SpaceConfig, shelf: ModelShelf) -> gr.Blocks:
    """Lay out the page.

    Args:
        config: What the Space offers.
        shelf: Its models.

    Returns:
        The page, with its queue set up.
    """
    services = Services(config=config, shelf=shelf)
    age = round(config.limits.cache_hours * 3600)
    with gr.Blocks(
        title=config.space.title,
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(max(age // 4, 60), age),
    ) as page:
        gr.HTML(
            "<h1>Light<span>SAFT</span> zoo</h1>"
            "<p>Drop a song and hear it come apart: vocals, drums, bass and the rest.</p>",
            elem_id="masthead",
        )
        if shelf.notice:
            gr.Markdown(shelf.notice, elem_classes="notice", elem_id="notice")
        with gr.Tab("Separate", id="separate"):
            separate_tab = build_separate_tab(services)
        with gr.Tab("Look", id="look"):
            build_look_tab(services, separate_tab)
        with gr.Tab("Blend", id="blend"):
            build_blend_tab(services, separate_tab)
        with gr.Tab("Inside", id="inside"):
            build_inside_tab(services, separate_tab)
        with gr.Tab("Zoo", id="zoo") as zoo_tab:
            build_zoo_tab(services, zoo_tab)
        with gr.Tab("Script", id="script"):
            build_script_tab(services, page)
    page.queue(max_size=config.limits.queue_size)
    return page


def launch_arguments(config: SpaceConfig) -> dict:
    """Return what ``launch`` is called with, here and in the tests."""
    return {
        "theme": page_theme(),
        "css_paths": PAGE_CSS,
        "max_file_size": f"{config.limits.max_megabytes:g}mb",
        "footer_links": ["api", "settings"],
        "mcp_server": importlib.util.find_spec("mcp") is not None,
        "ssr_mode": False,
    }


def main() -> None:
    """Open the app."""
    config = load_space_config(ROOT / CONFIG_NAME)
    shelf = ModelShelf(config)
    if is_zero_gpu():
        shelf.load_all()
    else:
        shelf.warm_up()
    build_app(config, shelf).launch(**launch_arguments(config))


if __name__ == "__main__":
    main()
