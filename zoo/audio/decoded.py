"""What both decoders return, and how they tell of damage."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from zoo.errors import AudioError

__all__ = ["MAX_GAP_SECONDS", "DamageReport", "Decoded", "silent_blocks"]

MAX_GAP_SECONDS = 3600  # a longer one is a wrong number, not a pause
SILENT_SAMPLES = 1 << 16

logger = logging.getLogger(__name__)


def silent_blocks(num_channels: int, num_samples: int) -> Iterator[np.ndarray]:
    """Yield silence in blocks (C, n), in flat memory."""
    for start in range(0, num_samples, SILENT_SAMPLES):
        yield np.zeros((num_channels, min(SILENT_SAMPLES, num_samples - start)), np.float32)


@dataclass(kw_only=True, slots=True)
class Decoded:
    """The signal of one part of a file.

    Attributes:
        sample_rate: In Hz.
        num_channels: C.
        num_samples: What the container promises, if it does.
        is_exact: Whether it promises to the sample.
        blocks: The samples as float32 (C, n), read once.
        close: Releases what the decoder holds.
    """

    sample_rate: int
    num_channels: int
    num_samples: int | None
    blocks: Iterator[np.ndarray]
    close: Callable[[], None]
    is_exact: bool = True


@dataclass(kw_only=True, slots=True)
class DamageReport:
    """Decides what damage means: an error, or a warning and silence in its place.

    Attributes:
        name: What messages call the file.
        keep_going: Whether damage is only warned of.
        is_quiet: Whether warnings are not logged.
        warnings: What was said so far.
    """

    name: str
    keep_going: bool
    is_quiet: bool = False
    warnings: list[str] = field(default_factory=list)

    def damaged(self, text: str) -> None:
        """Tell of damage.

        Raises:
            AudioError: Unless the caller asked to keep going.
        """
        if not self.keep_going:
            raise AudioError(f"{self.name}: damaged: {text}; copy or download it again")
        self.warn(text)

    def warn(self, text: str) -> None:
        """Tell of what loses nothing, or of damage that is made up for."""
        self.warnings.append(text)
        if not self.is_quiet:
            logger.warning("%s: %s", self.name, text)
