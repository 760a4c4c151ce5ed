"""Training data: finding tracks, decoding them once, mixing random chunks of them.

``find_tracks`` reads a folder, ``decode_tracks`` turns its files into memory-mapped samples and
``MixingDataset`` draws seeded training examples from those.
"""

from zoo.data.augmentations.production import Doubling, Echo, Stutter
from zoo.data.augmentations.timbre import Attack, Stops
from zoo.data.augmentations.timing import Pitch, Speed, Tempo
from zoo.data.decoded import DecodedFile, DecodedTrack, decode_tracks
from zoo.data.mixing import MixingConfig, MixingDataset
from zoo.data.tracks import Track, find_tracks, require_disjoint

__all__ = [
    "Attack",
    "DecodedFile",
    "DecodedTrack",
    "Doubling",
    "Echo",
    "MixingConfig",
    "MixingDataset",
    "Pitch",
    "Speed",
    "Stops",
    "Stutter",
    "Tempo",
    "Track",
    "decode_tracks",
    "find_tracks",
    "require_disjoint",
]
