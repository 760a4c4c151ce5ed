"""Clips of a song, as a network takes them."""

import dataclasses

import numpy as np

from zoo.audio import resample
from zoo.specs.spec import Spec
from zoo.ui.songs import Clip, SongError, SongFile, read_clip

__all__ = ["clip_for_network"]


def clip_for_network(song: SongFile, spec: Spec, *, start: float, seconds: float) -> Clip:
    """Cut a clip and bring it to a network's sample rate and channels.

    Args:
        song: The song.
        spec: The network's.
        start: Where the clip begins, in seconds.
        seconds: Its greatest length.

    Raises:
        SongError: A stereo song for a mono network.
    """
    clip = read_clip(song, start=start, seconds=seconds)
    samples = clip.samples
    if samples.shape[0] == 1:
        samples = np.repeat(samples, spec.channels, axis=0)
    if samples.shape[0] != spec.channels:
        raise SongError(
            f"{spec.name} takes {spec.channels} channel(s) and this song has {samples.shape[0]}."
        )
    samples = resample(samples, from_rate=clip.sample_rate, to_rate=spec.sample_rate)
    return dataclasses.replace(
        clip, samples=np.ascontiguousarray(samples), sample_rate=spec.sample_rate
    )
