"""The Inside tab: the latent sources that each decoder block listens to."""

from collections.abc import Callable

import gradio as gr
import numpy as np
import torch

from zoo.audio.spectrogram_figure import save_figure
from zoo.ui.attention_figure import draw_attention
from zoo.ui.clips import clip_for_network
from zoo.ui.kind_errors import said_kindly
from zoo.ui.request_folder import new_request_folder
from zoo.ui.separate_tab import SeparateTab
from zoo.ui.services import Services
from zoo.ui.songs import read_song
from zoo.ui.zero_gpu import gpu

__all__ = ["build_inside_tab"]

CLIP_SECONDS = 10.0


def build_inside_tab(services: Services, separate_tab: SeparateTab) -> None:
    """Lay out the tab and wire it; it takes the song of the Separate tab."""
    gr.Markdown(
        "The networks of this family keep several *latent sources*: internal voices that nobody "
        "named. For each stem, every decoder block chooses how much of each of them it wants. A "
        "bright cell means: this stem is made of that latent source. In the listening (v2) "
        "networks the choice changes over time.",
        elem_classes="fine",
    )
    with gr.Row():
        start = gr.Number(
            0,
            label="Clip from (seconds)",
            minimum=0,
            info=f"{CLIP_SECONDS:g} seconds are shown.",
            scale=2,
        )
        run = gr.Button("Look inside", variant="primary", elem_id="inside", scale=1)
    picture = gr.Image(
        label="Attention over the latent sources",
        show_label=False,
        type="filepath",
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id="inside_picture",
    )
    run.click(
        said_kindly(_attention_handler(services)),
        [separate_tab.song, separate_tab.model, start],
        picture,
        api_name="attention",
        **services.device_queue,
    )


def _attention_handler(services: Services) -> Callable[..., str]:
    shelf, config = services.shelf, services.config

    def seconds(model: str, samples: np.ndarray) -> int:
        return config.gpu_seconds(model, audio_seconds=CLIP_SECONDS)

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
        clip = clip_for_network(
            read_song(song, config.limits), spec, start=start, seconds=CLIP_SECONDS
        )
        figure = draw_attention(
            listen(model, clip.samples), sources=spec.sources, seconds=clip.seconds
        )
        return str(save_figure(figure, new_request_folder() / "attention.png"))

    return attention
