"""Open audio from whatever a caller has: a path, a file object, or an array with its rate.

C: channels, N: samples
"""

import os
import re
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
import soundfile
from numpy.typing import ArrayLike

from zoo.audio.ffmpeg import ffmpeg_is_installed, open_with_ffmpeg
from zoo.audio.mp3 import has_length_tag
from zoo.audio.ogg import ends_with_last_page
from zoo.audio.reader import AudioInfo, AudioReader, cut_off_error
from zoo.errors import AudioError
from zoo.records.files import native_path

__all__ = ["AudioSource", "MissingAudioError", "open_audio", "read_audio"]

AudioSource: TypeAlias = "str | os.PathLike[str] | BinaryIO | tuple[ArrayLike, int]"
"""A path, an open binary file, or ``(array, sample_rate)`` with an array (C, N) or (N,)."""

UNKNOWN_FRAMES = 2**62
STREAMED_SIZE = 0x7FFF_F000  # programs that cannot seek back write such sizes for "unknown"
INTEGER_SCALES = {np.dtype(np.int16): 2.0**15, np.dtype(np.int32): 2.0**31}


class _NotForLibsndfileError(Exception):
    """libsndfile cannot read a file, or not all of it; ffmpeg may."""


class MissingAudioError(AudioError, FileNotFoundError):
    """A path at which there is no file."""


def open_audio(source: AudioSource) -> AudioReader:
    """Open audio for reading.

    wav, flac, ogg, opus, mp3, aiff, caf and their relatives are read by libsndfile, other
    containers by ffmpeg if it is installed. Samples of any encoding become float32 with full scale
    at one. The integers of an int16 or int32 array are scaled likewise.

    Args:
        source: A path, an open binary file, or ``(array, sample_rate)``.

    Raises:
        MissingAudioError: No such file.
        AudioError: A folder, an empty file, or one that no decoder reads.
    """
    if isinstance(source, tuple):
        return _open_array(*_check_pair(source))
    if isinstance(source, (str, os.PathLike)):
        return _open_path(Path(source))
    if hasattr(source, "read") and hasattr(source, "seek"):
        return _open_file_object(source)
    raise AudioError(
        f"got {type(source).__name__}; expected a path, an open binary file or (array, sample_rate)"
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


def _open_path(path: Path) -> AudioReader:
    try:
        if path.is_dir():
            raise AudioError(f"{path} is a folder; expected an audio file")
        size = path.stat().st_size
    except FileNotFoundError:
        raise MissingAudioError(f"{path}: no such file") from None
    except OSError as error:
        raise AudioError(f"{path}: cannot be opened ({error.strerror})") from error
    if size == 0:
        raise AudioError(f"{path.name}: the file is empty (0 bytes); copy or download it again")
    if not os.access(path, os.R_OK):
        raise AudioError(f"{path}: no permission to read it")
    try:
        with path.open("rb") as file:
            return _read_with_libsndfile(path, file, name=path.name)
    except _NotForLibsndfileError as error:
        return open_with_ffmpeg(path, name=path.name, reason=str(error))


def _open_file_object(file: BinaryIO) -> AudioReader:
    name = Path(str(getattr(file, "name", "audio"))).name
    start = file.tell()
    if not file.read(1):
        raise AudioError(f"{name}: the file is empty (0 bytes)")
    file.seek(start)
    try:
        return _read_with_libsndfile(file, file, name=name)
    except _NotForLibsndfileError as error:
        reason = str(error)
    # Containers must be sought in, which a pipe to ffmpeg cannot do: hence a temporary file.
    file.seek(start)
    folder = tempfile.TemporaryDirectory(prefix="lightsaft-")
    try:
        spooled = Path(folder.name) / "audio"
        with spooled.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        return open_with_ffmpeg(spooled, name=name, reason=reason, on_close=folder.cleanup)
    except AudioError:
        folder.cleanup()
        raise


def _read_with_libsndfile(source: Path | BinaryIO, content: BinaryIO, *, name: str) -> AudioReader:
    """Open a path or file object, of which ``content`` shows the bytes."""
    length_is_known, has_last_page = has_length_tag(content), ends_with_last_page(content)
    try:
        file = soundfile.SoundFile(native_path(source) if isinstance(source, Path) else source)
    except (soundfile.LibsndfileError, TypeError) as error:
        if "malformed" in str(error):
            raise AudioError(f"{name}: damaged ({_reason(error)}); download it again") from error
        raise _NotForLibsndfileError(_reason(error)) from error
    guesses_length = file.format == "MP3" and not length_is_known
    try:
        if guesses_length and ffmpeg_is_installed():
            raise _NotForLibsndfileError("an MP3 without length tag")
        info = AudioInfo(
            name=name,
            sample_rate=file.samplerate,
            num_channels=file.channels,
            num_samples=file.frames if 0 < file.frames < UNKNOWN_FRAMES else None,
        )
        _check_declared_size(file, info)
        if file.format == "OGG" and not has_last_page:
            raise AudioError(
                f"{name}: the file is cut off: it ends without the last page of its stream; copy "
                "or download it again, or keep what is there: ffmpeg -i INPUT -c copy OUTPUT.ogg"
            )
    except (AudioError, _NotForLibsndfileError):
        file.close()
        raise

    def read(num_samples: int) -> np.ndarray:
        try:
            return np.ascontiguousarray(file.read(num_samples, dtype="float32", always_2d=True).T)
        except soundfile.LibsndfileError as error:
            raise AudioError(
                f"{name}: damaged ({_reason(error)}); copy or download it again"
            ) from error

    return AudioReader(info, read=read, close=file.close, exact_length=not guesses_length)


def _check_declared_size(file: soundfile.SoundFile, info: AudioInfo) -> None:
    """Refuse a WAV or AIFF whose header promises more bytes than there are."""
    found = re.search(r"(?:data|SSND) *: (\d+) \(should be (\d+)\)", file.extra_info)
    if found is None or info.num_samples is None:
        return
    declared, present = map(int, found.groups())
    if present < declared < STREAMED_SIZE:
        promised = replace(info, num_samples=round(info.num_samples * declared / max(present, 1)))
        raise cut_off_error(promised, num_found=info.num_samples)


def _open_array(array: np.ndarray, sample_rate: int) -> AudioReader:
    position = 0

    def read(num_samples: int) -> np.ndarray:
        nonlocal position
        block = array[:, position : position + num_samples]
        position += block.shape[-1]
        return _as_float(block)

    num_channels, num_samples = array.shape
    info = AudioInfo(
        name="array", sample_rate=sample_rate, num_channels=num_channels, num_samples=num_samples
    )
    return AudioReader(info, read=read)


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


def _reason(error: Exception) -> str:
    message = getattr(error, "error_string", None) or str(error)
    return message.strip().rstrip(".")
