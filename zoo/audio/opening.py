"""Open audio from whatever a caller has: a path, a file object, a pipe, or an array with its rate.

C: channels, N: samples
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias, cast

import numpy as np
from numpy.typing import ArrayLike

from zoo.audio.contents import survey_file
from zoo.audio.decoded import DamageReport
from zoo.audio.joining import open_parts, open_rare
from zoo.audio.parts import open_ranges
from zoo.audio.reader import BLOCK_SAMPLES, MAX_VALUES, AudioInfo, AudioReader
from zoo.errors import AudioError

__all__ = ["AudioSource", "MissingAudioError", "open_audio", "read_audio"]

AudioSource: TypeAlias = "str | os.PathLike[str] | BinaryIO | tuple[ArrayLike, int] | AudioReader"
"""A path, an open binary file, or ``(array, sample_rate)`` with an array (C, N) or (N,).

A reader that :func:`open_audio` returned is one too: it is read to its end, and closed."""

INTEGER_SCALES = {np.dtype(np.int16): 2.0**15, np.dtype(np.int32): 2.0**31}
MAX_PIPE_BYTES = 8 << 30
COPY_BYTES = 1 << 20


class MissingAudioError(AudioError, FileNotFoundError):
    """A path at which there is no file."""


def open_audio(
    source: AudioSource,
    *,
    stream: int = 0,
    keep_going: bool = False,
    max_values: int = MAX_VALUES,
) -> AudioReader:
    """Open audio for reading.

    What a file is, its content says, not its name. Bare samples (wav, aiff, au, caf, w64) are read
    as they are, Vorbis and FLAC by libsndfile, all else that is compressed by PyAV. Samples of any
    encoding become float32 with full scale at one. The integers of an int16 or int32 array are
    scaled likewise. What cannot be sought in (a pipe) is copied to a temporary file first.

    Args:
        source: A path, an open binary file, or ``(array, sample_rate)``. A reader is returned as it
            is, whatever the other arguments say.
        stream: Which audio stream of a container with several, from 0.
        keep_going: Whether damage is filled with silence of its length and told of in the
            reader's ``warnings``, instead of raising.
        max_values: The most samples times channels that the reader returns.

    Raises:
        MissingAudioError: No such file.
        AudioError: A folder, an empty file, one that is damaged or cut off, or one that no decoder
            reads.
    """
    if isinstance(source, AudioReader):
        return source
    if isinstance(source, tuple):
        return _open_array(*_check_pair(source), max_values=max_values)
    with contextlib.ExitStack() as stack:
        if isinstance(source, (str, os.PathLike)):
            path = Path(source)
            name, file = path.name, stack.enter_context(_open_path(path))
        elif hasattr(source, "read"):
            file, name = source, _name_of(source)
        else:
            raise AudioError(
                f"got {type(source).__name__}; expected a path, an open binary file or "
                "(array, sample_rate)"
            )
        if not _is_seekable(file):
            file = stack.enter_context(_spool(file, name=name))
        report = DamageReport(name=name, keep_going=keep_going)
        info, blocks = _open_seekable(file, stream=stream, report=report)
        return AudioReader(
            info,
            blocks=blocks,
            close=stack.pop_all().close,
            warnings=report.warnings,
            max_values=max_values,
        )


def read_audio(source: AudioSource) -> tuple[np.ndarray, int]:
    """Read a whole signal.

    Returns:
        The samples as float32 (C, N), and the sample rate in Hz.

    Raises:
        AudioError: What :func:`open_audio` and reading raise.
    """
    with open_audio(source) as reader:
        return np.concatenate(list(reader.blocks()), axis=-1), reader.info.sample_rate


def _open_path(path: Path) -> BinaryIO:
    try:
        if path.is_dir():
            raise AudioError(f"{path} is a folder; expected an audio file")
        return path.open("rb")
    except FileNotFoundError:
        raise MissingAudioError(f"{path}: no such file") from None
    except PermissionError:
        raise AudioError(f"{path}: no permission to read it") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror})") from error


def _name_of(file: BinaryIO) -> str:
    name = getattr(file, "name", None)
    return Path(name).name if isinstance(name, str) else "audio"


def _is_seekable(file: BinaryIO) -> bool:
    try:
        file.seek(file.tell())
    except (OSError, AttributeError):
        return False
    return True


def _spool(file: BinaryIO, *, name: str) -> BinaryIO:
    """Copy a pipe to a temporary file, which is removed when it is closed."""
    copy = tempfile.TemporaryFile(prefix="lightsaft-")  # noqa: SIM115 - the caller closes it
    num_bytes = 0
    while block := file.read(COPY_BYTES):
        num_bytes += copy.write(block)
        if num_bytes > MAX_PIPE_BYTES:
            copy.close()
            raise AudioError(f"{name}: more than {MAX_PIPE_BYTES >> 30} GiB came through the pipe")
    copy.seek(0)
    return cast("BinaryIO", copy)


def _open_seekable(
    file: BinaryIO, *, stream: int, report: DamageReport
) -> tuple[AudioInfo, Iterator[np.ndarray]]:
    """Open what can be sought in, from its current position to its end."""
    start = file.tell()
    size = file.seek(0, os.SEEK_END) - start
    if size <= 0:
        raise AudioError(f"{report.name}: the file is empty (0 bytes); copy or download it again")
    content = open_ranges(file, [(start, start + size)]) if start else file
    found = survey_file(content, size)
    if found is None:
        return open_rare(content, name=report.name)
    return open_parts(*found, stream_number=stream, report=report)


def _open_array(array: np.ndarray, sample_rate: int, *, max_values: int) -> AudioReader:
    num_channels, num_samples = array.shape
    info = AudioInfo(
        name="array", sample_rate=sample_rate, num_channels=num_channels, num_samples=num_samples
    )
    blocks = (
        _as_float(array[:, start : start + BLOCK_SAMPLES])
        for start in range(0, num_samples, BLOCK_SAMPLES)
    )
    return AudioReader(info, blocks=blocks, max_values=max_values)


def _check_pair(pair: tuple[ArrayLike, int]) -> tuple[np.ndarray, int]:
    if len(pair) != 2:
        raise AudioError(f"got a tuple of {len(pair)}; expected (array, sample_rate)")
    array, sample_rate = np.asarray(pair[0]), pair[1]
    if isinstance(sample_rate, bool) or not isinstance(sample_rate, (int, np.integer)):
        raise AudioError(f"got a sample rate of {sample_rate!r}; expected whole Hz, as 44100")
    array = array[None] if array.ndim == 1 else array
    if array.ndim != 2:
        raise AudioError(f"got an array of shape {array.shape}; expected (channels, samples)")
    if array.shape[0] > 2 >= array.shape[1] > 0:
        raise AudioError(
            f"got an array of shape {array.shape}; expected (channels, samples): transpose it"
        )
    if array.dtype.kind != "f" and array.dtype not in INTEGER_SCALES:
        raise AudioError(f"got an array of {array.dtype}; expected float, int16 or int32 samples")
    return array, int(sample_rate)


def _as_float(block: np.ndarray) -> np.ndarray:
    if block.dtype in INTEGER_SCALES:
        return (block / INTEGER_SCALES[block.dtype]).astype(np.float32)
    return block.astype(np.float32)
