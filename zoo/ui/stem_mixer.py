"""The synchronised stem mixer: a custom component on ``gr.HTML``.

The template is static and every text reaches the page through ``textContent``, so that neither a
file name nor a spec's title can carry markup or script. gradio writes a type stub beside this
module at import; the state lives in its own module so that the stub holds nothing else.
"""

from pathlib import Path
from typing import Any

import gradio as gr

from zoo.ui.lane_picture import SOURCE_COLORS
from zoo.ui.mixer_state import MixerState

__all__ = ["StemMixer"]

ASSETS = Path(__file__).with_name("mixer_assets")
SCRIPTS = (
    "track.js",
    "sound.js",
    "playback.js",
    "wave_file.js",
    "timeline.js",
    "lane.js",
    "minus_lane.js",
    "presets.js",
    "keyboard.js",
    "status.js",
    "mixer.js",
)


class StemMixer(gr.HTML):
    """Plays, shows and mixes the stems of one song in the browser.

    Args:
        value: State to show at first.
        **kwargs: Passed on to ``gr.HTML``.
    """

    data_model = MixerState

    def __init__(self, value: MixerState | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("html_template", _asset("mixer.html"))
        kwargs.setdefault("css_template", _asset("mixer.css") + _hues())
        kwargs.setdefault("js_on_load", "\n".join(_asset(name) for name in SCRIPTS))
        super().__init__(value, apply_default_css=False, **kwargs)

    def preprocess(self, payload: Any) -> Any:
        """Pass the state on to the handler."""
        return payload

    def postprocess(self, value: Any) -> Any:
        """Pass the handler's state on to the page."""
        return value

    def api_info(self) -> dict[str, Any]:
        """Describe the state to the API."""
        return MixerState.model_json_schema()

    def example_payload(self) -> Any:
        """Return what the API page shows as an example."""
        return None

    def example_value(self) -> Any:
        """Return what the API page shows as an example."""
        return None


def _hues() -> str:
    """Return style rules: the colours of the pictures; that of a kind comes before a source's."""
    rules = [
        f'.mixer [data-{attribute}="{name}"] {{ --hue: {color}; }}'
        for attribute in ("source", "kind")
        for name, color in SOURCE_COLORS.items()
    ]
    return "\n".join(rules)


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
