"""The card of a static Space: README.md of a page that separates in the visitor's browser."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from zoo.graphs.record import ExportRecord
from zoo.publishing.cards import HUB_LICENCES
from zoo.publishing.space_config import SpaceMetadata
from zoo.publishing.space_files import SpaceFiles

__all__ = ["read_site", "static_readme"]

TITLE = "LightSAFT zoo in your browser"
EMOJI, COLOR_FROM, COLOR_TO = "🎚️", "indigo", "yellow"
SHORT_DESCRIPTION = "Stems of your song, made in your own browser"
TAGS = ("music", "audio", "source-separation", "karaoke", "stems", "lightsaft", "webgpu")
# The Hub sends these with every file, so that WebAssembly may use threads.
CUSTOM_HEADERS = {
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "cross-origin",
}
TEXT = """
# {title}

Separates a song into its stems ({sources}) in the visitor's own browser. Nothing is uploaded: the
page computes with ONNX Runtime Web, on the graphics card (WebGPU) or the processor (WebAssembly),
and works without a network after the first visit.

The network is {network} with the weights "{weights}". {training}

## Licence and credits

{licence}

{credits}

`licences.txt` names the programs in the page and their licences.
"""


def static_readme(
    record: ExportRecord, *, song_credits: Sequence[str] = (), space: SpaceMetadata | None = None
) -> str:
    """Return README.md with the front matter of a static Space.

    Args:
        record: Of the network in the page.
        song_credits: Lines to pass on with the example songs.
        space: Emoji, colours and models of the checkout's own Space, where there is one.
    """
    licence = record.licence or "not stated"
    front: dict[str, Any] = {
        "title": TITLE,
        "emoji": space.emoji if space else EMOJI,
        "colorFrom": space.color_from if space else COLOR_FROM,
        "colorTo": space.color_to if space else COLOR_TO,
        "sdk": "static",
        "pinned": False,
        "short_description": SHORT_DESCRIPTION,
        **_licence_keys(record.licence),
        "tags": list(TAGS),
        "models": list(space.models) if space else [],
        "custom_headers": CUSTOM_HEADERS,
    }
    front = {key: value for key, value in front.items() if value != []}
    training = f"They were trained on this: {record.training_data}" if record.training_data else ""
    text = TEXT.format(
        title=TITLE,
        sources=", ".join(record.sources),
        network=record.title or record.name,
        weights=record.weights,
        training=training,
        licence=f"Weights under {licence}.",
        credits="\n".join(f"- {line}" for line in (*record.credits, *song_credits)),
    )
    return f"---\n{yaml.safe_dump(front, sort_keys=False, allow_unicode=True)}---\n{text}"


def _licence_keys(licence: str | None) -> dict[str, str]:
    if licence is None:
        return {}
    if licence.lower() in HUB_LICENCES:
        return {"license": licence.lower()}
    return {"license": "other", "license_name": licence}


def read_site(folder: Path) -> SpaceFiles:
    """Read a built site as what a push sends."""
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    return SpaceFiles(content=files, left_out={})
