"""How long the chunks are, how much of them is context, and how they are blended."""

import math

from zoo.overlap_add import Chunking
from zoo.specs.spec import Spec

__all__ = ["choose_chunking"]

CHUNK_FRAMES_FACTOR = 2  # of the length that a network was trained on
MIN_CONTEXT_FRAMES = 12
MIN_CROSSFADE_FRAMES = 7
MAX_CHUNK_SECONDS = 3600.0  # more does not fit a device's memory with any network


def choose_chunking(
    spec: Spec, *, chunk_seconds: float | None = None, fills_last_chunk: bool = False
) -> Chunking:
    """Return where songs are cut for a network.

    Chunks begin a multiple of the network's total down-sampling apart. Every stage then groups the
    frames of neighbouring chunks alike, so that the chunks agree where they are blended. Off that
    grid their estimates differ a hundred times as much. A chunk is as long as its last frame
    allows without padding. Its context is at least as long as the longest frame of the network, so
    that nothing of what is kept was seen beside the padding. docs/speed.md has the measurements.

    Args:
        spec: The network's.
        chunk_seconds: Wanted length of a chunk. The default was measured.
        fills_last_chunk: Whether the last chunk is filled up to the length of the others, for
            backends that compile for one length.

    Raises:
        ValueError: A chunk too short to keep anything beside its overlap, or too long for any
            memory.
    """
    hop, multiple = spec.stft.hop_length, spec.frame_multiple
    longest = max(part.stft.n_fft for part in spec.parts)
    context = max(MIN_CONTEXT_FRAMES, math.ceil(longest / hop))
    overlap = _round_up(2 * context + MIN_CROSSFADE_FRAMES + 1, multiple)
    frames = max(spec.chunk_frames * CHUNK_FRAMES_FACTOR, 2 * overlap)
    if chunk_seconds is not None:
        if not (math.isfinite(chunk_seconds) and chunk_seconds <= MAX_CHUNK_SECONDS):
            raise ValueError(
                f"got chunk_seconds={chunk_seconds}; expected at most {MAX_CHUNK_SECONDS:g}"
            )
        frames = _round_up(round(chunk_seconds * spec.sample_rate / hop) + 1, multiple)
        if frames < 2 * overlap:
            shortest = (2 * overlap - multiple) * hop / spec.sample_rate
            raise ValueError(f"got chunk_seconds={chunk_seconds}; expected at least {shortest:.2f}")
    length = (frames - 1) * hop
    return Chunking(
        chunk_length=length,
        context=context * hop,
        crossfade=(overlap - 1 - 2 * context) * hop,
        alignment=length if fills_last_chunk else hop,
    )


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
