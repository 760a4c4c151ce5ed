"""What every decoder hands out: a signal that is read once, from its start to its end."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from zoo.errors import AudioError

__all__ = ["BLOCK_SAMPLES", "AudioInfo", "AudioReader"]

BLOCK_SAMPLES = 1 << 16
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 1000, 768_000
MAX_VALUES = 1 << 35  # samples times channels: 108 hours of stereo at 44.1 kHz


@dataclass(frozen=True, kw_only=True, slots=True)
class AudioInfo:
    """What is known of a signal before it is read.

    Attributes:
        name: For messages: the file's name, or what stands for it.
        sample_rate: In Hz.
        num_channels: Of the file, not of any network.
        num_samples: What the container promises; ``None`` where it does not.
        has_exact_length: Whether ``num_samples`` is right to the sample.
    """

    name: str
    sample_rate: int
    num_channels: int
    num_samples: int | None
    has_exact_length: bool = True

    def __post_init__(self) -> None:
        """Refuse sample rates that only a broken header has."""
        if not MIN_SAMPLE_RATE <= self.sample_rate <= MAX_SAMPLE_RATE:
            raise AudioError(
                f"{self.name}: got a sample rate of {self.sample_rate} Hz; expected "
                f"{MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz"
            )

    @property
    def seconds(self) -> float | None:
        """Duration that the container promises."""
        return None if self.num_samples is None else self.num_samples / self.sample_rate


class AudioReader:
    """A signal that is read once, block by block. A context manager.

    Args:
        info: What is known beforehand.
        blocks: The signal as float32 blocks (C, n) of any length.
        close: Releases what the decoder holds.
        warnings: What is odd about the file; reading may add to it.
        max_values: The most samples times channels that are read.

    Attributes:
        warnings: What is odd or damaged in what was read so far, with its place in seconds.
    """

    def __init__(
        self,
        info: AudioInfo,
        *,
        blocks: Iterator[np.ndarray],
        close: Callable[[], None] = lambda: None,
        warnings: list[str] | None = None,
        max_values: int = MAX_VALUES,
    ) -> None:
        self.info = info
        self.num_read = 0
        self.warnings = [] if warnings is None else warnings
        self.max_values = max_values
        self._blocks, self._close = blocks, close

    def __enter__(self) -> "AudioReader":
        """Return the reader itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Release what the decoder holds."""
        self.close()

    def close(self) -> None:
        """Release what the decoder holds."""
        if isinstance(self._blocks, Generator):
            self._blocks.close()
        self._close()

    def blocks(self, block_samples: int = BLOCK_SAMPLES) -> Iterator[np.ndarray]:
        """Yield the signal as float32 blocks (C, block_samples); only the last one is shorter.

        Raises:
            AudioError: The file is damaged, cut off, empty, larger than ``max_values``, or holds
                samples that are no numbers.
        """
        for block in _regroup(self._blocks, block_samples):
            self._check_finite(block)
            self.num_read += block.shape[-1]
            if self.num_read * block.shape[0] > self.max_values:
                raise AudioError(
                    f"{self.info.name}: more than {self.max_values} samples of "
                    f"{self.info.num_channels} channels in all; split the file"
                )
            yield block
        if self.num_read == 0:
            raise AudioError(f"{self.info.name}: the file holds no audio samples")

    def _check_finite(self, block: np.ndarray) -> None:
        if np.isfinite(block.sum()):  # which one bad sample spoils
            return
        finite = np.isfinite(block).all(axis=0)
        if not finite.all():
            sample = self.num_read + int(np.argmin(finite))
            raise AudioError(
                f"{self.info.name}: sample {sample} ({sample / self.info.sample_rate:.3f} s) is "
                "NaN or infinite; export the file again from the program that wrote it"
            )


def cut_off_error(
    info: AudioInfo, *, num_found: int, num_promised: int | None = None, without: str = ""
) -> AudioError:
    """Return the error for a file that ends before what its header promises."""
    promised = info.num_samples if num_promised is None else num_promised
    found = f"ends after {num_found / info.sample_rate:.2f} s"
    found += f" without {without}" if without else ""
    if promised is not None and promised > num_found:
        found = f"promises {promised / info.sample_rate:.2f} s of audio and {found}"
    return AudioError(f"{info.name}: the file is cut off: it {found}; copy or download it again")


def _regroup(blocks: Iterator[np.ndarray], block_samples: int) -> Iterator[np.ndarray]:
    """Yield blocks of one length, (C, block_samples), and a last one of what remains."""
    gathered, num_gathered = None, 0
    for block in blocks:
        start = 0
        while start < block.shape[-1]:
            if gathered is None:
                gathered = np.empty((block.shape[0], block_samples), np.float32)
            length = min(block.shape[-1] - start, block_samples - num_gathered)
            gathered[:, num_gathered : num_gathered + length] = block[:, start : start + length]
            start += length
            num_gathered += length
            if num_gathered == block_samples:
                yield gathered
                gathered, num_gathered = None, 0
    if gathered is not None:
        yield gathered[:, :num_gathered]
