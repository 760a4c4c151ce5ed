"""The Blend tab: a soft condition makes a mix of sources in one decoder pass."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from zoo.specs.registry import SPECS
from zoo.ui.arguments import check_choice, check_number
from zoo.ui.blending import make_blender
from zoo.ui.clips import clip_for_network
from zoo.ui.example_finder import EXAMPLE_SECONDS, make_example_finder
from zoo.ui.kind_errors import said_kindly
from zoo.ui.lanes import ORIGINAL, LaneWriter
from zoo.ui.mixer_state import MixerLane, MixerState, message
from zoo.ui.model_words import model_title
from zoo.ui.page_texts import page_text, source_text, visitor_language
from zoo.ui.separate_tab import SeparateTab
from zoo.ui.services import Services
from zoo.ui.songs import SongError, check_song
from zoo.ui.source_choice import blended_sources, first_blend
from zoo.ui.stem_mixer import StemMixer
from zoo.ui.texts import source_title, wording

__all__ = ["build_blend_tab"]


def build_blend_tab(services: Services, separate_tab: SeparateTab) -> None:
    """Lay out the tab and wire it; it takes the song of the Separate tab."""
    shelf = services.shelf
    sources, blend = blended_sources(shelf), first_blend(shelf.default)
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=300):
            gr.Markdown(page_text("blend_hint"), elem_classes="fine")
            sliders = [
                gr.Slider(
                    0,
                    1,
                    value=blend.get(source, 0.0),
                    step=0.01,
                    label=source_text(source),
                    elem_id=f"blend_{source}",
                    visible=source in SPECS[shelf.default].sources,
                )
                for source in sources
            ]
            start = gr.Number(
                0,
                label=page_text("clip_from"),
                minimum=0,
                info=page_text("blend_clip"),
            )
            run = gr.Button(page_text("blend"), variant="primary", elem_id="blend")
            with gr.Accordion(page_text("by_example"), open=False, elem_id="by_example"):
                gr.Markdown(page_text("by_example_hint"), elem_classes="fine")
                example = gr.Audio(
                    label=page_text("example_sound"),
                    sources=["upload", "microphone"],
                    type="filepath",
                    elem_id="example_sound",
                    buttons=[],
                )
                find = gr.Button(page_text("find"), elem_id="find")
                found = gr.Markdown(elem_id="found")
        with gr.Column(scale=3, min_width=320):
            mixer = StemMixer(elem_id="blend_mixer", place="blend")
    inputs = [separate_tab.song, separate_tab.model, start, *sliders]
    handler = said_kindly(services.visitors.attended(_blend_handler(services, sources)))
    run.click(handler, inputs, mixer, api_name="blend", **services.device_queue)
    gr.on(
        [slider.release for slider in sliders],
        handler,
        inputs,
        mixer,
        api_visibility="private",
        trigger_mode="always_last",
        show_progress="minimal",
        **services.device_queue,
    )
    find.click(
        said_kindly(services.visitors.attended(_find_handler(services, sources))),
        [example, separate_tab.model],
        [found, *sliders],
        api_name="find_by_example",
        **services.device_queue,
    ).success(
        said_kindly(services.visitors.attended(_where_there_is_a_song(handler))),
        inputs,
        mixer,
        api_visibility="private",
        show_progress="minimal",
        **services.device_queue,
    )
    separate_tab.model.change(
        said_kindly(_follow_model(services, sources)),
        [separate_tab.model, *sliders],
        sliders,
        api_visibility="private",
        show_progress="hidden",
    )


def _follow_model(services: Services, sources: Sequence[str]) -> Callable[..., Any]:
    def follow(model: str, *weights: float) -> Any:
        """Show the sliders of the model's sources; the others do not count."""
        own = SPECS[check_choice(model, services.shelf.names, what="The model")].sources
        kept = {s: w for s, w in zip(sources, weights, strict=True) if s in own and w}
        values = kept or first_blend(model)
        updates = [gr.update(visible=s in own, value=values.get(s, 0.0)) for s in sources]
        return updates[0] if len(updates) == 1 else updates

    return follow


def _find_handler(services: Services, sources: Sequence[str]) -> Callable[..., list[Any]]:
    finder = make_example_finder(services.config, services.shelf)

    def find_by_example(example: str, model: str, request: gr.Request) -> list[Any]:
        """Find the blend of a model's sources that comes nearest to an example.

        Returns a sentence with the SDR of the blend and of the best single source, and then how
        much of each source, in the order in which `/blend` takes them.

        Args:
            example: A file with a second or more of the sound alone; ten seconds are used.
            model: Name of the model, one that `/models` lists as offered here.
            request: The visitor's, for the language; no argument of the API.
        """
        spec = services.shelf.separator(model).spec
        if spec.condition is None:
            raise SongError(f"{model} cannot blend: it has no condition.")
        heard = check_song(example, services.config.limits)
        clip = clip_for_network(heard, spec, start=0.0, seconds=EXAMPLE_SECONDS)
        condition = finder(model, clip.samples)
        assert condition.weights is not None
        assert condition.sdr is not None
        told = wording("note.found_blend", visitor_language(request), **condition.sdr)
        return [told, *(round(condition.weights.get(source, 0.0), 2) for source in sources)]

    return find_by_example


def _where_there_is_a_song(blend: Callable[..., Any]) -> Callable[..., Any]:
    def blend_if(song: str | None, *rest: Any) -> Any:
        return gr.skip() if song is None else blend(song, *rest)

    return blend_if


def _blend_handler(services: Services, sources: tuple[str, ...]) -> Callable[..., MixerState]:
    blender = make_blender(services.config, services.shelf)

    def blend(song: str, model: str, start: float, *weights: float) -> MixerState:
        """Blend sources of a clip by a soft condition, next to the exact blend.

        The result has the lanes `original`, `blend` (the network's, one decoder pass) and `exact`
        (the weighted sum of the separated stems), each with `audio` as FLAC.

        Args:
            song: An audio file: WAV, FLAC, MP3, OGG, Opus or AIFF.
            model: Name of the model, one that `/models` lists as offered here.
            start: Where the clip begins, in seconds.
            weights: How much of each source, 0 to 1.
        """
        spec = services.shelf.separator(model).spec
        if spec.condition is None:
            raise SongError(f"{model} cannot blend: it has no condition.")
        wanted = {
            source: check_number(weight, what=source_title(source), high=1.0)
            for source, weight in zip(sources, weights, strict=True)
        }
        for source, weight in wanted.items():
            if weight and source not in spec.sources:
                raise SongError(f"{model} has no {source}; it has {', '.join(spec.sources)}.")
        shares = [wanted[source] for source in spec.sources]
        if not any(shares):
            raise SongError("Turn up at least one source.")
        limits = services.config.limits
        first = check_number(start, what="Clip from", high=limits.max_seconds)
        heard = check_song(song, limits)
        clip = clip_for_network(heard, spec, start=first, seconds=limits.blend_seconds)
        made = blender(model, clip.samples, clip.digest, shares)
        folder = services.folders.new()
        wish = [
            message("about.share", percent=round(100 * weight), sources=[source])
            for source, weight in zip(spec.sources, shares, strict=True)
            if weight
        ]
        lanes = [
            MixerLane(name=ORIGINAL, kind=ORIGINAL, title=wording("lane.original"), on=False),
            MixerLane(name="blend", kind="blend", title=wording("lane.blend")),
            MixerLane(name="exact", kind="exact", title=wording("lane.exact"), on=False),
        ]
        with LaneWriter(
            folder,
            lanes,
            sample_rate=clip.sample_rate,
            num_channels=clip.samples.shape[0],
            num_samples=clip.samples.shape[1],
        ) as writer:
            sounds = {ORIGINAL: clip.samples, "blend": made.network, "exact": made.exact}
            writer.write(sounds, mixture=clip.samples)
            writer.commit()
        return MixerState(
            id=clip.digest,
            title=clip.title,
            about=wish,
            notes=[message("note.one_pass", model=model_title(model), seconds=round(clip.seconds))],
            seconds=clip.seconds,
            sample_rate=clip.sample_rate,
            lanes=writer.lanes,
        )

    _name_the_weights(blend, sources)
    return blend


def _name_the_weights(handler: Callable[..., MixerState], sources: tuple[str, ...]) -> None:
    """Give the API one named parameter a source instead of ``*weights``."""
    plain = list(inspect.signature(handler).parameters.values())[:-1]
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    named = [inspect.Parameter(source, kind, annotation=float) for source in sources]
    handler.__signature__ = inspect.Signature(  # pyright: ignore[reportFunctionMemberAccess]
        [*plain, *named], return_annotation=MixerState
    )
    lines = [f"{source}: How much of the {source}, 0 to 1." for source in sources]
    text = "\n            ".join(lines)
    handler.__doc__ = (handler.__doc__ or "").replace(
        "weights: How much of each source, 0 to 1.", text
    )
