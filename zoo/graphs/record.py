"""``model.json``: what is in a folder of exported graphs, and how to use them.

docs/export.md describes every field for those who write another runtime.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from zoo.errors import WeightsError
from zoo.networks.spectra import num_bins
from zoo.records.bounds import Above, Length, Matches, Range
from zoo.records.files import digest_of
from zoo.records.reading import Reader, check_fields, to_plain
from zoo.specs.parts import Name
from zoo.specs.spec import Spec

__all__ = [
    "BATCH",
    "FRAMES",
    "RECORD_FILE",
    "Chunks",
    "ExportRecord",
    "GraphFacts",
    "InputLevel",
    "MixtureConsistency",
    "PartFacts",
    "TensorFacts",
    "TransformFacts",
    "read_record",
]

RECORD_FILE = "model.json"
FORMAT = 1
MAX_BYTES = 1 << 20
BATCH, FRAMES = "batch", "frames"
GRAPHS = ({"encoder", "decoder"}, {"network"})
FILE_NAME = re.compile(r"[a-z0-9][a-z0-9_.]{0,127}")
SHA256 = re.compile(r"[0-9a-f]{64}")

FileName = Annotated[str, Matches(FILE_NAME, "a plain file name, no path")]
Digest = Annotated[str, Matches(SHA256, "64 lower-case hex digits")]
Size = str | int
"""A number, or ``batch``, ``frames``, ``frames/2``, ..."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorFacts:
    """An input or output of a graph, float32.

    Attributes:
        name: What the graph calls it.
        shape: Its sizes; a text stands for one that is left open.
    """

    name: Name
    shape: Annotated[tuple[Size, ...], Length(1, 8)]


@dataclass(frozen=True, kw_only=True, slots=True)
class GraphFacts:
    """A graph in a file of its own.

    Attributes:
        file: Its name in the folder.
        num_bytes: Size of the file.
        sha256: Digest of the file.
        inputs: What it takes, in this order.
        outputs: What it gives, in this order.
    """

    file: FileName
    num_bytes: Annotated[int, Above(0)]
    sha256: Digest
    inputs: Annotated[tuple[TensorFacts, ...], Length(1, 64)]
    outputs: Annotated[tuple[TensorFacts, ...], Length(1, 64)]


@dataclass(frozen=True, kw_only=True, slots=True)
class PartFacts:
    """A network whose estimates are added to those of the other parts.

    Attributes:
        name: ``full_band``, or ``low_band`` for a second look at the lowest frequencies.
        n_fft: Samples of a frame.
        hop_length: Samples between frames.
        num_bins: How many of the lowest frequency bins the graphs take and give; those above are
            zero in the estimates.
        frame_multiple: Frames T must be a multiple of it.
        graphs: ``encoder`` and ``decoder``, or ``network``.
    """

    name: Name
    n_fft: Annotated[int, Range(16, 32768)]
    hop_length: Annotated[int, Range(1, 16384)]
    num_bins: Annotated[int, Range(1, 16385)]
    frame_multiple: Annotated[int, Range(1, 8192)]
    graphs: Mapping[Name, GraphFacts]

    def __post_init__(self) -> None:
        """Check that the graphs belong together."""
        check_fields(self, error=WeightsError)
        if set(self.graphs) not in GRAPHS:
            raise WeightsError(
                f"graphs: expected encoder and decoder, or network, got {sorted(self.graphs)}"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class TransformFacts:
    """The Fourier transform around the graphs; every network of the zoo has this one.

    Attributes:
        window: Periodic Hann, of n_fft samples.
        is_centred: Whether frame t is centred on sample t * hop_length.
        edges: What lies beyond the first and last sample.
        is_normalised: Whether anything is divided by the window's energy going forward.
        layout: Order of the channels of a spectrogram.
    """

    window: Literal["hann"] = "hann"
    is_centred: Literal[True] = True
    edges: Literal["reflect"] = "reflect"
    is_normalised: Literal[False] = False
    layout: Literal["real parts of all channels, then imaginary parts"] = (
        "real parts of all channels, then imaginary parts"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class InputLevel:
    """The level that every chunk is brought to before it is transformed, and back after.

    Attributes:
        dbfs: RMS over all channels and samples of the chunk, dB of full scale.
        quietest_dbfs: Chunks below this level get the gain of this level.
    """

    dbfs: float
    quietest_dbfs: float


@dataclass(frozen=True, kw_only=True, slots=True)
class MixtureConsistency:
    """How the residual of a chunk is shared out among the estimates of all sources.

    Attributes:
        share_exponent: Shares go by the RMS level of each estimate to this power.
        quietest_share: Levels below this part of the mixture's level count as this part.
    """

    share_exponent: float
    quietest_share: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunks:
    """Where a song is cut, in samples: see ``zoo.overlap_add.Chunking``.

    Attributes:
        chunk_length: Samples of a chunk, context included.
        context: Samples at each end that are not heard.
        crossfade: Samples over which a chunk is blended with the next.
    """

    chunk_length: Annotated[int, Above(0)]
    context: Annotated[int, Range(0, 1 << 40)]
    crossfade: Annotated[int, Range(0, 1 << 40)]


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportRecord:
    """Everything that a program needs to separate with exported graphs.

    Attributes:
        format: Version of this record.
        name: Name of the model's spec.
        title: What a person calls it.
        sources: Sources in the order of the condition's columns.
        sample_rate: Hz.
        channels: Audio channels.
        graph_format: ``onnx``, ``torchscript`` or ``pt2``.
        opset: Version of ONNX's operators; None in other formats.
        precision: ``float32``, ``float16`` or ``int8``.
        transform: The Fourier transform.
        input_level: None where chunks are seen as they come.
        mixture_consistency: How a separation into all sources is made to sum to the mixture.
        silence_seconds: Estimates are silent where the mixture is digitally silent for so long.
        chunking: How songs are cut.
        pitches: At how many pitches songs are separated unless somebody says otherwise.
        parts: The networks whose estimates are added.
        licence: SPDX identifier of the weights; None where nothing is known of them.
        training_data: What they were trained on.
        credits: Lines to pass on with them.
        notes: What a user should know.
        weights: What the weights are called.
        weights_sha256: Digest of the tensors that were exported.
        sdr_cost_db: What the precision was measured to cost, mean SDR over sources in dB.
        made_by: Name and version of the program that exported.
        spec: The network as data.
    """

    format: Literal[1] = FORMAT
    name: Name
    title: str
    sources: tuple[Name, ...]
    sample_rate: int
    channels: int
    graph_format: Literal["onnx", "torchscript", "pt2"]
    opset: int | None = None
    precision: Literal["float32", "float16", "int8"] = "float32"
    transform: TransformFacts = field(default_factory=TransformFacts)
    input_level: InputLevel | None = None
    mixture_consistency: MixtureConsistency
    silence_seconds: float
    chunking: Chunks
    pitches: Literal[1, 3, 5, 7] = 1
    parts: Annotated[tuple[PartFacts, ...], Length(1, 8)]
    licence: str | None = None
    training_data: str = ""
    credits: tuple[str, ...] = ()
    notes: str = ""
    weights: str
    weights_sha256: Digest
    sdr_cost_db: float | None = None
    made_by: str = ""
    spec: Spec

    def __post_init__(self) -> None:
        """Check that the record agrees with its spec."""
        check_fields(self, error=WeightsError)
        for key in ("name", "sources", "sample_rate", "channels"):
            if getattr(self, key) != getattr(self.spec, key):
                raise WeightsError(f"{key}: must be that of the spec, {getattr(self.spec, key)!r}")
        theirs = [(part.n_fft, part.hop_length, part.num_bins) for part in self.parts]
        ours = [(s.stft.n_fft, s.stft.hop_length, num_bins(s)) for s in self.spec.parts]
        if theirs != ours:
            raise WeightsError(f"parts: must be those of the spec, {ours}, got {theirs}")
        files = [graph.file for part in self.parts for graph in part.graphs.values()]
        if len(set(files)) < len(files):
            raise WeightsError(f"parts: every graph needs a file of its own, got {files}")

    @property
    def digest(self) -> str:
        """SHA-256 of what decides the samples: the network and the bytes of its graphs."""
        graphs = [
            [part.name, name, graph.sha256]
            for part in self.parts
            for name, graph in sorted(part.graphs.items())
        ]
        return digest_of([self.spec.to_dict(), graphs])

    def to_dict(self) -> dict[str, Any]:
        """Return plain data that :func:`read_record` reads back."""
        return to_plain(self)

    def to_json(self) -> str:
        """Return the content of ``model.json``."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def read_record(folder: Path) -> ExportRecord:
    """Read ``model.json`` of a folder.

    Raises:
        WeightsError: If it cannot be read or is no record of an export.
    """
    path = folder / RECORD_FILE
    try:
        if path.stat().st_size > MAX_BYTES:
            raise WeightsError(f"{path}: refused: more than {MAX_BYTES} bytes")
        plain = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise WeightsError(f"{path}: not the record of an export: {error}") from error
    if isinstance(plain, dict) and plain.get("format", FORMAT) != FORMAT:
        raise WeightsError(
            f"{path}: format {str(plain['format'])[:20]} is not known here, expected {FORMAT}; "
            "install a newer version of the zoo, or export again"
        )
    return Reader(error=WeightsError, origin=str(path)).record(ExportRecord, plain)
