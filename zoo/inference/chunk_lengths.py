"""How long the chunks are, how much of them is context, and how they are blended."""

from zoo.overlap_add import Chunking
from zoo.spec import Spec

__all__ = ["choose_chunking"]

CHUNK_FRAMES_FACTOR = 2  # of the length that a network was trained on
CONTEXT_FRAMES = 16
CROSSFADE_FRAMES = 4


def choose_chunking(
    spec: Spec, *, chunk_seconds: float | None = None, is_length_fixed: bool = False
) -> Chunking:
    """Return where songs are cut for a network.

    All cuts fall on the network's frames, so that neighbouring chunks see the same frames, and a
    chunk is as long as its last frame allows without padding. docs/speed.md has the measurements.

    Args:
        spec: The network's.
        chunk_seconds: Wanted length of a chunk.
        is_length_fixed: Whether the last chunk is filled up to the length of the others, for
            backends that compile for one length.

    Raises:
        ValueError: A chunk too short to keep anything beside its context.
    """
    hop, multiple = spec.stft.hop_length, spec.frame_multiple
    frames = spec.chunk_frames * CHUNK_FRAMES_FACTOR
    if chunk_seconds is not None:
        frames = round(chunk_seconds * spec.sample_rate / hop) + 1
    frames = max(1, -(-frames // multiple)) * multiple
    context, crossfade = CONTEXT_FRAMES * hop, CROSSFADE_FRAMES * hop
    shortest = 2 * (context + crossfade)
    if (frames - 1) * hop < shortest:
        if chunk_seconds is not None:
            raise ValueError(
                f"got chunk_seconds={chunk_seconds}; expected at least "
                f"{(shortest + multiple * hop) / spec.sample_rate:.2f}"
            )
        frames = -(-(shortest // hop + 1) // multiple) * multiple
    return Chunking(
        chunk_length=(frames - 1) * hop,
        context=context,
        crossfade=crossfade,
        alignment=(frames - 1) * hop if is_length_fixed else hop,
    )
