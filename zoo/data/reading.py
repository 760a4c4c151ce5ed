"""Reading the audio files of a data set, and saying which one is broken."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from zoo.audio import open_audio
from zoo.data.tracks import TrackFile
from zoo.errors import AudioError


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioHeader:
    """What a file says of itself.

    Args:
        num_samples: Length in samples.
        sample_rate: Hz.
        channels: Number of channels.
    """

    num_samples: int
    sample_rate: int
    channels: int


def read_header(file: TrackFile) -> AudioHeader:
    """Read length, rate and channel count of a file.

    Raises:
        AudioError: If it cannot be decoded, is empty or has more than two channels.
    """
    try:
        with open_audio(file.path, stream=file.stream or 0) as reader:
            info = reader.info
            num_samples = info.num_samples if info.has_exact_length else None
            if num_samples is None:
                num_samples = sum(block.shape[-1] for block in reader.blocks())
    except AudioError as error:
        raise _undecodable(file, error) from error
    if info.num_channels > 2:
        raise AudioError(f"{file} has {info.num_channels} channels; expected mono or stereo")
    return AudioHeader(
        num_samples=num_samples, sample_rate=info.sample_rate, channels=info.num_channels
    )


def read_samples(file: TrackFile) -> np.ndarray:
    """Decode a whole file.

    Shape:
        - Output: (N, C) float32.

    Raises:
        AudioError: If it cannot be decoded.
    """
    try:
        with open_audio(file.path, stream=file.stream or 0) as reader:
            return np.concatenate(list(reader.blocks()), axis=-1).T  # (C, N) -> (N, C)
    except AudioError as error:
        raise _undecodable(file, error) from error


def require_alike(headers: Mapping[TrackFile, AudioHeader]) -> None:
    """Refuse files of one track that cannot be aligned sample by sample.

    Args:
        headers: Header of each file of the track, in any order.

    Raises:
        AudioError: If two differ in length, rate or channels; the message names both.
    """
    if not headers:
        return
    (first_file, first), *rest = headers.items()
    for file, header in rest:
        for what, unit in (("sample_rate", "Hz"), ("channels", "ch"), ("num_samples", "samples")):
            got, expected = getattr(header, what), getattr(first, what)
            if got != expected:
                raise AudioError(
                    f"{file} has {got} {unit}, but {first_file} has {expected} {unit}; the files "
                    "of one track must agree: export them again at one length, rate and channel "
                    "count"
                )


def _undecodable(file: TrackFile, error: Exception) -> AudioError:
    return AudioError(f"{file} cannot be decoded ({error}); export or download it again")
