"""What is compared: the engine in its forms, the plain network, and other programs' networks.

C: channels, N: samples
"""

import importlib
import importlib.util
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from zoo.models import build
from zoo.networks.network import SeparationNetwork
from zoo.overlap_add import Chunking, overlap_add
from zoo.separation.backends import BACKENDS
from zoo.separation.devices import precision_name
from zoo.separation.separator import Separator

__all__ = ["BASELINE", "PEER", "Case", "build_cases"]

BASELINE = "published tool (emulated)"
PEER = "hdemucs_high (torchaudio)"
PUBLISHED_CONTEXT = 5120
DEMUCS_SOURCES = ("vocals", "drums", "bass", "other")


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One way to separate a song.

    Attributes:
        name: What the table calls it.
        num_sources: How many sources it computes.
        backend: ``torch``, ``openvino`` or ``onnxruntime``.
        precision: ``float32`` or ``bfloat16``.
        load_seconds: From nothing to ready, without the first use.
        run: Separates a song (C, N); yields after every output that a listener could have.
    """

    name: str
    num_sources: int
    backend: str = "torch"
    precision: str = "float32"
    load_seconds: float = 0.0
    run: Callable[[np.ndarray], Iterator[None]]


def build_cases(model: str, *, with_peers: bool = True, sample_rate: int = 44100) -> list[Case]:
    """Build every case that this machine can run. Weights are random: they cost the same.

    Args:
        model: Name of a spec.
        with_peers: Whether other programs' networks take part.
        sample_rate: Of the song, in Hz.
    """
    network = build(model).eval()
    _set_plausible_statistics(network)
    sources = network.sources
    counts: list[Sequence[str]] = [sources] if len(sources) == 1 else [sources, sources[:1]]
    cpu = torch.device("cpu")
    runnable = [name for name in BACKENDS if BACKENDS[name].obstacle(network, cpu) is None]
    cases = [
        _published_case(network),
        Case(name="plain network", num_sources=len(sources), run=_run_plain(network)),
    ]
    for wanted in counts:
        for backend in runnable:
            fastest = precision_name(BACKENDS[backend].fastest_precision(cpu))
            for precision in dict.fromkeys(("float32", fastest)):
                cases.append(_engine_case(network, wanted, backend, precision, sample_rate))
    return cases + (_peer_cases() if with_peers else [])


def _engine_case(
    network: SeparationNetwork,
    sources: Sequence[str],
    backend: str,
    precision: str,
    sample_rate: int,
) -> Case:
    started = time.perf_counter()
    separator = Separator(network, device="cpu", backend=backend, precision=precision, pitches=1)
    load_seconds = time.perf_counter() - started

    def run(song: np.ndarray) -> Iterator[None]:
        for _ in separator.stream((song, sample_rate), sources=sources):
            yield

    return Case(
        name="zoo",
        num_sources=len(sources),
        backend=backend,
        precision=precision,
        load_seconds=load_seconds,
        run=run,
    )


def _published_case(network: SeparationNetwork) -> Case:
    """Return the published tool's way: short windows, half overlap, eager float32."""
    spec = network.spec
    length = spec.chunk_samples
    context = min(PUBLISHED_CONTEXT, length // 4)
    chunking = Chunking(chunk_length=length, context=context, crossfade=(length - 2 * context) // 2)

    @torch.inference_mode()
    def separate(song: np.ndarray) -> None:
        overlap_add(network, torch.from_numpy(song)[None], chunking=chunking)

    return Case(name=BASELINE, num_sources=len(spec.sources), run=_at_once(separate))


def _run_plain(network: nn.Module) -> Callable[[np.ndarray], Iterator[None]]:
    @torch.inference_mode()
    def separate(song: np.ndarray) -> None:
        network(torch.from_numpy(song)[None])

    return _at_once(separate)


def _peer_cases() -> list[Case]:
    """Return the bare networks of other programs, eager float32, without any chunking."""
    from torchaudio.models import hdemucs_high

    peers: dict[str, nn.Module] = {PEER: hdemucs_high(list(DEMUCS_SOURCES))}
    if importlib.util.find_spec("demucs") is not None:
        # Named at run time: the package is no dependency, only a neighbour to compare with.
        architecture = importlib.import_module("demucs.demucs").Demucs
        peers["Demucs48 (demucs)"] = architecture(list(DEMUCS_SOURCES), channels=48)
    return [
        Case(name=name, num_sources=4, run=_run_plain(network.eval()))
        for name, network in peers.items()
    ]


def _at_once(separate: Callable[[np.ndarray], None]) -> Callable[[np.ndarray], Iterator[None]]:
    def run(song: np.ndarray) -> Iterator[None]:
        separate(song)
        yield

    return run


def _set_plausible_statistics(network: nn.Module) -> None:
    """Keep random weights from numbers so small that the CPU slows down on them."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_var is not None:
            nn.init.constant_(module.running_var, 0.5)
