"""Runs a network on chunks: on its device, in its precision, in batches that fit the memory.

K: chunks, C: channels, L: samples of a chunk, S: sources
"""

import copy
import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from zoo.separation.backends import choose_backend
from zoo.separation.devices import is_out_of_memory

__all__ = ["Engine"]

logger = logging.getLogger(__name__)

MAX_BATCH = 16
MEMORY_SHARE = 0.7  # of the free memory; the allocator and other callers need the rest


class Engine:
    """A network that is ready to separate chunks.

    The caller's network stays as it is, because the engine runs a copy. Any number of threads may
    use one engine: a lock lets one batch at a time onto the device, so that a batch finds the
    memory that was planned for it.

    Args:
        network: Maps (K, C, L) float32 and ``sources`` to (K, S, C, L).
        device: Where it computes.
        precision: The data type it computes in.
        backend: A name in :data:`~zoo.separation.backends.BACKENDS`, or ``auto``.
        cache: Folder for what backends compile, each below its own name; None keeps it in memory.
        batch_size: Most chunks at once. The default is one on a CPU, where more gain nothing, and
            what fits the free memory elsewhere.

    Attributes:
        busy_seconds: How long the network has computed so far.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        device: torch.device,
        precision: torch.dtype | None = None,
        backend: str = "auto",
        cache: Path | None = None,
        batch_size: int | None = None,
    ) -> None:
        if batch_size is not None and batch_size < 1:
            raise ValueError(f"got batch_size={batch_size}; expected at least 1")
        self.device = device
        self.backend = choose_backend(backend, network, device)
        self.precision = precision or self.backend.fastest_precision(device)
        self.network = self.backend.prepare(
            copy.deepcopy(network).eval().requires_grad_(requires_grad=False),
            device=device,
            precision=self.precision,
            cache=None if cache is None else cache / self.backend.name,
            may_fall_back=backend == "auto",
        )
        is_cpu = device.type == "cpu"
        self.batch_size = batch_size or (1 if is_cpu else MAX_BATCH)
        self._limit = self.batch_size
        # The first batch on a CUDA device shows how much memory a chunk takes.
        self._awaits_measurement = batch_size is None and device.type == "cuda"
        self._lock = threading.Lock()
        self.busy_seconds = 0.0

    def separate(self, chunks: Tensor, *, sources: Sequence[str]) -> Tensor:
        """Separate chunks; a chunk of digital silence gives silence without any work.

        Shape:
            (K, C, L) on the CPU -> (K, S, C, L) on the CPU, float32

        Raises:
            MemoryError: Not even one chunk fits the device.
        """
        is_heard = chunks.flatten(1).any(dim=1)
        if is_heard.all():
            return self._separate_in_batches(chunks, sources)
        estimates = chunks.new_zeros((chunks.shape[0], len(sources), *chunks.shape[1:]))
        if is_heard.any():
            estimates[is_heard] = self._separate_in_batches(chunks[is_heard], sources)
        return estimates

    def _separate_in_batches(self, chunks: Tensor, sources: Sequence[str]) -> Tensor:
        estimates: list[Tensor] = []
        start = 0
        while start < chunks.shape[0]:
            with self._lock:
                size = min(self._limit, chunks.shape[0] - start)
                started = time.perf_counter()
                try:
                    estimates.append(self._compute(chunks[start : start + size], sources))
                except RuntimeError as error:
                    if not is_out_of_memory(error):
                        raise
                    self._halve_limit(size, error)
                    continue
                finally:
                    self.busy_seconds += time.perf_counter() - started
            start += size
        return estimates[0] if len(estimates) == 1 else torch.cat(estimates)

    def _halve_limit(self, size: int, error: RuntimeError) -> None:
        if size == 1:
            raise MemoryError(
                f"one chunk does not fit the memory of {self.device}; use shorter chunks "
                "(chunk_seconds), fewer sources at once, or device='cpu'"
            ) from error
        self._limit, self._awaits_measurement = size // 2, False
        logger.info("%s ran out of memory at %d chunks, trying %d", self.device, size, self._limit)
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    @torch.inference_mode()
    def _compute(self, chunks: Tensor, sources: Sequence[str]) -> Tensor:
        before = 0
        if self._awaits_measurement:
            torch.cuda.reset_peak_memory_stats(self.device)
            before = torch.cuda.memory_allocated(self.device)
        uses_autocast = self.backend.autocasts and self.precision != torch.float32
        with torch.autocast(self.device.type, dtype=self.precision, enabled=uses_autocast):
            estimates = self.network(chunks.to(self.device), sources=list(sources))
        estimates = estimates.to("cpu", torch.float32)
        if self._awaits_measurement:
            used = torch.cuda.max_memory_allocated(self.device) - before
            self._fit_limit(used // chunks.shape[0])
        return estimates

    def _fit_limit(self, bytes_per_chunk: int) -> None:
        """Set the limit to the number of chunks that the free memory holds."""
        free, _ = torch.cuda.mem_get_info(self.device)
        fitting = int(free * MEMORY_SHARE) // max(1, bytes_per_chunk)
        self._limit, self._awaits_measurement = max(1, min(MAX_BATCH, fitting)), False
