"""Turns a network into something that separates music: any file, any length, flat memory.

C: channels, S: sources, n: samples of a block
"""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from zoo.audio import AudioReader, AudioSource, open_audio, read_tags
from zoo.errors import SeparationCancelledError
from zoo.separation.chunking import choose_chunking
from zoo.separation.devices import choose_device, choose_precision, precision_name
from zoo.separation.engine import Engine
from zoo.separation.identity import SeparationIdentity, network_digest
from zoo.separation.pipeline import separate_blocks
from zoo.separation.pitch_averaging import average_over_pitches, playing_speeds
from zoo.separation.result import (
    SeparationBlock,
    SeparationResult,
    join_blocks,
    make_blocks,
)
from zoo.separation.stems import StemSelection, select_stems
from zoo.specs.loading import SpecSource
from zoo.weights.conditions import ConditionSource, read_condition
from zoo.weights.resolving import resolve_model
from zoo.weights.settings import read_settings

__all__ = ["ProgressCallback", "Separator"]

ProgressCallback = Callable[[float, str], object]
"""Called with the fraction done, which rises from 0 to 1, and what is being done."""
SEPARATING, DONE = "separating", "done"


class Separator:
    """Separates songs with one network. Any number of threads may use it at once.

    Args:
        model: A model's name, or anything else that :func:`zoo.build` takes, or a network that is
            built already and stays as it is, or a folder of exported graphs (docs/export.md). None
            takes the default model.
        weights: Anything that :func:`zoo.build` takes, or ``random`` for a trial without weights.
        device: ``auto`` (a graphics card if there is one), ``cpu``, ``cuda``, ``cuda:1``, ``mps``.
        precision: ``auto`` (the fastest that was measured to cost less than 0.05 dB),
            ``float32``, ``bfloat16`` or ``float16``; ``int8`` takes an exported folder that is.
        backend: ``auto`` (the fastest that can run the network here), or the name of one:
            ``torch``, ``openvino``, ``onnxruntime``.
        batch_size: Most chunks at once. The default is what the device's memory holds. It is
            halved when the device runs out of memory all the same.
        chunk_seconds: How much of a song the network sees at once. The default was measured.
        mixture_consistency: Whether a full separation sums to the mixture: what the estimates
            leave of the mixture is then shared out among them. A separation of some of the
            network's sources stays as it is.
        pitches: At how many pitches, a semitone apart, each chunk is separated: 1, 3, 5 or 7. The
            mean of the estimates is better and costs as many times more (docs/separation.md). The
            default stands in the record of the weights.
        condition: Asks the network for something that it has no name for: what
            :func:`zoo.find_condition` found, or the file it was saved to. Its source is then one
            more of the network's, and the one that is separated unless others are asked for.
        keep_going: Whether damage inside a song becomes silence of its length and a warning that
            says where, instead of an :class:`~zoo.AudioError`.

    Raises:
        ValueError: A device or precision that does not exist here, or no such number of pitches.
        UnknownNameError: No such model.
        WeightsError: The weights cannot be had or do not fit, or a condition is for others.
    """

    def __init__(
        self,
        model: SpecSource | nn.Module | None = None,
        *,
        weights: str | Path = "default",
        device: str | torch.device = "auto",
        precision: str = "auto",
        backend: str = "auto",
        batch_size: int | None = None,
        chunk_seconds: float | None = None,
        mixture_consistency: bool = True,
        pitches: int | None = None,
        condition: ConditionSource | None = None,
        keep_going: bool = False,
    ) -> None:
        if pitches is not None:
            playing_speeds(pitches)
        self.device = choose_device(device)
        resolved = resolve_model(model, weights=weights, may_be_exported=condition is None)
        self._sources_asked: str | None = None
        if condition is not None:
            found = read_condition(condition)
            resolved = resolved.with_network(found.apply(resolved.network))
            self._sources_asked = found.source
        dtype = choose_precision(precision, self.device, resolved.network)
        self.spec, self.weights, self.notices = resolved.spec, resolved.weights, resolved.notices
        self.mixture_consistency = mixture_consistency
        self.keep_going = keep_going
        self.pitches = resolved.pitches if pitches is None else pitches
        self._engine = Engine(
            resolved.network,
            device=self.device,
            precision=dtype,
            backend=backend,
            cache=read_settings().cache if resolved.is_kept else None,
            batch_size=batch_size,
        )
        self._chunking = choose_chunking(
            self.spec,
            chunk_seconds=chunk_seconds,
            fills_last_chunk=self._engine.backend.fills_last_chunk,
        )
        self._weights_sha256 = resolved.digest

    @property
    def identity(self) -> SeparationIdentity:
        """Everything that decides the samples of its separations, for records and caches."""
        backend = self._engine.backend
        return SeparationIdentity(
            spec_sha256=network_digest(self.spec),
            weights_sha256=self._weights_sha256,
            backend=backend.name,
            backend_version=backend.version(),
            precision=precision_name(self.precision),
            device=self.device.type,
            chunk_length=self._chunking.chunk_length,
            context=self._chunking.context,
            crossfade=self._chunking.crossfade,
            pitches=self.pitches,
            mixture_consistency=self.mixture_consistency,
        )

    @property
    def backend(self) -> str:
        """Name of the backend that runs the network."""
        return self._engine.backend.name

    @property
    def busy_seconds(self) -> float:
        """How long its network has computed so far, for all songs."""
        return self._engine.busy_seconds

    @property
    def precision(self) -> torch.dtype:
        """The data type that the network computes in."""
        return self._engine.precision

    @property
    def model_name(self) -> str:
        """Name of the network's spec."""
        return self.spec.name

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources it can be asked for."""
        return self.spec.sources

    @property
    def sample_rate(self) -> int:
        """The network's rate in Hz; songs may have any."""
        return self.spec.sample_rate

    def __call__(
        self,
        source: AudioSource,
        *,
        sources: str | Sequence[str] | None = None,
        two_stems: str | None = None,
        progress: ProgressCallback | None = None,
        cancel: threading.Event | None = None,
    ) -> SeparationResult:
        """Separate a song and return it whole.

        Args:
            source: A path, an open binary file, or ``(array, sample_rate)`` with an array (C, N).
            sources: The sources wanted, all by default; the cost grows with their number.
            two_stems: Instead: this source and everything else, at the cost of one source.
            progress: Called with the fraction done and the stage.
            cancel: Set it from another thread to stop the separation.

        Raises:
            AudioError: The song cannot be read or has channels the network cannot take.
            UnknownNameError: A source that the network has not.
            ValueError: No source, one twice, or both ``sources`` and ``two_stems``.
            SeparationCancelledError: ``cancel`` was set.
        """
        tags = read_tags(source)
        with open_audio(source, keep_going=self.keep_going) as reader:
            selection = self.select(sources, two_stems)
            stems, residual = join_blocks(self._separate(reader, selection, progress, cancel))
            return SeparationResult(
                stems=stems,
                residual=residual,
                parts=selection.parts,
                sample_rate=reader.info.sample_rate,
                name=reader.info.name,
                model=self.model_name,
                weights=self.weights,
                tags=tags,
            )

    def stream(
        self,
        source: AudioSource,
        *,
        sources: str | Sequence[str] | None = None,
        two_stems: str | None = None,
        progress: ProgressCallback | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[SeparationBlock]:
        """Separate a song block by block: flat memory, and the same samples as the whole call.

        Arguments and errors are those of the call; the song is opened with the first block.
        """
        selection = self.select(sources, two_stems)

        def blocks() -> Iterator[SeparationBlock]:
            with open_audio(source, keep_going=self.keep_going) as reader:
                yield from self._separate(reader, selection, progress, cancel)

        return blocks()

    def select(
        self, sources: str | Sequence[str] | None, two_stems: str | None = None
    ) -> StemSelection:
        """Tell what a separation with these arguments makes, and which of it adds up to the song.

        Raises:
            UnknownNameError: A source that the network has not.
            ValueError: No source, one twice, or both ``sources`` and ``two_stems``.
        """
        if sources is None and two_stems is None:
            sources = self._sources_asked
        return select_stems(
            self.sources,
            model=self.model_name,
            part_of=self.spec.part_of,
            sources=sources,
            two_stems=two_stems,
        )

    def _separate(
        self,
        reader: AudioReader,
        selection: StemSelection,
        progress: ProgressCallback | None,
        cancel: threading.Event | None,
    ) -> Iterator[SeparationBlock]:
        def process_once(chunks: Tensor) -> Tensor:
            _stop_if_cancelled(cancel)
            return self._engine.separate(chunks, sources=selection.sources)

        def process(chunks: Tensor) -> Tensor:
            return average_over_pitches(process_once, chunks, num_pitches=self.pitches)

        is_consistent = self.mixture_consistency and selection.is_full
        pairs = separate_blocks(
            _watched(reader.blocks(), cancel),
            info=reader.info,
            process=process,
            chunking=self._chunking,
            batch_size=self._engine.batch_size,
            sample_rate=self.sample_rate,
            network_channels=self.spec.channels,
            summands=selection.summands if is_consistent else (),
        )
        report = progress or _ignore_progress
        report(0.0, SEPARATING)
        for block in make_blocks(pairs, info=reader.info, selection=selection):
            yield block
            report(block.progress.fraction, SEPARATING)
        report(1.0, DONE)


def _watched(blocks: Iterable[np.ndarray], cancel: threading.Event | None) -> Iterator[np.ndarray]:
    for block in blocks:
        _stop_if_cancelled(cancel)
        yield block


def _stop_if_cancelled(cancel: threading.Event | None) -> None:
    if cancel is not None and cancel.is_set():
        raise SeparationCancelledError("the separation was cancelled")


def _ignore_progress(fraction: float, stage: str) -> None:
    """Tell nobody."""
