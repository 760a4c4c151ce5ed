"""The file formats that stems are written in."""

from dataclasses import dataclass

from zoo.errors import AudioError, UnknownNameError

__all__ = ["AUDIO_EXTENSIONS", "AUDIO_FORMATS", "AudioFormat", "find_format"]

AUDIO_EXTENSIONS = frozenset(
    f".{extension}"
    for extension in (
        *("wav", "wave", "w64", "rf64", "flac", "ogg", "oga", "opus", "mp3", "aif", "aiff", "aifc"),
        *("caf", "au", "m4a", "m4b", "aac", "mp4", "mov", "mkv", "mka", "webm", "wma", "ape", "wv"),
    )
)
"""What is taken for audio in a folder; a file that is named itself may have any extension."""

MP3_SAMPLE_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


@dataclass(frozen=True, kw_only=True, slots=True)
class AudioFormat:
    """One way to write audio.

    Attributes:
        name: What a user calls it.
        extension: File name extension, with the dot.
        container: libsndfile's name of the container.
        subtype: libsndfile's name of the encoding.
        clips: Whether samples beyond [-1, 1] are lost, in the file or in every player.
        bytes_per_sample: Of an uncompressed encoding, for the 4 GiB limit of RIFF; 0 otherwise.
        compression_level: libsndfile's, from 0 (best quality) to 1 (smallest file).
        sample_rates: Rates in Hz that the encoding knows, lowest first; empty for all.
        max_sample_rate: Highest rate in Hz that the encoding knows.
        gapless: Whether exactly as many samples come back as went in.
    """

    name: str
    extension: str
    container: str
    subtype: str
    clips: bool
    bytes_per_sample: int = 0
    compression_level: float | None = None
    sample_rates: tuple[int, ...] = ()
    max_sample_rate: int = 768_000
    gapless: bool = True

    def check(self, *, sample_rate: int, num_channels: int) -> None:
        """Raise AudioError where the format cannot hold such audio."""
        if num_channels > 2:
            raise AudioError(
                f"got {num_channels} channels; stems are written mono or stereo. Mix it down "
                "first, for example: ffmpeg -i INPUT -ac 2 OUTPUT.wav"
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


AUDIO_FORMATS: dict[str, AudioFormat] = {
    audio_format.name: audio_format
    for audio_format in (
        AudioFormat(
            name="wav",
            extension=".wav",
            container="WAV",
            subtype="FLOAT",
            clips=False,
            bytes_per_sample=4,
        ),
        AudioFormat(
            name="wav24",
            extension=".wav",
            container="WAV",
            subtype="PCM_24",
            clips=True,
            bytes_per_sample=3,
        ),
        AudioFormat(
            name="wav16",
            extension=".wav",
            container="WAV",
            subtype="PCM_16",
            clips=True,
            bytes_per_sample=2,
        ),
        AudioFormat(
            name="flac",
            extension=".flac",
            container="FLAC",
            subtype="PCM_24",
            clips=True,
            max_sample_rate=655_350,
        ),
        AudioFormat(
            name="ogg",
            extension=".ogg",
            container="OGG",
            subtype="VORBIS",
            clips=True,
            compression_level=0.2,
            max_sample_rate=192_000,
        ),
        AudioFormat(
            name="mp3",
            extension=".mp3",
            container="MP3",
            subtype="MPEG_LAYER_III",
            clips=True,
            compression_level=0.0,
            sample_rates=MP3_SAMPLE_RATES,
            gapless=False,
        ),
    )
}
"""Every format by the name a user gives: float, 24-bit and 16-bit WAV, 24-bit FLAC, Vorbis, MP3."""


def find_format(name: str) -> AudioFormat:
    """Return a format by its name.

    Raises:
        UnknownNameError: No such format.
    """
    if name not in AUDIO_FORMATS:
        raise UnknownNameError("audio format", name, list(AUDIO_FORMATS))
    return AUDIO_FORMATS[name]
