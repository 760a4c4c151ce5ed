"""Headers of frames that need no container: MPEG audio, AAC with ADTS headers, AC-3."""

import functools
from typing import NamedTuple

__all__ = ["Frame", "parse_aac", "parse_ac3", "parse_mpeg"]


class Frame(NamedTuple):
    """What the header of a frame says.

    Attributes:
        size: Bytes with the header.
        num_samples: Per channel.
        sample_rate: In Hz.
        num_channels: Of the frame.
        kind: Equal in all frames of one stream, whatever their bit rates.
    """

    size: int
    num_samples: int
    sample_rate: int
    num_channels: int
    kind: tuple[int, ...]


MPEG_RATES = (44100, 48000, 32000)
LAYER_3, LAYER_2, LAYER_1 = 1, 2, 3
# kbit/s by bit rate index (ISO 11172-3, 2.4.2.3, and ISO 13818-3 for the lower rates).
_V1_L1 = (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448)
_V1_L2 = (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
_V1_L3 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_V2_L1 = (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256)
_V2_L23 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
MPEG_BIT_RATES = {
    (True, LAYER_1): _V1_L1,
    (True, LAYER_2): _V1_L2,
    (True, LAYER_3): _V1_L3,
    (False, LAYER_1): _V2_L1,
    (False, LAYER_2): _V2_L23,
    (False, LAYER_3): _V2_L23,
}


def parse_mpeg(header: bytes) -> Frame | None:
    """Read the header of an MPEG-1, 2 or 2.5 audio frame of any layer (ISO 11172-3, 2.4.1.3)."""
    return _parse_mpeg(header[:4])


@functools.lru_cache(maxsize=4096)  # a file has few different headers, and many frames
def _parse_mpeg(header: bytes) -> Frame | None:
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, header[1] >> 1 & 3
    bit_rate, rate = header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or layer == 0 or bit_rate in (0, 15) or rate == 3 or header[3] & 3 == 2:
        return None
    is_v1 = version == 3
    sample_rate = MPEG_RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    bits = 1000 * MPEG_BIT_RATES[is_v1, layer][bit_rate]
    padding = header[2] >> 1 & 1
    if layer == LAYER_1:
        num_samples, size = 384, 4 * (12 * bits // sample_rate + padding)
    else:
        num_samples = 1152 if is_v1 or layer == LAYER_2 else 576
        size = num_samples // 8 * bits // sample_rate + padding
    num_channels = 1 if header[3] >> 6 == 3 else 2
    kind = (version, layer, rate, num_channels)
    return Frame(size, num_samples, sample_rate, num_channels, kind)


AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000)


def parse_aac(header: bytes) -> Frame | None:
    """Read an ADTS header (ISO 13818-7, 6.2)."""
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return None
    rate = header[2] >> 2 & 15
    size = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    if rate >= len(AAC_RATES) or size < 7:
        return None
    channels = (header[2] & 1) << 2 | header[3] >> 6
    num_blocks = (header[6] & 3) + 1
    kind = (header[1], header[2] >> 6, rate, channels)
    return Frame(size, 1024 * num_blocks, AAC_RATES[rate], channels, kind)


AC3_RATES = (48000, 44100, 32000)
AC3_BIT_RATES = (
    *(32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640),
)
AC3_NUM_BLOCKS = (1, 2, 3, 6)


def parse_ac3(header: bytes) -> Frame | None:
    """Read the header of an AC-3 or E-AC-3 frame (ATSC A/52, 5.3 and annex E)."""
    if len(header) < 6 or header[:2] != b"\x0b\x77":
        return None
    version, rate = header[5] >> 3, header[4] >> 6
    if version <= 10:
        code = header[4] & 0x3F
        if rate == 3 or code >= 2 * len(AC3_BIT_RATES):
            return None
        kbits, sample_rate = AC3_BIT_RATES[code // 2], AC3_RATES[rate]
        # 1536 samples in 16-bit words; at 44.1 kHz odd codes are one word longer.
        size = 2 * (kbits * 96_000 // sample_rate + (code & 1 if rate == 1 else 0))
        return Frame(size, 1536, sample_rate, 0, (0, rate))
    if version > 16:
        return None
    size = 2 * ((header[2] & 7) << 8 | header[3]) + 2
    blocks = header[4] >> 4 & 3
    sample_rate = AC3_RATES[rate] if rate < 3 else AC3_RATES[blocks % 3] // 2
    num_samples = 256 * (6 if rate == 3 else AC3_NUM_BLOCKS[blocks])
    return Frame(size, num_samples, sample_rate, 0, (1, rate))
