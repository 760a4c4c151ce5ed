"""The two channels: their order, their polarity, their width."""

from dataclasses import dataclass

import numpy as np

from zoo.data.augmentations.levels import db_to_gain, match_level
from zoo.data.augmentations.registry import AUGMENTATIONS, Augmentation


@AUGMENTATIONS.register("channel_swap")
@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSwap(Augmentation):
    """Exchange left and right."""

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the audio with its channels exchanged."""
        return audio[::-1]


@AUGMENTATIONS.register("sign_flip")
@dataclass(frozen=True, slots=True, kw_only=True)
class SignFlip(Augmentation):
    """Turn the polarity of both channels around."""

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the negated audio."""
        return -audio


@AUGMENTATIONS.register("stereo_width")
@dataclass(frozen=True, slots=True, kw_only=True)
class StereoWidth(Augmentation):
    """Scale the side signal and turn the balance.

    Args:
        min_width: Smallest factor of the side signal; 0 is mono.
        max_width: Largest factor of the side signal.
        max_balance_db: Largest difference between the channels that is added, dB.
    """

    min_width: float = 0.0
    max_width: float = 1.6
    max_balance_db: float = 4.0

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the audio with another width at the level it came with."""
        width = np.float32(generator.uniform(self.min_width, self.max_width))
        balance = generator.uniform(-self.max_balance_db, self.max_balance_db) / 2
        middle, side = 0.5 * (audio[0] + audio[1]), 0.5 * (audio[0] - audio[1]) * width
        sides = [db_to_gain(balance) * (middle + side), db_to_gain(-balance) * (middle - side)]
        return match_level(np.stack(sides).astype(np.float32), audio)
