"""Training data: finding tracks, decoding them once, mixing random chunks of them.

``find_tracks`` reads a folder, ``decode_tracks`` turns its files into memory-mapped samples and
``MixingDataset`` draws seeded training examples from those.
"""

from zoo.data.decoded import DecodedTrack, decode_tracks
from zoo.data.examples import Example
from zoo.data.mixing import MixingDataset, ReplayDataset
from zoo.data.mixing_config import MixingConfig
from zoo.data.tracks import Track, find_tracks, require_disjoint

__all__ = [
    "DecodedTrack",
    "Example",
    "MixingConfig",
    "MixingDataset",
    "ReplayDataset",
    "Track",
    "decode_tracks",
    "find_tracks",
    "require_disjoint",
]
