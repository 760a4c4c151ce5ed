"""Decoding through libsndfile: Ogg Vorbis, sound FLAC, and rare formats that only it knows.

C: channels, n: samples of a block
"""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import soundfile

from zoo.audio.decoded import Decoded
from zoo.errors import AudioError

__all__ = ["decode_file"]

BLOCK_SAMPLES = 1 << 16
UNKNOWN_FRAMES = 2**62


def decode_file(file: BinaryIO, *, name: str) -> Decoded:
    """Decode what libsndfile recognizes (Ogg Vorbis, FLAC, VOC, NIST, IRCAM, PAF, ...).

    Raises:
        AudioError: It recognizes nothing.
    """
    file.seek(0)
    try:
        sound = soundfile.SoundFile(file)
    except (soundfile.LibsndfileError, TypeError) as error:
        raise AudioError(f"{name}: not readable as audio ({_reason(error)})") from error
    known = 0 < sound.frames < UNKNOWN_FRAMES
    return _decoded(sound, name=name, num_samples=sound.frames if known else None)


def _decoded(sound: soundfile.SoundFile, *, name: str, num_samples: int | None) -> Decoded:
    def blocks() -> Iterator[np.ndarray]:
        while True:
            try:
                block = sound.read(BLOCK_SAMPLES, dtype="float32", always_2d=True)
            except soundfile.LibsndfileError as error:
                raise AudioError(
                    f"{name}: damaged ({_reason(error)}); copy or download it again"
                ) from error
            if not len(block):
                return
            yield block.T

    return Decoded(
        sample_rate=sound.samplerate,
        num_channels=sound.channels,
        num_samples=num_samples,
        blocks=blocks(),
        close=sound.close,
    )


def _reason(error: Exception) -> str:
    message = getattr(error, "error_string", None) or str(error)
    return message.strip().rstrip(".")
