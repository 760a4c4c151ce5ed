"""The Look tab: spectrograms with axes, and the SDR where the true sources are known."""

from collections.abc import Callable

import gradio as gr
import numpy as np

from zoo.audio.spectrogram_figure import SCALES, draw_spectrograms, save_figure
from zoo.metrics import mdx_sdr
from zoo.ui.examples import find_example
from zoo.ui.kind_errors import said_kindly
from zoo.ui.lanes import lane_blocks
from zoo.ui.mixer_state import MixerLane, MixerState
from zoo.ui.request_folder import new_request_folder
from zoo.ui.separate_tab import SeparateTab
from zoo.ui.services import Services
from zoo.ui.songs import SongError, read_song

__all__ = ["build_look_tab", "sdr_table"]

SCALE_TITLES = {"log": "Octaves (log)", "mel": "Mel", "linear": "Linear"}


def build_look_tab(services: Services, separate_tab: SeparateTab) -> None:
    """Lay out the tab and wire it; it shows what the Separate tab made."""
    gr.Markdown(
        "The original and every stem on one colour scale. Separate a song first.",
        elem_classes="fine",
    )
    with gr.Row():
        scale = gr.Dropdown(
            [(SCALE_TITLES[name], name) for name in SCALES], value="log", label="Frequency axis"
        )
        range_db = gr.Slider(30, 120, value=80, step=5, label="Range (dB)")
        start = gr.Number(0, label="From (seconds)", minimum=0, precision=2)
        end = gr.Number(0, label="To (seconds, 0 for the end)", minimum=0, precision=2)
        with gr.Column(min_width=140):
            draw = gr.Button("Draw the stems", variant="primary", elem_id="draw")
            draw_song = gr.Button("Draw the song alone", elem_id="draw_song")
    picture = gr.Image(
        label="Spectrograms",
        show_label=False,
        type="filepath",
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id="look_picture",
    )
    scores = gr.Markdown(elem_id="look_scores")
    draw.click(
        said_kindly(_look),
        [separate_tab.mixer, scale, range_db, start, end],
        [picture, scores],
        api_visibility="private",
    )
    draw_song.click(
        said_kindly(_song_drawer(services)),
        [separate_tab.song, scale, range_db, start, end],
        picture,
        api_name="spectrogram",
    )


def _look(
    state: MixerState | None, scale: str, range_db: float, start: float, end: float
) -> tuple[str, str]:
    if state is None or not any(lane.audio for lane in state.lanes):
        raise SongError("Separate a song first; its stems are drawn here.")
    panels = {lane.title: _lane_audio(lane) for lane in state.lanes if lane.audio is not None}
    figure = draw_spectrograms(
        panels,
        sample_rate=state.sample_rate,
        scale=scale,
        range_db=range_db,
        start=start,
        end=end or None,
    )
    path = save_figure(figure, new_request_folder() / "spectrograms.png")
    return str(path), sdr_table(state)


def _song_drawer(services: Services) -> Callable[..., str]:
    def spectrogram(song: str, scale: str, range_db: float, start: float, end: float) -> str:
        """Draw the spectrogram of a song, with axes in Hz and seconds.

        Args:
            song: An audio file: WAV, FLAC, MP3, OGG, Opus or AIFF.
            scale: Frequency axis: log, mel or linear.
            range_db: From the brightest to black, 30 to 120 dB.
            start: First second shown.
            end: Last second shown; 0 for the end of the song.
        """
        heard = read_song(song, services.config.limits)
        figure = draw_spectrograms(
            {heard.title: heard.samples},
            sample_rate=heard.sample_rate,
            scale=scale,
            range_db=range_db,
            start=start,
            end=end or None,
        )
        return str(save_figure(figure, new_request_folder() / "spectrogram.png"))

    return spectrogram


def sdr_table(state: MixerState) -> str:
    """Return a Markdown table of SDR for an example with known sources, else an empty text."""
    example = find_example(state.song_digest)
    if example is None or not example.stems:
        return ""
    truth = example.true_stems()
    rows = [
        (lane.title, mdx_sdr(truth[lane.source], _lane_audio(lane)))
        for lane in state.lanes
        if lane.kind == "stem" and lane.audio is not None and lane.source in truth
    ]
    lines = [f"| {title} | {value:.2f} |" for title, value in rows]
    return "\n".join(
        [
            "The true sources of this example are known, so the estimates can be scored "
            "(SDR by the MDX 2021 protocol, whole song):",
            "",
            "| stem | SDR (dB) |",
            "| --- | ---: |",
            *lines,
        ]
    )


def _lane_audio(lane: MixerLane) -> np.ndarray:
    try:
        return np.concatenate(list(lane_blocks(lane)), axis=-1)
    except FileNotFoundError as error:
        raise SongError("The files were deleted by their age; separate the song again.") from error
