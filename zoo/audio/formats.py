"""The file formats that stems are written in."""

from collections.abc import Sequence
from dataclasses import dataclass

from blocks.registry import Registry
from zoo.audio.encoders.encoder import Encoding
from zoo.audio.encoders.ffmpeg import FFmpegEncoding
from zoo.audio.encoders.native_stem import NUM_STEMS, NativeStemEncoding
from zoo.audio.encoders.sndfile import SndfileEncoding
from zoo.audio.encoders.wav import WavEncoding
from zoo.errors import AudioError

__all__ = ["AUDIO_EXTENSIONS", "AUDIO_FORMATS", "AudioFormat", "find_format"]

AUDIO_EXTENSIONS = frozenset(
    f".{extension}"
    for extension in (
        *("wav", "wave", "bwf", "w64", "rf64", "aif", "aiff", "aifc", "caf", "au", "snd", "voc"),
        *("flac", "ogg", "oga", "opus", "spx", "mp3", "mp2", "mp1", "aac", "m4a", "m4b", "m4r"),
        *("mp4", "m4v", "mov", "3gp", "3g2", "mkv", "mka", "webm", "weba", "wma", "asf", "wmv"),
        *("avi", "ape", "wv", "tta", "tak", "mpc", "ac3", "eac3", "dts", "amr", "ogv", "flv"),
        *("ts", "m2ts", "mts", "mpg", "mpeg", "vob"),
    )
)
"""What is taken for audio in a folder; a file that is named itself may have any extension."""

MP3_SAMPLE_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
AAC_SAMPLE_RATES = (*MP3_SAMPLE_RATES, 64000, 88200, 96000)
STEM_SAMPLE_RATES = (44100, 48000)  # what the players of DJs are made for


@dataclass(frozen=True, kw_only=True, slots=True)
class AudioFormat:
    """One way to write audio.

    Attributes:
        name: What a user calls it.
        extension: File name extension, with the dot.
        description: What it is, in a few words.
        encoding: How it is written.
        clips: Whether samples beyond [-1, 1] are lost, in the file or in every player.
        sample_rates: Rates in Hz that the encoding knows, lowest first; empty for all.
        max_sample_rate: Highest rate in Hz that the encoding knows.
        is_multitrack: Whether one file holds a whole song: the mixture, and the stems as tracks.
        num_stems: How many stems such a file must have; None for any number.
    """

    name: str
    extension: str
    description: str
    encoding: Encoding
    clips: bool = True
    sample_rates: tuple[int, ...] = ()
    max_sample_rate: int = 768_000
    is_multitrack: bool = False
    num_stems: int | None = None

    def check(self, *, sample_rate: int, num_channels: int) -> None:
        """Raise AudioError where the format cannot hold such audio."""
        if num_channels > 2:
            raise AudioError(
                f"got {num_channels} channels; stems are written mono or stereo. Mix it down first"
            )
        if self.sample_rates and sample_rate not in self.sample_rates:
            rates = ", ".join(map(str, self.sample_rates))
            raise AudioError(
                f"{self.name} cannot hold a sample rate of {sample_rate} Hz (it knows {rates}); "
                "write wav or flac, or resample the input first"
            )
        if sample_rate > self.max_sample_rate:
            raise AudioError(
                f"{self.name} holds at most {self.max_sample_rate} Hz, got {sample_rate} Hz; "
                "write wav"
            )

    def check_stems(self, names: Sequence[str]) -> None:
        """Raise AudioError where the format cannot hold such stems."""
        if self.num_stems not in (None, len(names)):
            raise AudioError(
                f"{self.name} holds exactly {self.num_stems} stems, got {len(names)} "
                f"({', '.join(names)}); mka holds any number"
            )

    def nearest_rate(self, sample_rate: int) -> int:
        """Return the rate in Hz that the format knows and that is nearest to another.

        >>> AUDIO_FORMATS["mp3"].nearest_rate(96_000)
        48000
        >>> AUDIO_FORMATS["wav"].nearest_rate(96_000)
        96000
        """
        rates = self.sample_rates or (min(sample_rate, self.max_sample_rate),)
        return min(rates, key=lambda rate: abs(rate - sample_rate))


AUDIO_FORMATS: Registry[AudioFormat] = Registry("audio format")
"""Every format by the name a user gives."""

_AAC = FFmpegEncoding(
    container="ipod",
    codec="aac",
    sample_format="fltp",
    channel_bit_rate=128_000,
    # Noise that the decoder makes up sounds right by itself, but does not add up with other stems.
    options=(("aac_pns", "0"),),
)
_ALAC = FFmpegEncoding(container="ipod", codec="alac", sample_format="s32p")
for _format in (
    AudioFormat(
        name="wav",
        extension=".wav",
        description="WAV, 32-bit float",
        encoding=WavEncoding(bits=32),
        clips=False,
    ),
    AudioFormat(
        name="wav24",
        extension=".wav",
        description="WAV, 24-bit",
        encoding=WavEncoding(bits=24),
    ),
    AudioFormat(
        name="wav16",
        extension=".wav",
        description="WAV, 16-bit",
        encoding=WavEncoding(bits=16),
    ),
    AudioFormat(
        name="flac",
        extension=".flac",
        description="FLAC, 24-bit",
        encoding=SndfileEncoding(container="FLAC", subtype="PCM_24"),
        max_sample_rate=655_350,
    ),
    AudioFormat(
        name="alac",
        extension=".m4a",
        description="Apple Lossless, 24-bit",
        encoding=_ALAC,
        max_sample_rate=384_000,
    ),
    AudioFormat(
        name="ogg",
        extension=".ogg",
        description="Ogg Vorbis, quality 8 of 10",
        encoding=SndfileEncoding(container="OGG", subtype="VORBIS", compression_level=0.2),
        max_sample_rate=192_000,
    ),
    AudioFormat(
        name="opus",
        extension=".opus",
        description="Opus, 192 kbit/s",
        encoding=FFmpegEncoding(
            container="opus", codec="libopus", sample_format="flt", channel_bit_rate=96_000
        ),
        sample_rates=(48_000,),
    ),
    AudioFormat(
        name="mp3",
        extension=".mp3",
        description="MP3, best quality",
        encoding=SndfileEncoding(container="MP3", subtype="MPEG_LAYER_III", compression_level=0.0),
        sample_rates=MP3_SAMPLE_RATES,
    ),
    AudioFormat(
        name="m4a",
        extension=".m4a",
        description="AAC, 256 kbit/s",
        encoding=_AAC,
        sample_rates=AAC_SAMPLE_RATES,
    ),
    AudioFormat(
        name="stem",
        extension=".stem.mp4",
        description="Native Instruments Stem, AAC, 256 kbit/s",
        encoding=NativeStemEncoding(encoding=_AAC),
        sample_rates=STEM_SAMPLE_RATES,
        is_multitrack=True,
        num_stems=NUM_STEMS,
    ),
    AudioFormat(
        name="stem_alac",
        extension=".stem.mp4",
        description="Native Instruments Stem, Apple Lossless, 24-bit",
        encoding=NativeStemEncoding(encoding=_ALAC),
        sample_rates=STEM_SAMPLE_RATES,
        is_multitrack=True,
        num_stems=NUM_STEMS,
    ),
    AudioFormat(
        name="mka",
        extension=".mka",
        description="Matroska, FLAC, 24-bit",
        encoding=FFmpegEncoding(container="matroska", codec="flac", sample_format="s32"),
        max_sample_rate=655_350,
        is_multitrack=True,
    ),
):
    AUDIO_FORMATS.add(_format.name, _format)


def find_format(name: str) -> AudioFormat:
    """Return a format by its name.

    Raises:
        UnknownNameError: No such format.
    """
    return AUDIO_FORMATS[name]
