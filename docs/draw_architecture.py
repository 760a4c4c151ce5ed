"""Draw the layers of the code and the way of a song through them.

    python docs/draw_architecture.py

Writes docs/images/layers.svg, from the levels that tests/test_layering.py enforces, and
docs/images/song.svg. A test fails when a picture and the levels disagree.
"""

import ast
import html
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
ROW, GAP, WIDTH = 40, 8, 760
MARGIN = 16
STYLE = """<style>
text { font: 14px system-ui, sans-serif; fill: #1b1b2f; }
.note { font-size: 12px; fill: #6b6b80; }
rect { fill: #e8eaf6; stroke: #5c6bc0; }
.core rect { fill: #fff3d6; stroke: #e0a100; }
path { stroke: #5c6bc0; fill: none; marker-end: url(#tip); }
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7"
orient="auto"><path d="M0,0 L8,4 L0,8 z" style="fill:#5c6bc0;stroke:none"/></marker></defs>
"""
# On the way of every song.
CORE = {"audio", "separation", "graphs", "networks", "blocks", "weights", "specs"}
STEPS = (
    ("a file", "zoo.audio: decode, block by block; resample to the network's rate"),
    ("chunks", "zoo.separation.chunking, zoo.overlap_add: overlapping pieces of some seconds"),
    ("spectrogram", "blocks.stft: frames and frequency bins; one level for every chunk"),
    ("features", "zoo.networks: the encoder, once for all sources"),
    ("estimates", "zoo.networks: the decoder, once for each source"),
    ("waveforms", "blocks.stft: back; what is left of the mixture is shared out"),
    ("blocks", "zoo.overlap_add: crossfaded; back at the song's rate and channels"),
    ("stems", "zoo.separation.files: written with tags, lengths and a record"),
)


def read_levels() -> list[set[str]]:
    """Read the levels from the test that enforces them, the lowest first."""
    tree = ast.parse((ROOT / "tests" / "test_layering.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LEVELS":
            return ast.literal_eval(node.value)
    raise ValueError("tests/test_layering.py has no LEVELS")


def draw_layers(levels: Sequence[set[str]]) -> str:
    """Draw a row of boxes for each level, the highest on top."""
    parts = []
    for row, units in enumerate(reversed(levels)):
        top = MARGIN + row * (ROW + GAP)
        width = (WIDTH - GAP * (len(units) - 1)) / len(units)
        for column, unit in enumerate(sorted(units)):
            left = MARGIN + column * (width + GAP)
            parts.append(_box(left, top, width, unit, is_core=unit in CORE))
    height = len(levels) * (ROW + GAP)
    arrow = WIDTH + 2 * MARGIN
    parts.append(f'<path d="M{arrow},{MARGIN} V{MARGIN + height - GAP}"/>')
    parts.append(f'<text class="note" x="{arrow + 10}" y="{MARGIN + height / 2:g}">imports</text>')
    return _picture(parts, WIDTH + 2 * MARGIN + 70, height + 2 * MARGIN, "The layers of the code")


def draw_song(steps: Sequence[tuple[str, str]]) -> str:
    """Draw the steps from top to bottom, what comes of each on the left, who makes it beside."""
    parts = []
    box, pitch = 130, ROW + 22
    for number, (name, maker) in enumerate(steps):
        top = MARGIN + number * pitch
        parts.append(_box(MARGIN, top, box, name, is_core=0 < number < len(steps) - 1))
        note = html.escape(maker)
        parts.append(f'<text x="{MARGIN + box + 20}" y="{top + ROW / 2 + 5:g}">{note}</text>')
        if number:
            middle = MARGIN + box / 2
            parts.append(f'<path d="M{middle:g},{top - 22} V{top}"/>')
    return _picture(parts, 780, len(steps) * pitch + MARGIN, "The way of a song through the code")


def _box(left: float, top: float, width: float, name: str, *, is_core: bool) -> str:
    middle, kind = left + width / 2, "core" if is_core else "unit"
    return (
        f'<g class="{kind}">'
        f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW}" rx="6"/>'
        f'<text x="{middle:.1f}" y="{top + 25}" text-anchor="middle">{html.escape(name)}</text></g>'
    )


def _picture(parts: Sequence[str], width: float, height: float, title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img">\n<title>{title}</title>\n{STYLE}'
        f'<rect width="{width:g}" height="{height:g}" style="fill:#fff;stroke:none"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def main() -> None:
    """Write both pictures."""
    IMAGES.mkdir(exist_ok=True)
    (IMAGES / "layers.svg").write_text(draw_layers(read_levels()), encoding="utf-8")
    (IMAGES / "song.svg").write_text(draw_song(STEPS), encoding="utf-8")


if __name__ == "__main__":
    main()
