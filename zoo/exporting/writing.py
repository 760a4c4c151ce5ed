"""A network as a folder of graphs with a record of how to use them."""

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zoo
from zoo.errors import WeightsError
from zoo.exporting.formats import FORMATS, missing_packages
from zoo.graphs.cutting import Part, cut_network
from zoo.graphs.record import (
    RECORD_FILE,
    Chunks,
    ExportRecord,
    GraphFacts,
    InputLevel,
    MixtureConsistency,
    PartFacts,
)
from zoo.networks.inputs import QUIETEST_INPUT_DBFS
from zoo.networks.spectra import num_bins
from zoo.records.files import hash_file, write_whole
from zoo.records.reading import to_plain
from zoo.separation.chunking import choose_chunking
from zoo.separation.pipeline import QUIETEST_SHARE, SHARE_EXPONENT, SILENCE_SECONDS
from zoo.specs.spec import Spec
from zoo.weights.references import WEIGHTS_FILE
from zoo.weights.resolving import ResolvedModel

__all__ = ["export_network", "file_facts", "make_way"]

METADATA_KEY = "lightsaft_zoo"


def export_network(
    resolved: ResolvedModel, folder: str | Path, *, graph_format: str = "onnx"
) -> ExportRecord:
    """Write the graphs of a network and their record.

    An earlier export in the folder is replaced. The record comes last, so that a folder with one is
    complete.

    Args:
        resolved: The network with its weights, in eval mode.
        folder: Where to; made if needed.
        graph_format: A name in :data:`~zoo.exporting.formats.FORMATS`.

    Raises:
        UnknownNameError: No such format.
        WeightsError: A package that the format needs is missing, or the folder holds weights.
        OSError: The folder cannot be written.
        RuntimeError: A block holds an operation that the format has not.
    """
    chosen = FORMATS[graph_format]
    missing = missing_packages(chosen)
    if missing:
        raise WeightsError(f"{graph_format} needs packages: pip install {' '.join(missing)}")
    folder = Path(folder)
    make_way(folder)
    facts = _common_facts(resolved)
    parts = []
    for part in cut_network(resolved.network):
        graphs = {}
        for graph in part.graphs:
            path = folder / f"{part.name}.{graph.name}{chosen.suffix}"
            metadata = _metadata(facts, part, graph.name)
            chosen.write(graph, path, metadata)
            graphs[graph.name] = GraphFacts(
                file=path.name, inputs=graph.inputs, outputs=graph.outputs, **file_facts(path)
            )
        parts.append(_part_facts(part, graphs))
    record = ExportRecord(
        graph_format=graph_format,  # pyright: ignore[reportArgumentType]  # checked by the record
        opset=chosen.opset,
        parts=tuple(parts),
        **facts,
    )
    write_whole(folder / RECORD_FILE, record.to_json())
    return record


def make_way(folder: Path) -> None:
    """Make a folder ready for an export: without a record it is none until all is written.

    Raises:
        WeightsError: The folder holds weights.
        OSError: The folder cannot be written.
    """
    if (folder / WEIGHTS_FILE).exists():
        raise WeightsError(
            f"{folder} holds {WEIGHTS_FILE}, so it names those weights; choose another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECORD_FILE).unlink(missing_ok=True)


def file_facts(path: Path) -> dict[str, Any]:
    """Return size and digest of a graph's file, as its record has them."""
    return {"num_bytes": path.stat().st_size, "sha256": hash_file(path)}


def _part_facts(part: Part, graphs: Mapping[str, GraphFacts]) -> PartFacts:
    return PartFacts(
        name=part.name,
        n_fft=part.spec.stft.n_fft,
        hop_length=part.spec.stft.hop_length,
        num_bins=num_bins(part.spec),
        frame_multiple=part.spec.frame_multiple,
        graphs=graphs,
    )


def _common_facts(resolved: ResolvedModel) -> dict[str, Any]:
    """Return what the record says of model and weights, whatever the format."""
    spec, entry = dataclasses.replace(resolved.spec, file=None), resolved.entry
    chunking = choose_chunking(spec)
    return {
        "name": spec.name,
        "title": spec.title,
        "sources": spec.sources,
        "sample_rate": spec.sample_rate,
        "channels": spec.channels,
        "input_level": _input_level(spec),
        "mixture_consistency": MixtureConsistency(
            share_exponent=SHARE_EXPONENT, quietest_share=QUIETEST_SHARE
        ),
        "silence_seconds": SILENCE_SECONDS,
        "chunking": Chunks(
            chunk_length=chunking.chunk_length,
            context=chunking.context,
            crossfade=chunking.crossfade,
        ),
        "pitches": resolved.pitches,
        "licence": entry.licence if entry else None,
        "training_data": entry.training_data if entry else "",
        "credits": entry.credits if entry else (),
        "notes": entry.notes if entry else "",
        "weights": Path(resolved.weights).name,
        "weights_sha256": resolved.digest,
        "made_by": f"lightsaft-zoo {zoo.__version__}",
        "spec": spec,
    }


def _input_level(spec: Spec) -> InputLevel | None:
    if spec.input_level_dbfs is None:
        return None
    return InputLevel(dbfs=spec.input_level_dbfs, quietest_dbfs=QUIETEST_INPUT_DBFS)


def _metadata(facts: Mapping[str, Any], part: Part, graph: str) -> dict[str, str]:
    """Return what a graph's own file says, for those who get it without its folder."""
    plain = {key: facts[key] for key in facts if key not in ("spec", "credits", "licence")}
    plain |= {
        key: to_plain(value) for key, value in facts.items() if dataclasses.is_dataclass(value)
    }
    return {
        "licence": facts["licence"] or "not stated",
        "credits": "\n".join(facts["credits"]),
        "part": part.name,
        "graph": graph,
        METADATA_KEY: json.dumps(plain, ensure_ascii=False),
    }
