"""One separation as a stream of events: progress, and each source as soon as it is done.

Everything here between two yields may run on a ZeroGPU worker; decoding, pictures and files are the
caller's, outside.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from zoo.publishing.space_config import SpaceConfig
from zoo.separation.result import join_blocks
from zoo.separation.separator import Separator
from zoo.ui.models import ModelShelf
from zoo.ui.zero_gpu import gpu

__all__ = ["Estimator", "SourceDone", "SourceProgress", "make_estimator"]

REPORT_STEP = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceProgress:
    """How much of one source is done.

    Attributes:
        source: Its name.
        fraction: In 0..1.
    """

    source: str
    fraction: float


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceDone:
    """One source of the song.

    Attributes:
        source: Its name.
        samples: The estimate, (C, N), as the network gave it.
    """

    source: str
    samples: np.ndarray


Event: TypeAlias = SourceProgress | SourceDone
Estimator: TypeAlias = Callable[[str, np.ndarray, int, Sequence[str]], Iterator[Event]]
"""From model name, samples (C, N), sample rate in Hz and source names to events."""


def make_estimator(config: SpaceConfig, shelf: ModelShelf) -> Estimator:
    """Return the generator that separates on the Space's device, one GPU call a song.

    Args:
        config: GPU seconds per model.
        shelf: The models.
    """

    def seconds(model: str, samples: np.ndarray, sample_rate: int, sources: Sequence[str]) -> int:
        return config.gpu_seconds(model, audio_seconds=samples.shape[-1] / sample_rate)

    @gpu(duration=seconds)
    def estimate(
        model: str, samples: np.ndarray, sample_rate: int, sources: Sequence[str]
    ) -> Iterator[Event]:
        separator = shelf.separator(model)
        for source in sources:
            yield from _estimate_source(separator, samples, sample_rate, source)

    return estimate


def _estimate_source(
    separator: Separator, samples: np.ndarray, sample_rate: int, source: str
) -> Iterator[Event]:
    blocks, reported = [], 0.0
    for block in separator.stream((samples, sample_rate), sources=[source]):
        blocks.append(block)
        fraction = (block.start + block.num_samples) / samples.shape[-1]
        if fraction - reported >= REPORT_STEP:
            reported = fraction
            yield SourceProgress(source=source, fraction=fraction)
    stems, _ = join_blocks(blocks)
    yield SourceDone(source=source, samples=stems[source])
