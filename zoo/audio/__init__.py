"""Audio in and out: decoding, encoding, sample rates. Knows no network and needs no torch."""

from zoo.audio.formats import AUDIO_EXTENSIONS, AUDIO_FORMATS, AudioFormat, find_format
from zoo.audio.opening import AudioSource, MissingAudioError, open_audio, read_audio
from zoo.audio.reader import BLOCK_SAMPLES, AudioInfo, AudioReader
from zoo.audio.resampling import StreamResampler, resample, resample_blocks, resampled_length
from zoo.audio.tags import BroadcastInfo, Tags, read_tags
from zoo.audio.writing import AudioWriter, write_audio

__all__ = [
    "AUDIO_EXTENSIONS",
    "AUDIO_FORMATS",
    "BLOCK_SAMPLES",
    "AudioFormat",
    "AudioInfo",
    "AudioReader",
    "AudioSource",
    "AudioWriter",
    "BroadcastInfo",
    "MissingAudioError",
    "StreamResampler",
    "Tags",
    "find_format",
    "open_audio",
    "read_audio",
    "read_tags",
    "resample",
    "resample_blocks",
    "resampled_length",
    "write_audio",
]
