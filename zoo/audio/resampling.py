"""Sample rate conversion of signals that arrive block by block.

C: channels, n: samples of a block
"""

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

__all__ = ["StreamResampler", "resample", "resample_blocks", "resampled_length"]

QUALITY = "HQ"  # 20 bits: a passband up to 0.91 of the lower Nyquist frequency, -120 dB beyond


def resampled_length(num_samples: int, *, from_rate: int, to_rate: int) -> int:
    """Return the samples that conversion makes: the least that lasts as long as the signal.

    Rounding up lets the way back return at least what went in.

    >>> resampled_length(48000, from_rate=48000, to_rate=44100)
    44100
    >>> resampled_length(1, from_rate=192000, to_rate=44100)
    1
    """
    return -(-num_samples * to_rate // from_rate)


class StreamResampler:
    """Converts a signal block by block; the sizes of the blocks change no sample.

    Band-limited interpolation with linear phase and no delay (soxr).

    Args:
        from_rate: In Hz.
        to_rate: In Hz; equal to ``from_rate``, blocks pass unchanged.
        num_channels: Of the signal.
    """

    def __init__(self, *, from_rate: int, to_rate: int, num_channels: int) -> None:
        self.from_rate, self.to_rate, self.num_channels = from_rate, to_rate, num_channels
        self._num_taken = 0
        self._num_given = 0
        self._stream = None
        if from_rate != to_rate:
            self._stream = soxr.ResampleStream(
                from_rate, to_rate, num_channels, dtype="float32", quality=QUALITY
            )

    def push(self, block: np.ndarray) -> np.ndarray:
        """Take a block (C, n) float32 and return (C, m), what is now ready; m may be 0."""
        self._num_taken += block.shape[-1]
        if self._stream is None:
            return block
        converted = self._stream.resample_chunk(np.ascontiguousarray(block.T)).T
        self._num_given += converted.shape[-1]
        return converted

    def finish(self) -> np.ndarray:
        """Return the rest, (C, m), so that the whole has :func:`resampled_length` samples."""
        if self._stream is None:
            return np.zeros((self.num_channels, 0), np.float32)
        nothing = np.zeros((0, self.num_channels), np.float32)
        rest = self._stream.resample_chunk(nothing, last=True).T
        total = resampled_length(self._num_taken, from_rate=self.from_rate, to_rate=self.to_rate)
        missing = total - self._num_given - rest.shape[-1]
        return np.pad(rest, ((0, 0), (0, max(0, missing))))[:, : total - self._num_given]


def resample_blocks(
    blocks: Iterable[np.ndarray], *, from_rate: int, to_rate: int, num_channels: int
) -> Iterator[np.ndarray]:
    """Convert successive blocks (C, n) of one signal."""
    resampler = StreamResampler(from_rate=from_rate, to_rate=to_rate, num_channels=num_channels)
    for block in blocks:
        yield resampler.push(block)
    yield resampler.finish()


def resample(audio: np.ndarray, *, from_rate: int, to_rate: int) -> np.ndarray:
    """Convert a whole signal.

    Args:
        audio: (C, N) float32.
        from_rate: In Hz.
        to_rate: In Hz.

    Shape:
        (C, N) -> (C, ceil(N * to_rate / from_rate))

    >>> resample(np.zeros((2, 480), np.float32), from_rate=48000, to_rate=44100).shape
    (2, 441)
    """
    blocks = resample_blocks(
        [audio], from_rate=from_rate, to_rate=to_rate, num_channels=audio.shape[0]
    )
    return np.concatenate(list(blocks), axis=-1)
