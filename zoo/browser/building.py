"""The folder of the static page: its files, the network, the runtime, and what describes them."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zoo.browser.half_weights import store_halves
from zoo.browser.packages import install_packages
from zoo.browser.songs import SITE_SONGS
from zoo.exporting import export_network
from zoo.graphs.record import RECORD_FILE, ExportRecord
from zoo.publishing.space_config import SpaceMetadata
from zoo.publishing.static_space import static_readme
from zoo.records.files import hash_file, partial_path, write_whole
from zoo.ui.mixer_files import (
    MODULES,
    VENDOR_LICENCES,
    mixer_markup,
    mixer_script,
    mixer_style,
    mixer_texts,
)
from zoo.ui.source_colors import source_colors
from zoo.weights.resolving import resolve_model

__all__ = ["DEFAULT_MODEL", "SITE_FILE", "SiteReport", "build_site"]

DEFAULT_MODEL = "lightsaft_tfctdf_small"
SITE_FILE = "site.json"
PAGE = Path(__file__).with_name("page")
MIXER_PLACE = "<!-- mixer -->"
PAGE_TEXTS = ("browser", "example")
TEXT_FUNCTIONS = (
    "LANGUAGE",
    "TEXTS",
    "sentence",
    "sourceInline",
    "sourceTitle",
    "translate",
    "wording",
)
MODEL_FOLDER, RUNTIME_FOLDER = "model", "runtime"
ORT = "onnxruntime-web/dist"
# By what computes: the module, its loader and its program in the package onnxruntime-web.
RUNTIMES = {
    "wasm": ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"),
    "webgpu": (
        "ort.webgpu.min.mjs",
        "ort-wasm-simd-threaded.asyncify.mjs",
        "ort-wasm-simd-threaded.asyncify.wasm",
    ),
}
MEDIA_FILE, FLAC_FILE = "mediabunny.min.mjs", "mediabunny-flac-encoder.min.mjs"
MEDIA_PACKAGES = {MEDIA_FILE: "mediabunny", FLAC_FILE: "@mediabunny/flac-encoder"}
CARD_FILE = "README.md"
# For hosts that read such a file (Netlify, Cloudflare Pages); elsewhere the service worker does it.
HEADERS = """/*
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Embedder-Policy: require-corp
  Cross-Origin-Resource-Policy: same-origin
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteReport:
    """What was built.

    Attributes:
        folder: Where.
        record: Of the network in it.
        num_files: In the folder.
        num_bytes: Of all files.
        runtime_bytes: Of them, those that come from npm: ONNX Runtime and the reader of containers.
    """

    folder: Path
    record: ExportRecord
    num_files: int
    num_bytes: int
    runtime_bytes: int


def build_site(
    folder: str | Path,
    *,
    model: str | None = None,
    weights: str = "default",
    space: SpaceMetadata | None = None,
) -> SiteReport:
    """Write the static page of a network.

    Args:
        folder: Where to. An earlier site in it is replaced; a folder of anything else is refused.
        model: As :class:`zoo.Separator` takes it; None is the network of :data:`DEFAULT_MODEL`.
        weights: As :class:`zoo.Separator` takes them.
        space: As :func:`~zoo.publishing.static_space.static_readme` takes it.

    Raises:
        ValueError: The folder holds something else.
        PackagesError: The runtime cannot be had from npm.
        WeightsError: The weights cannot be had, or the packages that write ONNX are missing.
    """
    folder = Path(folder)
    if folder.exists() and not _is_replaceable(folder):
        raise ValueError(f"{folder} holds other files than a site; name a new or an empty folder")
    packages = install_packages()
    resolved = resolve_model(model or DEFAULT_MODEL, weights=weights)
    partial = partial_path(folder.resolve())
    try:
        shutil.copytree(PAGE, partial)
        record = export_network(resolved, partial / MODEL_FOLDER)
        _shrink(partial / MODEL_FOLDER, record)
        write_mixer(partial)
        _write_runtime(partial, packages)
        _write_songs(partial)
        credits = [line for song in SITE_SONGS for line in song.credits]
        card = static_readme(record, song_credits=credits, space=space)
        (partial / CARD_FILE).write_text(card, encoding="utf-8")
        _write_site(partial, record)
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    sizes = {path: path.stat().st_size for path in _files_of(folder)}
    runtime = (folder / RUNTIME_FOLDER).resolve()
    return SiteReport(
        folder=folder,
        record=record,
        num_files=len(sizes),
        num_bytes=sum(sizes.values()),
        runtime_bytes=sum(
            size for path, size in sizes.items() if runtime in path.resolve().parents
        ),
    )


def _is_replaceable(folder: Path) -> bool:
    return folder.is_dir() and ((folder / SITE_FILE).is_file() or not any(folder.iterdir()))


def _shrink(folder: Path, record: ExportRecord) -> None:
    """Store the weights of an export in half precision and bring its record up to date."""
    import onnx

    plain = record.to_dict()
    for part in plain["parts"]:
        for graph in part["graphs"].values():
            path = folder / graph["file"]
            graph_model = onnx.load(path)
            store_halves(graph_model)
            onnx.save(graph_model, path)
            graph.update(num_bytes=path.stat().st_size, sha256=hash_file(path))
    (folder / RECORD_FILE).write_text(_json(plain), encoding="utf-8")


def write_mixer(folder: Path) -> None:
    """Add to a copy of the page what it shares with the app: the mixer and all texts."""
    index = folder / "index.html"
    text = index.read_text(encoding="utf-8")
    index.write_text(text.replace(MIXER_PLACE, mixer_markup()), encoding="utf-8")
    (folder / "mixer.css").write_text(mixer_style() + "\n", encoding="utf-8")
    names = ", ".join(TEXT_FUNCTIONS)
    texts = f"{mixer_texts(*PAGE_TEXTS)}\nexport {{ {names} }};\n"
    (folder / "wording.js").write_text(texts, encoding="utf-8")
    script = (
        f'import {{ {names} }} from "./wording.js";\n\n'
        f"export function mountMixer(element, trigger, props, watch) {{\n{mixer_script()}\n}}\n"
    )
    (folder / "mixer.js").write_text(script, encoding="utf-8")
    (folder / "mixer").mkdir()
    for path in (*MODULES, VENDOR_LICENCES):
        shutil.copyfile(path, folder / "mixer" / path.name)


def _write_runtime(folder: Path, packages: Path) -> None:
    target = folder / RUNTIME_FOLDER
    target.mkdir()
    for module, loader, program in RUNTIMES.values():
        for name in (module, loader):
            shutil.copyfile(packages / ORT / name, target / name)
        # A third of the bytes; the page unpacks it, because many hosts send .wasm as it is.
        packed = packages / ORT / f"{program}.gz"
        if not packed.exists():
            write_whole(packed, gzip.compress((packages / ORT / program).read_bytes(), 9, mtime=0))
        shutil.copyfile(packed, target / packed.name)
    for name, package in MEDIA_PACKAGES.items():
        script = (packages / package / "dist" / "bundles" / name).read_text(encoding="utf-8")
        # Names of packages mean nothing to a browser; the file lies beside.
        script = script.replace('from"mediabunny"', f'from"./{MEDIA_FILE}"')
        (target / name).write_text(script, encoding="utf-8")
    versions = {
        key: json.loads((packages / package / "package.json").read_text())["version"]
        for key, package in (
            ("onnxruntime_web", "onnxruntime-web"),
            ("mediabunny", "mediabunny"),
            ("flac_encoder", "@mediabunny/flac-encoder"),
        )
    }
    licences = folder / "licences.txt"
    text = licences.read_text(encoding="utf-8").format(**versions)
    licences.write_text(text, encoding="utf-8")
    (folder / "_headers").write_text(HEADERS, encoding="utf-8")


def _write_songs(folder: Path) -> None:
    target = folder / "songs"
    target.mkdir()
    for song in SITE_SONGS:
        shutil.copyfile(song.path, target / _song_name(song.title, song.path))


def _write_site(folder: Path, record: ExportRecord) -> None:
    """Write what the page reads of itself, and what the service worker keeps."""
    graphs = [graph.file for part in record.parts for graph in part.graphs.values()]
    site: dict[str, Any] = {
        "title": record.title or record.name,
        "sources": list(record.sources),
        "weights": record.weights,
        "licence": record.licence,
        "training_data": record.training_data,
        "credits": list(record.credits),
        "colors": source_colors(record.sources),
        "part_of": dict(record.spec.part_of),
        "model": f"{MODEL_FOLDER}/",
        "model_files": [f"{MODEL_FOLDER}/{name}" for name in (RECORD_FILE, *graphs)],
        "runtime": {
            name: {
                "module": f"{RUNTIME_FOLDER}/{module}",
                "loader": f"{RUNTIME_FOLDER}/{loader}",
                "wasm": f"{RUNTIME_FOLDER}/{program}.gz",
            }
            for name, (module, loader, program) in RUNTIMES.items()
        },
        "media": f"{RUNTIME_FOLDER}/{MEDIA_FILE}",
        "flac": f"{RUNTIME_FOLDER}/{FLAC_FILE}",
        "examples": [
            {
                "title": song.title,
                "label": song.label,
                "file": f"songs/{_song_name(song.title, song.path)}",
                "credits": list(song.credits),
            }
            for song in SITE_SONGS
        ],
    }
    (folder / SITE_FILE).write_text(_json(site), encoding="utf-8")
    later = {*site["model_files"], *(f for r in site["runtime"].values() for f in r.values())}
    files = [path.relative_to(folder).as_posix() for path in _files_of(folder)]
    never = later | {"_headers", CARD_FILE, "service_worker.js"}
    core = ["./", *(name for name in files if name not in never)]
    digest = hashlib.sha256()
    for name in files:
        digest.update(f"{name}\0{hash_file(folder / name)}\n".encode())
    version = {"version": digest.hexdigest()[:16], "core": core}
    (folder / "site_version.js").write_text(f"self.SITE = {_json(version)};\n", encoding="utf-8")


def _song_name(title: str, path: Path) -> str:
    return title.lower().replace(" ", "_") + path.suffix


def _files_of(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _json(plain: Any) -> str:
    return json.dumps(plain, indent=2, ensure_ascii=False)
