"""The Inside tab: the latent sources that each decoder block listens to."""

from collections.abc import Callable
from typing import Any

import gradio as gr
import numpy as np
import torch

from zoo.audio.spectrogram_figure import save_figure
from zoo.ui.arguments import check_number
from zoo.ui.attention_figure import draw_attention
from zoo.ui.clips import clip_for_network
from zoo.ui.kind_errors import said_kindly
from zoo.ui.page_texts import INSIDE_SECONDS, page_text
from zoo.ui.separate_tab import SeparateTab
from zoo.ui.services import Services
from zoo.ui.songs import check_song
from zoo.ui.zero_gpu import gpu

__all__ = ["build_inside_tab"]


def build_inside_tab(services: Services, separate_tab: SeparateTab, tab: gr.Tab) -> None:
    """Lay out the tab and wire it; it takes the song of the Separate tab."""
    gr.Markdown(page_text("inside_hint"), elem_classes="fine")
    with gr.Row():
        start = gr.Number(
            0,
            label=page_text("clip_from"),
            minimum=0,
            info=page_text("inside_clip"),
            scale=2,
        )
        run = gr.Button(page_text("inside"), variant="primary", elem_id="inside", scale=1)
    picture = gr.Image(
        label=page_text("attention"),
        show_label=False,
        type="filepath",
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id="inside_picture",
    )
    handler = _attention_handler(services)
    inputs = [separate_tab.song, separate_tab.model, start]
    run.click(
        said_kindly(services.visitors.attended(handler)),
        inputs,
        picture,
        api_name="attention",
        **services.device_queue,
    )
    # Whoever opens the tab with a song or turns to another second sees it at once.
    shown = gr.State()

    def attention_if_new(song: str | None, model: str, start: float, shown: Any) -> Any:
        wanted = (song, model, start)
        if song is None or wanted == shown:
            return gr.skip(), gr.skip()
        return handler(*wanted), wanted

    gr.on(
        [tab.select, start.submit],
        said_kindly(services.visitors.attended(attention_if_new)),
        [*inputs, shown],
        [picture, shown],
        trigger_mode="always_last",
        show_progress="minimal",
        api_visibility="private",
        **services.device_queue,
    )


def _attention_handler(services: Services) -> Callable[..., str]:
    shelf, config = services.shelf, services.config

    def seconds(model: str, samples: np.ndarray) -> int:
        return config.gpu_seconds(model, audio_seconds=INSIDE_SECONDS)

    @gpu(duration=seconds)
    @torch.inference_mode()
    def listen(model: str, samples: np.ndarray) -> dict[str, np.ndarray]:
        network = shelf.network(model)
        device = next(network.parameters()).device
        maps = network.attention(torch.from_numpy(samples)[None].to(device))
        return {place: values[0].float().cpu().numpy() for place, values in maps.items()}

    def attention(song: str, model: str, start: float) -> str:
        """Draw how much each decoder block takes of each latent source, for every stem.

        Args:
            song: An audio file: WAV, FLAC, MP3, OGG, Opus or AIFF.
            model: Name of the model, one that `/models` lists as offered here.
            start: Where the clip of ten seconds begins, in seconds.
        """
        spec = shelf.separator(model).spec
        first = check_number(start, what="Clip from", high=config.limits.max_seconds)
        heard = check_song(song, config.limits)
        clip = clip_for_network(heard, spec, start=first, seconds=INSIDE_SECONDS)
        figure = draw_attention(
            listen(model, clip.samples), sources=spec.sources, seconds=clip.seconds
        )
        return str(save_figure(figure, services.folders.new() / "attention.png"))

    return attention
