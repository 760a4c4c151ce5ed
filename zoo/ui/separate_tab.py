"""The first screen: a song in, its stems in the mixer."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.helpers import Examples

from zoo.publishing.space_config import Limits
from zoo.specs.registry import SPECS
from zoo.ui.arguments import check_choice
from zoo.ui.examples import EXAMPLES
from zoo.ui.kind_errors import said_kindly
from zoo.ui.lanes import FORMAT_TITLES
from zoo.ui.mixer_state import MixerState
from zoo.ui.model_words import model_choices, model_line
from zoo.ui.page_texts import limit_numbers, page_text, visitor_language
from zoo.ui.result_links import RESULT_ID_SCRIPT, ResultLink, build_result_link
from zoo.ui.services import Services
from zoo.ui.source_choice import SourceChoice
from zoo.ui.stem_mixer import StemMixer
from zoo.ui.texts import load_texts, wording

__all__ = ["SeparateTab", "build_separate_tab"]

UPLOAD_SCRIPT = """() => {
    const check = (event) => {
        const files = event.dataTransfer ? event.dataTransfer.files : event.target.files;
        const song = event.target.closest && event.target.closest("#song");
        if (song && [...(files || [])].some((file) => file.size > MOST_BYTES)) {
            event.preventDefault();
            event.stopImmediatePropagation();
            const said = TOO_LARGE;
            window.alert(said[document.documentElement.lang] || said.en);
        }
    };
    document.addEventListener("change", check, true);
    document.addEventListener("drop", check, true);
}"""
SWITCHED = ("start", "stop", "place", "link", "notice")


@dataclass(frozen=True, kw_only=True, slots=True)
class SeparateTab:
    """Components that other tabs read.

    Attributes:
        song: The upload.
        model: The model's name.
        result_id: Stands for the id of the result in the mixer, which
            :data:`~zoo.ui.result_links.RESULT_ID_SCRIPT` fills in.
    """

    song: gr.Audio
    model: gr.Dropdown
    result_id: gr.Textbox


@dataclass(frozen=True, kw_only=True, slots=True)
class _Parts:
    """What the wiring needs; ``inputs`` are those of the handler."""

    inputs: tuple[gr.Audio, gr.Dropdown, SourceChoice, gr.Dropdown]
    examples: Examples
    start: gr.Button
    stop: gr.Button
    place: gr.Markdown
    mixer: StemMixer
    result_id: gr.Textbox
    link: ResultLink


def build_separate_tab(services: Services, page: gr.Blocks) -> SeparateTab:
    """Lay out the first screen and wire it."""
    shelf, limits = services.shelf, services.config.limits
    sources = shelf.separator(shelf.default).sources
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=300):
            song = gr.Audio(
                label=page_text("song"),
                sources=["upload", "microphone"],
                type="filepath",
                elem_id="song",
                buttons=[],
            )
            chosen = SourceChoice.of_sources(
                sources, info=page_text("stems_hint"), elem_id="sources"
            )
            with gr.Row():
                start = gr.Button(
                    page_text("separate"), variant="primary", size="lg", elem_id="separate"
                )
                stop = gr.Button(page_text("stop"), size="lg", elem_id="stop", visible=False)
            place = gr.Markdown(elem_id="place", visible=False)
            with gr.Accordion(page_text("settings"), open=False):
                model = gr.Dropdown(
                    choices=model_choices(shelf),
                    value=shelf.default,
                    label=page_text("model"),
                    info=model_line(shelf, shelf.default),
                    elem_id="model",
                )
                file_format = gr.Dropdown(
                    choices=[(title, name) for name, title in FORMAT_TITLES.items()],
                    value="flac",
                    label=page_text("format"),
                    elem_id="format",
                )
            examples = gr.Examples(
                examples=[[str(example.path)] for example in EXAMPLES],
                example_labels=[wording(example.label) for example in EXAMPLES],
                inputs=[song],
                cache_examples=False,
                label=page_text("examples"),
                api_visibility="private",
            )
            gr.Markdown(page_text("limits"), elem_classes="fine")
        with gr.Column(scale=3, min_width=320):
            mixer = StemMixer(elem_id="mixer")
            link = build_result_link(services, page, mixer)

    def describe(name: str, shown: Sequence[str], request: gr.Request) -> tuple[Any, Any, Any]:
        known = check_choice(name, shelf.names, what="The model")
        language = visitor_language(request)
        line = gr.update(info=model_line(shelf, known, language))
        own = SPECS[known].sources
        if tuple(shown) == own:  # then what is chosen stays
            return line, gr.skip(), shown
        return line, SourceChoice.of_model(known, language), own

    def label_examples(request: gr.Request) -> gr.Dataset:
        language = visitor_language(request)
        return gr.Dataset(sample_labels=[wording(one.label, language) for one in EXAMPLES])

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    shown = gr.State(sources)
    gr.on(
        [model.change, page.load],
        said_kindly(describe),
        [model, shown],
        [model, chosen, shown],
        **private,
    )
    page.load(label_examples, None, examples.dataset, **private)
    page.load(None, None, None, js=_watch_uploads(limits), api_visibility="private")
    result_id = gr.Textbox(visible=False)
    parts = _Parts(
        inputs=(song, model, chosen, file_format),
        examples=examples,
        start=start,
        stop=stop,
        place=place,
        mixer=mixer,
        result_id=result_id,
        link=link,
    )
    _wire(services, parts)
    return SeparateTab(song=song, model=model, result_id=result_id)


def _watch_uploads(limits: Limits) -> str:
    """Return a script that refuses too large a file before a byte of it is sent."""
    most = round(limits.max_megabytes * 1e6)
    said = {
        language: wording("page.too_large", language, **limit_numbers(limits))
        for language in load_texts()
    }
    script = UPLOAD_SCRIPT.replace("MOST_BYTES", str(most))
    return script.replace("TOO_LARGE", json.dumps(said, ensure_ascii=False))


def _wire(services: Services, parts: _Parts) -> None:
    @said_kindly
    @services.visitors.attended
    def separate(
        song: str, model: str, sources: list[str], file_format: str
    ) -> Iterator[MixerState]:
        """Separate a song into its sources.

        Streams the state of the result. While the work goes on the lanes have `pieces`, which can
        be heard at once. In the last state every lane has `audio` (FLAC, to be multiplied by
        `gain`) and `download` in the format asked for. `archive` is the address, under this page's
        own, of a zip of the downloads; where one file holds the whole song it is `song_file`.
        `analysis` is the address of the tempo, the beats and the key as JSON.
        With some but not all sources there is also the lane `rest`: the song without them.

        Args:
            song: An audio file: WAV, FLAC, MP3, OGG, Opus or AIFF.
            model: Name of the model, one that `/models` lists as offered here.
            sources: The sources wanted, of those that `/models` lists for the model, each once.
            file_format: flac, wav24, wav (32-bit float), mp3, m4a, ogg, opus, alac, or one file for
                the whole song: stem (Native Instruments Stem) or mka.
        """
        yield from services.separate(song, model, sources, file_format)

    buttons = [parts.start, parts.stop, parts.place, *parts.link]  # as in SWITCHED

    def show(*names: str) -> list[dict[str, Any]]:
        return [gr.update(visible=name in names) for name in SWITCHED]

    def show_running() -> list[dict[str, Any]]:
        return show("stop", "place")

    def show_idle() -> list[dict[str, Any]]:
        return show("start", "link")

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    events = []
    for index, trigger in enumerate((parts.start.click, parts.examples.load_input_event.then)):
        begun = trigger(show_running, None, buttons, queue=False, **private)
        main: dict[str, Any] = {"api_visibility": "private"}
        if index == 0:
            main = {"api_name": "separate"}
        event = begun.then(
            separate,
            list(parts.inputs),
            parts.mixer,
            show_progress="minimal",  # the place in the queue, before the mixer's own bar
            show_progress_on=parts.place,
            trigger_mode="once",
            **main,
            **services.device_queue,
        )
        for ended in (event.then, event.failure):
            ended(show_idle, None, buttons, queue=False, **private)
        events.append(event)
    # First cancel, then clear up: a state that was still on its way must not come last.
    cancelled = parts.stop.click(None, None, None, cancels=events, queue=False, **private)
    cancelled.then(
        said_kindly(services.stop),
        parts.result_id,
        parts.mixer,
        js=f"() => [{RESULT_ID_SCRIPT}]",
        **private,
        **services.drawing_queue,
    ).then(show_idle, None, buttons, queue=False, **private)
