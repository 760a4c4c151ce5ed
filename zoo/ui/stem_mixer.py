"""The synchronised stem mixer: a custom component on ``gr.HTML``.

The template is static and every text reaches the page through ``textContent``, so that neither a
file name nor a spec's title can carry markup or script. gradio writes a type stub beside this
module at import; the state lives in its own module so that the stub holds nothing else.
"""

from typing import Any

import gradio as gr

from zoo.ui.mixer_files import mixer_markup, mixer_script, mixer_style, mixer_texts
from zoo.ui.mixer_state import MixerState

__all__ = ["StemMixer"]


class StemMixer(gr.HTML):
    """Plays, shows and mixes the stems of one song in the browser.

    Args:
        value: State to show at first.
        place: What the empty mixer says: ``mixer.PLACE_invitation`` and ``mixer.PLACE_advice``.
        **kwargs: Passed on to ``gr.HTML``.
    """

    data_model = MixerState

    def __init__(
        self,
        value: MixerState | None = None,
        *,
        place: str = "song",
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("html_template", mixer_markup(place))
        kwargs.setdefault("css_template", mixer_style())
        kwargs.setdefault("js_on_load", mixer_texts() + mixer_script())
        super().__init__(value, apply_default_css=False, **kwargs)

    def preprocess(self, payload: Any) -> Any:
        """Pass the state on to the handler."""
        return payload

    def postprocess(self, value: Any) -> Any:
        """Pass the handler's state on to the page."""
        return value

    def api_info(self) -> dict[str, Any]:
        """Describe the state to the API."""
        return MixerState.model_json_schema(mode="serialization")

    def example_payload(self) -> Any:
        """Return what the API page shows as an example."""
        return None

    def example_value(self) -> Any:
        """Return what the API page shows as an example."""
        return None
