"""Format fields of WAV, AIFF, AU and CAF headers; ``None`` stands for what is compressed."""

import struct

from zoo.audio.parts import PcmEncoding

__all__ = ["aiff_encoding", "au_encoding", "caf_encoding", "is_mp3", "wav_encoding"]

INTEGERS = {1: "PCM_S8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"}
FLOATS = {4: "FLOAT", 8: "DOUBLE"}
LOGARITHMIC = {"ulaw": "ULAW", "ULAW": "ULAW", "alaw": "ALAW", "ALAW": "ALAW"}
WAVE_PCM, WAVE_FLOAT, WAVE_ALAW, WAVE_ULAW, WAVE_EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
MAX_CHANNELS = 256
WAVE_MPEG_CODES = (0x50, 0x55)
AU_SUBTYPES = {
    **{1: ("ULAW", 1), 2: ("PCM_S8", 1), 3: ("PCM_16", 2), 4: ("PCM_24", 3), 5: ("PCM_32", 4)},
    **{6: ("FLOAT", 4), 7: ("DOUBLE", 8), 27: ("ALAW", 1)},
}
AIFC_SUBTYPES = {
    **{b"raw ": ("PCM_U8", 1), b"in24": ("PCM_24", 3), b"in32": ("PCM_32", 4)},
    **{b"fl32": ("FLOAT", 4), b"FL32": ("FLOAT", 4), b"fl64": ("DOUBLE", 8)},
    **{b"FL64": ("DOUBLE", 8), b"ulaw": ("ULAW", 1), b"ULAW": ("ULAW", 1)},
    **{b"alaw": ("ALAW", 1), b"ALAW": ("ALAW", 1)},
}


def wav_encoding(fields: bytes, *, order: str) -> PcmEncoding | None:
    """Read the body of a ``fmt `` chunk."""
    if len(fields) < 16:
        return None
    sign = ">" if order == "big" else "<"
    code, num_channels, rate, _, step, _ = struct.unpack(f"{sign}HHIIHH", fields[:16])
    if code == WAVE_EXTENSIBLE and len(fields) >= 26:
        code = struct.unpack(f"{sign}H", fields[24:26])[0]
    width, rest = divmod(step, num_channels or 1)
    if code == WAVE_PCM:
        subtype = "PCM_U8" if width == 1 else INTEGERS.get(width)
    else:
        kinds = {WAVE_FLOAT: FLOATS, WAVE_ALAW: {1: "ALAW"}, WAVE_ULAW: {1: "ULAW"}}
        subtype = kinds.get(code, {}).get(width)
    return None if rest else _encoding(subtype, width, rate, num_channels, big=order == "big")


def is_mp3(fields: bytes) -> bool:
    """Whether the body of a ``fmt `` chunk announces MPEG audio."""
    return int.from_bytes(fields[:2], "little") in WAVE_MPEG_CODES


def aiff_encoding(fields: bytes, *, is_compressed: bool) -> PcmEncoding | None:
    """Read the body of a ``COMM`` chunk; its rate is an 80-bit float."""
    if len(fields) < 18 + 4 * is_compressed:
        return None
    num_channels, _, bits, exponent, mantissa = struct.unpack(">HIHHQ", fields[:18])
    rate = round(mantissa * 2.0 ** ((exponent & 0x7FFF) - 16383 - 63)) if exponent < 16500 else 0
    kind = fields[18:22] if is_compressed else b"NONE"
    if kind in (b"NONE", b"twos", b"sowt"):
        width = -(-bits // 8)
        return _encoding(INTEGERS.get(width), width, rate, num_channels, big=kind != b"sowt")
    subtype, width = AIFC_SUBTYPES.get(kind, (None, 1))
    return _encoding(subtype, width, rate, num_channels, big=True)


def au_encoding(
    code: int, rate: int, num_channels: int, *, is_big_endian: bool
) -> PcmEncoding | None:
    """Read the code of an AU header."""
    subtype, width = AU_SUBTYPES.get(code, (None, 1))
    return _encoding(subtype, width, rate, num_channels, big=is_big_endian)


def caf_encoding(fields: bytes) -> PcmEncoding | None:
    """Read the body of a ``desc`` chunk."""
    if len(fields) < 32:
        return None
    rate, kind, flags, step, _, num_channels, _ = struct.unpack(">d4sIIIII", fields)
    is_float, is_little_endian = flags & 1, flags & 2
    width, rest = divmod(step, num_channels or 1)
    if kind == b"lpcm":
        subtype = (FLOATS if is_float else INTEGERS).get(width)
    else:
        subtype = LOGARITHMIC.get(kind.decode("latin-1"))
    rate = round(rate) if 0 < rate < 2**31 else 0
    return None if rest else _encoding(subtype, width, rate, num_channels, big=not is_little_endian)


def _encoding(
    subtype: str | None, width: int, rate: int, num_channels: int, *, big: bool
) -> PcmEncoding | None:
    if subtype is None or not 0 < num_channels <= MAX_CHANNELS:
        return None
    return PcmEncoding(
        subtype=subtype,
        is_big_endian=big,
        sample_rate=rate,
        num_channels=num_channels,
        bytes_per_step=width * num_channels,
    )
