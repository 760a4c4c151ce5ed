"""Chunked processing of long signals: cut with context, process in batches, trim, crossfade.

B: signals, K: chunks in one call, S: sources, C: channels, N: samples of a signal,
L: samples of a chunk

Neighbouring chunks overlap twice over: by the context, which the callable sees and nobody hears,
and by the crossfade, where the two estimates are blended with weights that sum to one. Where a
cut falls depends on nothing but the :class:`Chunking`, so neither the batch size nor the sizes of
the blocks in which a signal arrives change the result. Nothing here knows what the callable
computes.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["Chunking", "overlap_add", "stream_overlap_add"]

ChunkCallable = Callable[[Tensor], Tensor]
"""Maps chunks (K, C, L) to estimates (K, S, C, L)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunking:
    """Where a signal is cut. All lengths are in samples.

    Chunk ``k`` is responsible for ``kept_length`` samples from ``k * hop_length`` on and sees
    ``context`` more at either side. Outside the signal there are zeros.

    Attributes:
        chunk_length: What one call sees, context included.
        context: Trimmed from each side of what a call returns.
        crossfade: Length over which a chunk is blended with the next; at most half of what is kept.
        alignment: The last chunk is shortened to what is needed, rounded up to a multiple of this.

    Raises:
        ValueError: A length out of range, or nothing left to keep.
    """

    chunk_length: int
    context: int = 0
    crossfade: int = 0
    alignment: int = 1

    def __post_init__(self) -> None:
        """Refuse what cannot be cut."""
        if self.context < 0 or self.crossfade < 0 or self.alignment < 1:
            raise ValueError(
                f"got context={self.context}, crossfade={self.crossfade}, "
                f"alignment={self.alignment}; expected context >= 0, crossfade >= 0, alignment >= 1"
            )
        if self.kept_length < 1:
            raise ValueError(
                f"{self.chunk_length} samples leave nothing after {self.context} samples of "
                f"context at each side; expected chunk_length > {2 * self.context}"
            )
        if self.crossfade > self.kept_length // 2:
            raise ValueError(
                f"got a crossfade of {self.crossfade} samples; a chunk keeps {self.kept_length}, "
                f"so at most {self.kept_length // 2} can be blended at each end"
            )

    @property
    def kept_length(self) -> int:
        """Samples of a chunk that are heard."""
        return self.chunk_length - 2 * self.context

    @property
    def hop_length(self) -> int:
        """Samples from the start of one chunk to the start of the next."""
        return self.kept_length - self.crossfade

    def count_chunks(self, num_samples: int) -> int:
        """Return how many chunks cover a signal.

        >>> Chunking(chunk_length=10, context=1, crossfade=2).count_chunks(20)
        3
        """
        return max(1, math.ceil((num_samples - self.crossfade) / self.hop_length))


class _ChunkCutter:
    """Cuts blocks of a signal, as they arrive, into the chunks of a :class:`Chunking`."""

    def __init__(self, chunking: Chunking) -> None:
        self._chunking = chunking
        self._buffer: Tensor | None = (
            None  # begins `context` samples before the next chunk's kept part
        )
        self.num_samples = 0

    def push(self, block: Tensor) -> Iterator[Tensor]:
        """Take a block (B, C, n) and yield the chunks (B, C, L) that are now complete."""
        if self._buffer is None:
            self._buffer = block.new_zeros((*block.shape[:-1], self._chunking.context))
        self._buffer = torch.cat([self._buffer, block], dim=-1)
        self.num_samples += block.shape[-1]
        # One sample beyond the kept part proves that the chunk is not the last one.
        needed = self._chunking.chunk_length + (self._chunking.context == 0)
        while self._buffer.shape[-1] >= needed:
            yield self._take()

    def finish(self) -> Iterator[Tensor]:
        """Yield the rest, zero-padded; the last chunk may be shorter than the others."""
        if self._buffer is None or self.num_samples == 0:
            return
        chunking = self._chunking
        while (remaining := self._buffer.shape[-1] - chunking.context) > chunking.kept_length:
            yield F.pad(
                self._take(), (0, max(0, chunking.context + chunking.kept_length - remaining))
            )
        length = math.ceil((remaining + 2 * chunking.context) / chunking.alignment)
        length = min(length * chunking.alignment, chunking.chunk_length)
        yield F.pad(self._buffer, (0, length - self._buffer.shape[-1]))

    def _take(self) -> Tensor:
        assert self._buffer is not None
        chunk = self._buffer[..., : self._chunking.chunk_length]
        self._buffer = self._buffer[..., self._chunking.hop_length :]
        return chunk


class _ChunkStitcher:
    """Joins the estimates of successive chunks into one signal."""

    def __init__(self, chunking: Chunking) -> None:
        self._chunking = chunking
        self._tail: Tensor | None = None  # the faded-out end of the previous chunk
        # One array serves both slopes, w and 1 - w, so that they sum to one to the last bit.
        phase = (torch.arange(chunking.crossfade, dtype=torch.float64) + 0.5) / max(
            1, chunking.crossfade
        )
        self._fade_in = torch.sin(phase * math.pi / 2).square().to(torch.float32)

    def add(self, estimates: Tensor, *, num_kept: int | None = None) -> Tensor:
        """Return the samples that this chunk completes.

        Args:
            estimates: (B, S, C, L) of the next chunk in order, context included.
            num_kept: For the last chunk, how many samples of the signal are left in it.
        """
        chunking = self._chunking
        kept = estimates[..., chunking.context :]
        kept = kept[..., : chunking.kept_length if num_kept is None else num_kept]
        fade = self._fade_in.to(device=kept.device, dtype=kept.dtype)
        if self._tail is not None and chunking.crossfade:
            head = self._tail + kept[..., : chunking.crossfade] * fade
            kept = torch.cat([head, kept[..., chunking.crossfade :]], dim=-1)
        if num_kept is not None:
            return kept
        self._tail = kept[..., chunking.hop_length :] * (1 - fade)
        return kept[..., : chunking.hop_length]


def stream_overlap_add(
    process: ChunkCallable,
    blocks: Iterable[Tensor],
    *,
    chunking: Chunking,
    batch_size: int = 1,
) -> Iterator[Tensor]:
    """Process a signal that arrives block by block, in flat memory.

    The first call gets one chunk only, so that the first output does not wait for a whole batch.

    Args:
        process: Maps chunks (K, C, L) to estimates (K, S, C, L) and leaves its argument alone.
        blocks: Successive blocks (B, C, n) of the signal, of any sizes.
        chunking: Where the signal is cut.
        batch_size: Most chunks of a signal in one call.

    Yields:
        Successive blocks of estimates (B, S, C, m); their lengths add up to the signal's.

    Raises:
        ValueError: A batch size below one, or estimates whose shape does not fit the chunks.
    """
    if batch_size < 1:
        raise ValueError(f"got batch_size={batch_size}; expected at least 1")
    cutter, stitcher = _ChunkCutter(chunking), _ChunkStitcher(chunking)
    pending: list[Tensor] = []
    limit = 1
    for block in blocks:
        for chunk in cutter.push(block):
            pending.append(chunk)
            if len(pending) == limit:
                for estimates in _process_batch(process, pending):
                    yield stitcher.add(estimates)
                pending, limit = [], batch_size
    pending.extend(cutter.finish())
    if not pending:
        return
    *full, last = pending
    for start in range(0, len(full), batch_size):
        for estimates in _process_batch(process, full[start : start + batch_size]):
            yield stitcher.add(estimates)
    num_before = (chunking.count_chunks(cutter.num_samples) - 1) * chunking.hop_length
    for estimates in _process_batch(process, [last]):
        yield stitcher.add(estimates, num_kept=cutter.num_samples - num_before)


def overlap_add(
    process: ChunkCallable, mixture: Tensor, *, chunking: Chunking, batch_size: int = 1
) -> Tensor:
    """Process whole signals chunk by chunk.

    Args:
        process: Maps chunks (K, C, L) to estimates (K, S, C, L).
        mixture: (B, C, N), N >= 1.
        chunking: Where the signals are cut.
        batch_size: Most chunks of a signal in one call.

    Shape:
        (B, C, N) -> (B, S, C, N)

    Raises:
        ValueError: A mixture of another rank or without samples, and whatever
            :func:`stream_overlap_add` raises.

    >>> mixture = torch.arange(20.0).reshape(1, 2, 10)
    >>> chunking = Chunking(chunk_length=4, context=1)
    >>> halves = overlap_add(lambda chunks: chunks.unsqueeze(1) / 2, mixture, chunking=chunking)
    >>> bool((halves == mixture.unsqueeze(1) / 2).all())
    True
    """
    if mixture.dim() != 3 or mixture.shape[-1] == 0:
        raise ValueError(
            f"got a mixture of shape {tuple(mixture.shape)}; expected (signals, channels, samples) "
            "with at least one sample"
        )
    estimates: Tensor | None = None
    position = 0
    for block in stream_overlap_add(process, [mixture], chunking=chunking, batch_size=batch_size):
        if estimates is None:
            estimates = block.new_empty((*block.shape[:-1], mixture.shape[-1]))
        estimates[..., position : position + block.shape[-1]] = block
        position += block.shape[-1]
    assert estimates is not None
    assert position == mixture.shape[-1]
    return estimates


def _process_batch(process: ChunkCallable, chunks: list[Tensor]) -> Iterator[Tensor]:
    """Run chunks (B, C, L) in one call and yield the estimates (B, S, C, L) of each."""
    batch = torch.cat(chunks, dim=0)  # (K * B, C, L)
    estimates = process(batch)
    expected = (batch.shape[0], *batch.shape[1:])
    got = tuple(estimates.shape)
    if estimates.dim() != 4 or (got[0], *got[2:]) != expected:
        raise ValueError(
            f"the callable returned {got} for chunks of shape {tuple(batch.shape)}; expected "
            f"({expected[0]}, sources, {expected[1]}, {expected[2]})"
        )
    yield from estimates.split(chunks[0].shape[0], dim=0)
