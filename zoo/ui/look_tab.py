"""The Look tab: spectrograms with axes, and the SDR where the true sources are known."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from zoo.audio import open_audio
from zoo.audio.spectrogram_figure import SCALES, SignalBlocks, draw_spectrograms, save_figure
from zoo.publishing.space_config import Limits
from zoo.ui.arguments import check_choice, check_number
from zoo.ui.example_scores import score_lanes
from zoo.ui.kind_errors import said_kindly
from zoo.ui.lanes import lane_blocks
from zoo.ui.mixer_state import MixerLane, MixerState
from zoo.ui.page_texts import page_text, visitor_language
from zoo.ui.result_links import RESULT_ID_SCRIPT
from zoo.ui.separate_tab import SeparateTab
from zoo.ui.services import Services
from zoo.ui.songs import SongError, check_song
from zoo.ui.texts import ENGLISH, source_title, wording

__all__ = ["build_look_tab", "sdr_table"]


def build_look_tab(services: Services, separate_tab: SeparateTab, tab: gr.Tab) -> None:
    """Lay out the tab and wire it; it shows what the Separate tab made."""
    gr.Markdown(page_text("look_hint"), elem_classes="fine")
    with gr.Row():
        scale = gr.Dropdown(
            [(page_text(f"scale_{name}"), name) for name in SCALES],
            value="log",
            label=page_text("scale"),
        )
        range_db = gr.Slider(30, 120, value=80, step=5, label=page_text("range"))
        start = gr.Number(0, label=page_text("from"), minimum=0, precision=2)
        end = gr.Number(0, label=page_text("to"), minimum=0, precision=2)
        with gr.Column(min_width=140):
            draw = gr.Button(page_text("draw"), variant="primary", elem_id="draw")
            draw_song = gr.Button(page_text("draw_song"), elem_id="draw_song")
    picture = gr.Image(
        label=page_text("spectrograms"),
        show_label=False,
        type="filepath",
        format="png",
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id="look_picture",
    )
    scores = gr.Markdown(elem_id="look_scores")
    look = _look_handler(services)
    wiring: dict[str, Any] = {
        "inputs": [separate_tab.result_id, scale, range_db, start, end],
        "outputs": [picture, scores],
        "js": f"(id, ...rest) => [{RESULT_ID_SCRIPT}, ...rest]",
        "api_visibility": "private",
        **services.drawing_queue,
    }
    draw.click(said_kindly(services.visitors.attended(look)), **wiring)
    # Whoever opens the tab or turns a knob sees the stems; where there are none, nothing happens.
    gr.on(
        [tab.select, scale.input, range_db.release, start.submit, end.submit],
        said_kindly(services.visitors.attended(_where_there_is_a_result(look))),
        trigger_mode="always_last",
        show_progress="minimal",
        **wiring,
    )
    draw_song.click(
        said_kindly(services.visitors.attended(_song_drawer(services))),
        [separate_tab.song, scale, range_db, start, end],
        picture,
        api_name="spectrogram",
        **services.drawing_queue,
    )


def _look_handler(services: Services) -> Callable[..., tuple[str, str]]:
    def look(
        result_id: str, scale: str, range_db: float, start: float, end: float, request: gr.Request
    ) -> tuple[str, str]:
        if not result_id:
            raise SongError("Separate a song first; its stems are drawn here.")
        state = services.results.get(result_id)
        panels = {lane.title: _lane_signal(lane) for lane in state.lanes if lane.audio is not None}
        figure = draw_spectrograms(
            panels,
            sample_rate=state.sample_rate,
            **_checked(services.config.limits, scale, range_db, start, end),
        )
        path = save_figure(figure, services.folders.new() / "spectrograms.png")
        return str(path), sdr_table(state, visitor_language(request))

    return look


def _where_there_is_a_result(look: Callable[..., tuple[str, str]]) -> Callable[..., Any]:
    def look_if(
        result_id: str, scale: str, range_db: float, start: float, end: float, request: gr.Request
    ) -> Any:
        if not result_id:
            return gr.skip(), gr.skip()
        return look(result_id, scale, range_db, start, end, request)

    return look_if


def _song_drawer(services: Services) -> Callable[..., str]:
    limits = services.config.limits

    def spectrogram(song: str, scale: str, range_db: float, start: float, end: float) -> str:
        """Draw the spectrogram of a song, with axes in Hz and seconds.

        Args:
            song: An audio file: WAV, FLAC, MP3, OGG, Opus or AIFF.
            scale: Frequency axis: log, mel or linear.
            range_db: From the brightest to black, 30 to 120 dB.
            start: First second shown.
            end: Last second shown; 0 for the end of the song.
        """
        axes = _checked(limits, scale, range_db, start, end)
        heard = check_song(song, limits)
        with open_audio(heard.path) as reader:
            signal = SignalBlocks(
                blocks=reader.blocks(),
                num_channels=heard.num_channels,
                num_samples=heard.num_samples,
            )
            figure = draw_spectrograms({heard.title: signal}, sample_rate=heard.sample_rate, **axes)
        return str(save_figure(figure, services.folders.new() / "spectrogram.png"))

    return spectrogram


def _checked(
    limits: Limits, scale: object, range_db: object, start: object, end: object
) -> dict[str, Any]:
    """Return the arguments of the drawing that both handlers take."""
    last = check_number(end, what="To", high=limits.max_seconds)
    return {
        "scale": check_choice(scale, SCALES, what="Frequency axis"),
        "range_db": check_number(range_db, what="Range", low=30, high=120),
        "start": check_number(start, what="From", high=limits.max_seconds),
        "end": last or None,
    }


def sdr_table(state: MixerState, language: str = ENGLISH) -> str:
    """Return a Markdown table of SDR for an example with known sources, else an empty text."""
    scores = score_lanes(state.song_digest, state.lanes)
    if not scores:
        return ""
    lines = [
        f"| {source_title(source, language)} | {value:.2f} |" for source, value in scores.items()
    ]
    return "\n".join(
        [
            wording("page.scores", language),
            "",
            f"| {wording('page.scores_stem', language)} | SDR (dB) |",
            "| --- | ---: |",
            *lines,
        ]
    )


def _lane_signal(lane: MixerLane) -> SignalBlocks:
    assert lane.audio is not None
    with open_audio(lane.audio.path) as reader:
        info = reader.info
    assert info.num_samples is not None, "we wrote the file, and its header has its length"
    return SignalBlocks(
        blocks=lane_blocks(lane), num_channels=info.num_channels, num_samples=info.num_samples
    )
