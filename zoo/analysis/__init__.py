"""Beats, bars and key of a song from its sound and its stems. Loads librosa, so import it late."""

from zoo.analysis.beats import BEATS_PER_BAR, Beats
from zoo.analysis.features import SAMPLE_RATE
from zoo.analysis.key import Key
from zoo.analysis.song import SongAnalysis, analyse_song
from zoo.analysis.sureness import Sureness

__all__ = [
    "BEATS_PER_BAR",
    "SAMPLE_RATE",
    "Beats",
    "Key",
    "SongAnalysis",
    "Sureness",
    "analyse_song",
]
