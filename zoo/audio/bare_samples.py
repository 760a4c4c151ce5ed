"""Decoding of bare samples: integers, floats and the logarithmic codes of telephony.

C: channels, n: samples of a block
"""

from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np

from zoo.audio.decoded import Decoded
from zoo.audio.parts import PcmEncoding

__all__ = ["decode_bare"]

BLOCK_SAMPLES = 1 << 16
FULL_SCALE_16, FULL_SCALE_32 = np.float32(2.0**-15), np.float32(2.0**-31)


def decode_bare(file: BinaryIO, encoding: PcmEncoding) -> Decoded:
    """Decode samples without header or frames.

    They are not left to libsndfile, which believes the sizes in headers.
    """
    return Decoded(
        sample_rate=encoding.sample_rate,
        num_channels=encoding.num_channels,
        num_samples=None,
        blocks=_blocks(file, encoding),
        close=lambda: None,
    )


def _blocks(file: BinaryIO, encoding: PcmEncoding) -> Iterator[np.ndarray]:
    order = ">" if encoding.is_big_endian else "<"
    convert = CONVERTERS[encoding.subtype]
    step = encoding.bytes_per_step
    while content := _read_fully(file, BLOCK_SAMPLES * step):
        whole = content[: len(content) // step * step]
        yield convert(whole, order).reshape(-1, encoding.num_channels).T


def _read_fully(file: BinaryIO, num_bytes: int) -> bytes:
    """Read until there are so many bytes or the file ends."""
    content = file.read(num_bytes)
    while content and len(content) < num_bytes and (more := file.read(num_bytes - len(content))):
        content += more
    return content


def _from_u8(content: bytes, order: str) -> np.ndarray:
    return (np.frombuffer(content, np.uint8).astype(np.float32) - 128) * np.float32(2.0**-7)


def _from_s8(content: bytes, order: str) -> np.ndarray:
    return np.frombuffer(content, np.int8) * np.float32(2.0**-7)


def _from_16(content: bytes, order: str) -> np.ndarray:
    return np.frombuffer(content, f"{order}i2") * FULL_SCALE_16


def _from_24(content: bytes, order: str) -> np.ndarray:
    triples = np.frombuffer(content, np.uint8).reshape(-1, 3)
    words = np.zeros((len(triples), 4), np.uint8)
    # The low byte of the 32-bit words stays zero.
    words[:, 1:] = triples if order == "<" else triples[:, ::-1]
    return words.view("<i4")[:, 0].astype(np.float32) * FULL_SCALE_32


def _from_32(content: bytes, order: str) -> np.ndarray:
    return np.frombuffer(content, f"{order}i4").astype(np.float32) * FULL_SCALE_32


def _from_float(content: bytes, order: str) -> np.ndarray:
    return np.frombuffer(content, f"{order}f4").astype(np.float32)


def _from_double(content: bytes, order: str) -> np.ndarray:
    return np.frombuffer(content, f"{order}f8").astype(np.float32)


def _mu_law() -> np.ndarray:
    """Return the samples of all codes (ITU-T G.711, table 2): inverted sign, exponent, mantissa."""
    code = ~np.arange(256, dtype=np.uint8)
    exponent, mantissa = (code >> 4 & 7).astype(np.int32), (code & 15).astype(np.int32)
    size = ((2 * mantissa + 33) << exponent + 2) - 132
    return np.where(code & 0x80, -size, size).astype(np.float32) * FULL_SCALE_16


def _a_law() -> np.ndarray:
    """Return the samples of all codes (ITU-T G.711, table 1): every second bit is inverted."""
    code = np.arange(256, dtype=np.uint8) ^ 0x55
    exponent, mantissa = (code >> 4 & 7).astype(np.int32), (code & 15).astype(np.int32)
    size = np.where(
        exponent == 0, (2 * mantissa + 1) << 3, (2 * mantissa + 33) << np.maximum(exponent + 2, 0)
    )
    return np.where(code & 0x80, size, -size).astype(np.float32) * FULL_SCALE_16


MU_LAW, A_LAW = _mu_law(), _a_law()
CONVERTERS: dict[str, Callable[[bytes, str], np.ndarray]] = {
    "PCM_U8": _from_u8,
    "PCM_S8": _from_s8,
    "PCM_16": _from_16,
    "PCM_24": _from_24,
    "PCM_32": _from_32,
    "FLOAT": _from_float,
    "DOUBLE": _from_double,
    "ULAW": lambda content, order: MU_LAW[np.frombuffer(content, np.uint8)],
    "ALAW": lambda content, order: A_LAW[np.frombuffer(content, np.uint8)],
}
