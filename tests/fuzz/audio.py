"""Songs: whatever a file holds is read to its end or refused with an ``AudioError``."""

import io
from contextlib import suppress

import numpy as np
import soundfile
from media import encode
from signals import noise

from zoo.audio import open_audio, read_tags
from zoo.errors import AudioError

MAX_VALUES = 4_000_000  # a small file may hold hours of silence, which takes its time rightly
KINDS = {
    "wav": ("WAV", "FLOAT"),
    "pcm": ("WAV", "PCM_16"),
    "aiff": ("AIFF", "PCM_24"),
    "au": ("AU", "PCM_16"),
    "caf": ("CAF", "FLOAT"),
    "w64": ("W64", "PCM_16"),
    "rf64": ("RF64", "PCM_16"),
    "flac": ("FLAC", "PCM_16"),
    "ogg": ("OGG", "VORBIS"),
}
CODECS = {
    "m4a": ("ipod", "aac"),
    "mp3": ("mp3", "libmp3lame"),
    "opus": ("ogg", "libopus"),
    "mka": ("matroska", "flac"),
    "wma": ("asf", "wmav2"),
    "wv": ("wv", "wavpack"),
    "ac3": ("ac3", "ac3"),
}


def check(content: bytes) -> None:
    """Read samples and tags."""
    song = io.BytesIO(content)
    song.name = "song"
    with suppress(AudioError), open_audio(song, max_values=MAX_VALUES) as reader:
        for block in reader.blocks():
            assert np.isfinite(block).all()
    read_tags(io.BytesIO(content))


def seeds() -> dict[str, bytes]:
    """Return a short file of every kind."""
    song, rate = noise(1500), 48_000
    files = {}
    for name, (container, subtype) in KINDS.items():
        file = io.BytesIO()
        soundfile.write(file, song.T, rate, format=container, subtype=subtype)
        files[name] = file.getvalue()
    for name, (container, codec) in CODECS.items():
        bit_rate = 128_000 if codec == "wmav2" else None
        files[name] = encode(song, rate=rate, container=container, codec=codec, bit_rate=bit_rate)
    return files
