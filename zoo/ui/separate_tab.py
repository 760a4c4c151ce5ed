"""The first screen: a song in, its stems in the mixer."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.helpers import Examples

from zoo.ui.examples import EXAMPLES
from zoo.ui.kind_errors import said_kindly
from zoo.ui.lanes import FORMAT_TITLES
from zoo.ui.mixer_state import MixerState
from zoo.ui.separate import source_title
from zoo.ui.services import Services
from zoo.ui.stem_mixer import StemMixer
from zoo.ui.stopping import keep_what_is_done

__all__ = ["SeparateTab", "build_separate_tab"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparateTab:
    """Components that other tabs read.

    Attributes:
        song: The upload.
        model: The model's name.
        mixer: The result.
    """

    song: gr.Audio
    model: gr.Dropdown
    mixer: StemMixer


def build_separate_tab(services: Services) -> SeparateTab:
    """Lay out the first screen and wire it."""
    shelf, limits = services.shelf, services.config.limits
    sources = shelf.separator(shelf.default).sources
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=300):
            song = gr.Audio(
                label="Your song",
                sources=["upload", "microphone"],
                type="filepath",
                elem_id="song",
                buttons=[],
            )
            chosen = gr.CheckboxGroup(
                choices=[(source_title(source), source) for source in sources],
                value=list(sources),
                label="Stems",
                info="Only these are computed.",
                elem_id="sources",
            )
            with gr.Row():
                start = gr.Button("Separate", variant="primary", size="lg", elem_id="separate")
                stop = gr.Button("Stop", size="lg", elem_id="stop", visible=False)
            with gr.Accordion("Model and file format", open=False):
                model = gr.Dropdown(
                    choices=shelf.names, value=shelf.default, label="Model", elem_id="model"
                )
                file_format = gr.Dropdown(
                    choices=[(title, name) for name, title in FORMAT_TITLES.items()],
                    value="flac",
                    label="Files to download",
                    elem_id="format",
                )
            examples = gr.Examples(
                examples=[[str(example.path)] for example in EXAMPLES],
                example_labels=[example.label for example in EXAMPLES],
                inputs=[song],
                cache_examples=False,
                label="No song at hand? Click one of ours",
                api_visibility="private",
            )
            gr.Markdown(
                f"Up to {limits.max_seconds / 60:g} minutes and {limits.max_megabytes:g} MB. Files "
                f"are deleted after {limits.cache_hours:g} hours; nobody else can see them.",
                elem_classes="fine",
            )
        with gr.Column(scale=3, min_width=320):
            mixer = StemMixer(elem_id="mixer")
            gr.DeepLinkButton("Copy a link to this result", size="sm", elem_id="share")
    _wire(services, (song, model, chosen, file_format), mixer, start, stop, examples)
    return SeparateTab(song=song, model=model, mixer=mixer)


def _wire(
    services: Services,
    inputs: tuple[gr.Audio, gr.Dropdown, gr.CheckboxGroup, gr.Dropdown],
    mixer: StemMixer,
    start: gr.Button,
    stop: gr.Button,
    examples: Examples,
) -> None:
    @said_kindly
    def separate(
        song: str, model: str, sources: list[str], file_format: str
    ) -> Iterator[MixerState]:
        """Separate a song into its sources.

        Streams the state of the result. While the work goes on the lanes have `pieces`, which can
        be heard at once. In the last state every lane has `audio` (FLAC, to be multiplied by
        `gain`) and `download` in the format asked for, and `archive` is a zip of the downloads.
        With some but not all sources there is also the lane `rest`: the song without them.

        Args:
            song: An audio file: WAV, FLAC, MP3, OGG, Opus or AIFF.
            model: Name of the model, one that `/models` lists as offered here.
            sources: The sources wanted, of vocals, drums, bass and other.
            file_format: flac, wav24, wav (32-bit float), mp3, m4a, ogg, opus, alac, or one file for
                the whole song: stem (Native Instruments Stem) or mka.
        """
        yield from services.separate(song, model, sources, file_format)

    def running(*, is_running: bool) -> tuple[dict, dict]:
        return gr.update(visible=not is_running), gr.update(visible=is_running)

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    buttons = [start, stop]
    events = []
    for index, trigger in enumerate((start.click, examples.load_input_event.then)):
        begun = trigger(lambda: running(is_running=True), None, buttons, queue=False, **private)
        main: dict[str, Any] = {"api_visibility": "private"}
        if index == 0:
            main = {"api_name": "separate"}
        event = begun.then(
            separate,
            list(inputs),
            mixer,
            show_progress="hidden",
            trigger_mode="once",
            **main,
            **services.device_queue,
        )
        for ended in (event.then, event.failure):
            ended(lambda: running(is_running=False), None, buttons, queue=False, **private)
        events.append(event)
    # First cancel, then clear up: a state that was still on its way must not come last.
    cancelled = stop.click(None, None, None, cancels=events, queue=False, **private)
    cancelled.then(_stopped, mixer, mixer, queue=False, **private).then(
        lambda: running(is_running=False), None, buttons, queue=False, **private
    )


def _stopped(state: MixerState | None) -> MixerState | None:
    return state if state is None or state.progress is None else keep_what_is_done(state)
