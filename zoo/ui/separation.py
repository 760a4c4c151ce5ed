"""The one call per song that works on the Space's device."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from zoo.publishing.space_config import SpaceConfig
from zoo.separation.result import SeparationBlock
from zoo.ui.models import ModelShelf
from zoo.ui.zero_gpu import gpu

__all__ = ["BlockStream", "make_block_stream"]

BlockStream: TypeAlias = Callable[[str, str, tuple[str, ...], float], Iterator[SeparationBlock]]
"""From a model's name, a song's path, the sources wanted and the song's seconds to its blocks."""


def make_block_stream(config: SpaceConfig, shelf: ModelShelf) -> BlockStream:
    """Return the generator of a song's blocks; on ZeroGPU it runs in a worker with a GPU.

    Args:
        config: GPU seconds per model.
        shelf: The models.
    """

    def gpu_seconds(model: str, path: str, sources: tuple[str, ...], audio_seconds: float) -> int:
        return config.gpu_seconds(model, audio_seconds=audio_seconds)

    @gpu(duration=gpu_seconds)
    def stream_blocks(
        model: str, path: str, sources: tuple[str, ...], audio_seconds: float
    ) -> Iterator[SeparationBlock]:
        yield from shelf.separator(model).stream(path, sources=sources)

    return stream_blocks
