"""A page with nothing but the mixer, and results for it: no app, no network, no waiting."""

import functools
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

import numpy as np
import soundfile

from zoo.audio import resample
from zoo.ui.mixer_files import MODULES, mixer_markup, mixer_script, mixer_style, mixer_texts

NUM_PEAKS = 400


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves modules as such, and keeps no log."""

    extensions_map: ClassVar = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".mjs": "text/javascript",
    }

    def log_message(self, format, *args):
        pass


@contextmanager
def served_mixer(folder: Path) -> Iterator[str]:
    """Serve a page with an empty mixer from a folder; yields its address."""
    page = f"""<!doctype html><meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <style>{mixer_style()}</style><div id="mixer">{mixer_markup()}</div>
    <script>{mixer_texts()}
    const props = {{ value: null }};
    let showState = null;
    (function (element, trigger, props, watch) {{ {mixer_script()} }})(
        document.querySelector("#mixer"), () => {{}}, props, (_, show) => (showState = show));
    </script>"""
    (folder / "index.html").write_text(page, encoding="utf-8")
    (folder / "gradio_api" / "mixer").mkdir(parents=True)
    for module in MODULES:
        (folder / "gradio_api" / "mixer" / module.name).write_bytes(module.read_bytes())
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def write_result(folder: Path, stems: Mapping[str, np.ndarray], *, rate: int) -> dict:
    """Write a result of stems (2, N) and their sum, and its analysis; returns the state."""
    from zoo.analysis import SAMPLE_RATE, analyse_song

    name = f"{len(list((folder / 'gradio_api').iterdir())):040d}"
    (folder / "gradio_api" / name).mkdir()
    song = sum(stems.values())
    lanes = []
    for lane, samples in {"original": song, **stems}.items():
        soundfile.write(
            folder / "gradio_api" / name / f"{lane}.wav", samples.T, rate, subtype="FLOAT"
        )
        blocks = np.array_split(np.abs(samples).max(axis=0), NUM_PEAKS)
        lanes.append(
            {
                "name": lane,
                "kind": "original" if lane == "original" else "stem",
                "source": "" if lane == "original" else lane,
                "title": lane,
                "audio": {"url": f"gradio_api/{name}/{lane}.wav"},
                "gain": 1,
                "picture": None,
                "pieces": None,
                "outline": [float(block.max(initial=0)) for block in blocks],
                "download": None,
                "on": lane != "original",
            }
        )
    mono = {
        lane: resample(samples.mean(axis=0, keepdims=True), from_rate=rate, to_rate=SAMPLE_RATE)[0]
        for lane, samples in (("original", song), *stems.items())
    }
    analysis = analyse_song(mono["original"], mono.get("drums"))
    (folder / "gradio_api" / name / "analysis.json").write_text(json.dumps(asdict(analysis)))
    return {
        "id": name,
        "title": "Song",
        "about": [],
        "notes": [],
        "seconds": song.shape[-1] / rate,
        "sample_rate": rate,
        "lanes": lanes,
        "progress": None,
        "archive": "",
        "analysis": f"gradio_api/{name}/analysis.json",
        "song_file": None,
    }


def show_result(page, state: dict) -> None:
    """Hand a state to the mixer of a page, and wait for what is fetched of it."""
    page.evaluate("(state) => { props.value = state; showState(); }", state)
    if state["analysis"]:
        page.wait_for_function("() => document.querySelector('#mixer').stemMixer.beats.analysis")
