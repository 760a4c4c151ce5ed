"""Augmentations of the recordings of one source, by name in ``AUGMENTATIONS``.

One more is a subclass of ``Augmentation`` with ``@AUGMENTATIONS.register("name")``, in the module
of its subject or a new one that is imported here; recipes can name it then. Its fields are its
parameters in a recipe.

Levels: all but ``gain`` keep the RMS of the chunk, so that ``gain`` alone decides the balance.
"""

from zoo.data.augmentations import (
    dynamics,
    filtering,
    levels,
    pitch_and_tempo,
    production,
    stereo,
)
from zoo.data.augmentations.registry import AUGMENTATIONS, Augmentation

__all__ = [
    "AUGMENTATIONS",
    "Augmentation",
    "dynamics",
    "filtering",
    "levels",
    "pitch_and_tempo",
    "production",
    "stereo",
]
