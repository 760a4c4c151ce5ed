"""What every decoder hands out: a signal that is read once, from its start to its end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType

import numpy as np

from zoo.errors import AudioError

__all__ = ["BLOCK_SAMPLES", "AudioInfo", "AudioReader"]

BLOCK_SAMPLES = 1 << 16
MIN_SAMPLE_RATE, MAX_SAMPLE_RATE = 1000, 768_000


@dataclass(frozen=True, kw_only=True, slots=True)
class AudioInfo:
    """What is known of a signal before it is read.

    Attributes:
        name: For messages: the file's name, or what stands for it.
        sample_rate: In Hz.
        num_channels: Of the file, not of any network.
        num_samples: What the container promises; ``None`` where it does not.
    """

    name: str
    sample_rate: int
    num_channels: int
    num_samples: int | None

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
        read: Returns up to that many next samples as float32 (C, n); n == 0 at the end.
        close: Releases what the decoder holds.
        exact_length: Whether ending before ``info.num_samples`` means that the file is cut off.
    """

    def __init__(
        self,
        info: AudioInfo,
        *,
        read: Callable[[int], np.ndarray],
        close: Callable[[], None] = lambda: None,
        exact_length: bool = False,
    ) -> None:
        self.info = info
        self.num_read = 0
        self._read, self._close, self._exact_length = read, close, exact_length

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
        self._close()

    def blocks(self, block_samples: int = BLOCK_SAMPLES) -> Iterator[np.ndarray]:
        """Yield the signal as float32 blocks (C, n), n <= block_samples.

        Raises:
            AudioError: The file is damaged, cut off, empty, or holds samples that are no numbers.
        """
        while (block := self._read(block_samples)).shape[-1]:
            self._check_finite(block)
            self.num_read += block.shape[-1]
            yield block
        if self.num_read == 0:
            raise AudioError(f"{self.info.name}: the file holds no audio samples")
        promised = self.info.num_samples
        if self._exact_length and promised is not None and self.num_read < promised:
            raise cut_off_error(self.info, num_found=self.num_read)

    def _check_finite(self, block: np.ndarray) -> None:
        finite = np.isfinite(block).all(axis=0)
        if not finite.all():
            sample = self.num_read + int(np.argmin(finite))
            raise AudioError(
                f"{self.info.name}: sample {sample} ({sample / self.info.sample_rate:.3f} s) is "
                "NaN or infinite; export the file again from the program that wrote it"
            )


def cut_off_error(info: AudioInfo, *, num_found: int) -> AudioError:
    """Return the error for a file that ends before what its header promises."""
    promised = info.seconds or 0.0
    return AudioError(
        f"{info.name}: the file is cut off: it promises {promised:.2f} s of audio and ends after "
        f"{num_found / info.sample_rate:.2f} s; copy or download it again"
    )
