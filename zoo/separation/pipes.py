"""Songs that arrive by a pipe, and a stem that leaves by one.

C: channels, n: samples of a block
"""

import shutil
import stat
import struct
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from zoo.errors import AudioError

__all__ = ["STANDARD_STREAM", "as_file", "is_pipe", "write_wav_stream"]

STANDARD_STREAM = Path("-")
UNKNOWN_SIZE = 0xFFFFFFFF  # what programs write that cannot go back to fill in a size
MAX_DATA_BYTES = UNKNOWN_SIZE - 64
BYTES_PER_SAMPLE = 4
IEEE_FLOAT = 3


def is_pipe(path: Path) -> bool:
    """Whether a song can be read only once: standard input, a FIFO or a process substitution."""
    if path == STANDARD_STREAM:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


@contextmanager
def as_file(path: Path) -> Iterator[Path]:
    """Yield a path that can be read more than once: that of a copy, for a pipe.

    Args:
        path: The song. ``-`` is standard input.

    Raises:
        AudioError: The pipe brings nothing, or the copy does not fit the disk.
    """
    if not is_pipe(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="lightsaft-zoo-") as folder:
        copy = Path(folder) / ("stdin" if path == STANDARD_STREAM else path.name)
        try:
            with copy.open("wb") as file:
                if path == STANDARD_STREAM:
                    shutil.copyfileobj(sys.stdin.buffer, file)
                else:
                    with path.open("rb") as pipe:
                        shutil.copyfileobj(pipe, file)
        except OSError as error:
            raise AudioError(f"{path}: the pipe cannot be read: {error.strerror}") from error
        if copy.stat().st_size == 0:
            raise AudioError(f"{path}: nothing came through the pipe")
        yield copy


def write_wav_stream(
    stream: IO[bytes],
    blocks: Iterable[np.ndarray],
    *,
    sample_rate: int,
    num_samples: int | None,
) -> int:
    """Write a signal as 32-bit float WAV to a stream that cannot seek.

    The header comes with the first block, so that a song that fails at once writes nothing. Where
    the length is not known, or beyond what WAV can say, the header says so as streams do.

    Args:
        stream: Where to.
        blocks: Successive blocks (C, n) float32.
        sample_rate: In Hz.
        num_samples: Length of the signal, if known.

    Returns:
        How many samples were written.
    """
    num_written = 0
    for block in blocks:
        if num_written == 0:
            stream.write(_header(block.shape[0], sample_rate, num_samples))
        stream.write(np.ascontiguousarray(block.T, dtype="<f4").tobytes())
        num_written += block.shape[1]
    stream.flush()
    return num_written


def _header(num_channels: int, sample_rate: int, num_samples: int | None) -> bytes:
    frame = num_channels * BYTES_PER_SAMPLE
    num_bytes = UNKNOWN_SIZE if num_samples is None else num_samples * frame
    is_known = num_bytes <= MAX_DATA_BYTES
    body = struct.pack(
        "<4s4sIHHIIHHH4sII4sI",
        b"WAVE",
        b"fmt ",
        18,
        IEEE_FLOAT,
        num_channels,
        sample_rate,
        sample_rate * frame,
        frame,
        8 * BYTES_PER_SAMPLE,
        0,
        b"fact",
        4,
        num_samples if is_known and num_samples is not None else UNKNOWN_SIZE,
        b"data",
        num_bytes if is_known else UNKNOWN_SIZE,
    )
    size = len(body) + num_bytes if is_known else UNKNOWN_SIZE
    return struct.pack("<4sI", b"RIFF", size) + body
