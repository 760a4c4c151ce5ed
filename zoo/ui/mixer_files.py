"""The stem mixer's markup, style and script: one source for the app and for the static page.

The parts of the script are written for a function around them, which gives them ``element``,
``trigger``, ``props`` and ``watch``; gradio makes such a function, and so does the static page.
"""

from pathlib import Path

from zoo.ui.source_colors import KIND_COLORS, SOURCE_COLORS
from zoo.ui.texts import texts_script

__all__ = [
    "MODULES",
    "VENDOR_LICENCES",
    "mixer_markup",
    "mixer_script",
    "mixer_style",
    "mixer_texts",
]

ASSETS = Path(__file__).with_name("mixer_assets")
MODULES = (
    ASSETS / "vendor" / "signalsmith_stretch.mjs",
    ASSETS / "worklets" / "loudness_meter.mjs",
)
"""What the script fetches from ``mixer/`` when it is needed."""
VENDOR_LICENCES = ASSETS / "vendor" / "licences.txt"
TEXT_GROUPS = (
    "number",
    "source",
    "source_inline",
    "lane",
    "about",
    "note",
    "stage",
    "mixer",
    "preset",
    "keys",
    "sections",
    "beats",
)
SCRIPTS = (
    "track.js",
    "sound.js",
    "mix_graph.js",
    "loudness.js",
    "comparison.js",
    "tempo.js",
    "playback.js",
    "wave_file.js",
    "timeline.js",
    "pan_control.js",
    "lane_order.js",
    "beat_grid.js",
    "clicks.js",
    "beat_controls.js",
    "activity.js",
    "lane.js",
    "minus_lane.js",
    "presets.js",
    "keyboard.js",
    "status.js",
    "mixer.js",
)


def mixer_markup(place: str = "song") -> str:
    """Return the mixer's HTML, which is static: every text gets into it by ``textContent``.

    Args:
        place: Names what the empty mixer says, ``song`` or ``blend``.
    """
    return _asset("mixer.html").replace("mixer.song_", f"mixer.{place}_")


def mixer_style() -> str:
    """Return the style sheet; the colours of stems come with their lanes."""
    colors = {"kind": KIND_COLORS, "drawn": SOURCE_COLORS}
    hues = [
        f'.mixer [data-{attribute}="{name}"] {{ --hue: {color}; }}'
        for attribute, named in colors.items()
        for name, color in named.items()
    ]
    return _asset("mixer.css") + "\n".join(hues)


def mixer_texts(*groups: str) -> str:
    """Return the script that defines the texts and how they are looked up.

    Args:
        groups: Of texts, beyond those of the mixer.
    """
    return texts_script((*TEXT_GROUPS, *groups)) + _asset("wording.js")


def mixer_script() -> str:
    """Return the body of the function that makes the mixer; it needs :func:`mixer_texts`."""
    return "\n".join(_asset(name) for name in SCRIPTS)


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
