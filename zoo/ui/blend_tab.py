"""The Blend tab: a soft condition makes a mix of sources in one decoder pass."""

import inspect
from collections.abc import Callable

import gradio as gr

from zoo.ui.blending import make_blender
from zoo.ui.clips import clip_for_network
from zoo.ui.kind_errors import said_kindly
from zoo.ui.lanes import ORIGINAL, LaneWriter
from zoo.ui.mixer_state import MixerLane, MixerState
from zoo.ui.request_folder import new_request_folder
from zoo.ui.separate import source_title
from zoo.ui.separate_tab import SeparateTab
from zoo.ui.services import Services
from zoo.ui.songs import SongError, read_song
from zoo.ui.stem_mixer import StemMixer

__all__ = ["build_blend_tab"]

FIRST_BLEND = {"vocals": 0.7, "other": 0.3}


def build_blend_tab(services: Services, separate_tab: SeparateTab) -> None:
    """Lay out the tab and wire it; it takes the song of the Separate tab."""
    shelf, limits = services.shelf, services.config.limits
    sources = shelf.separator(shelf.default).sources
    with gr.Row(equal_height=False):
        with gr.Column(scale=1, min_width=300):
            gr.Markdown(
                "**Experimental.** The network is told which source to make by a condition. Here "
                "the condition is a mixture of sources, and *one* pass of the decoder makes the "
                "blend. The exact blend is the weighted sum of the separated stems; compare them.",
                elem_classes="fine",
            )
            sliders = [
                gr.Slider(
                    0,
                    1,
                    value=FIRST_BLEND.get(source, 0.0),
                    step=0.05,
                    label=source_title(source),
                    elem_id=f"blend_{source}",
                )
                for source in sources
            ]
            start = gr.Number(
                0,
                label="Clip from (seconds)",
                minimum=0,
                info=f"The clip is {limits.blend_seconds:g} seconds long.",
            )
            run = gr.Button("Blend", variant="primary", elem_id="blend")
        with gr.Column(scale=3, min_width=320):
            mixer = StemMixer(elem_id="blend_mixer")
    inputs = [separate_tab.song, separate_tab.model, start, *sliders]
    handler = said_kindly(_blend_handler(services, sources))
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
        if spec.condition is None or spec.sources != sources:
            raise SongError(f"{model} cannot blend: it has no condition over {', '.join(sources)}.")
        if not any(weights):
            raise SongError("Turn up at least one source.")
        limits = services.config.limits
        clip = clip_for_network(
            read_song(song, limits), spec, start=start, seconds=limits.blend_seconds
        )
        made = blender(model, clip.samples, clip.digest, weights)
        folder = new_request_folder()
        wish = " + ".join(
            f"{weight:.0%} {source}"
            for source, weight in zip(sources, weights, strict=True)
            if weight
        )
        lanes = [
            MixerLane(name=ORIGINAL, kind=ORIGINAL, title="Original", on=False),
            MixerLane(name="blend", kind="blend", title="Network"),
            MixerLane(name="exact", kind="exact", title="Exact sum", on=False),
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
            summary=wish,
            facts=f"{model}, one decoder pass over {clip.seconds:.0f} s",
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
