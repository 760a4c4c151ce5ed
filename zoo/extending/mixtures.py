"""Held-out mixtures: each held-out example over something that it can be told from."""

from collections.abc import Sequence

from zoo.data import DecodedTrack
from zoo.data.decoded import ACTIVITY_SECONDS
from zoo.extending.examples import HELD_OUT_SHARE

__all__ = ["hold_out_background", "mix_held_out"]

SECONDS = 20.0


def hold_out_background(
    tracks: Sequence[DecodedTrack], count: int
) -> tuple[tuple[DecodedTrack, ...], tuple[DecodedTrack, ...]]:
    """Keep some tracks of what sounds beside the new source out of the training.

    Args:
        tracks: All of them.
        count: How many mixtures are to be made.

    Returns:
        What is left to train with, and what is held out: of the tracks with the most sources, at
        most a fifth and at most ``count``. Where there is but one, it is in both.
    """
    most = max((len(track.files) for track in tracks), default=0)
    fullest = [track for track in tracks if len(track.files) == most]
    if len(fullest) < 2:
        return tuple(tracks), tuple(fullest)
    number = max(1, min(count, round(len(fullest) * HELD_OUT_SHARE)))
    held_out = fullest[-number:]
    return tuple(track for track in tracks if track not in held_out), tuple(held_out)


def mix_held_out(
    source: str, examples: Sequence[DecodedTrack], background: Sequence[DecodedTrack]
) -> tuple[DecodedTrack, ...]:
    """Put each held-out example over a track that lacks the source, for at most 20 s.

    The example is as loud as the mean of what sounds in that track. An example that comes with
    other sources of its own stays with them.
    """
    return tuple(
        _mix(source, track, background[place % len(background)] if background else None)
        for place, track in enumerate(examples)
    )


def _mix(source: str, example: DecodedTrack, background: DecodedTrack | None) -> DecodedTrack:
    file = example.files[source]
    length = min(file.num_samples, round(SECONDS * file.sample_rate))
    # From where it begins to sound.
    first = int(file.active_windows[0] * ACTIVITY_SECONDS * file.sample_rate)
    start = min(first, file.num_samples - length)
    if len(example.files) > 1 or background is None:
        files = {name: each.cut(start, start + length) for name, each in example.files.items()}
        return DecodedTrack(name=example.name, group="", num_samples=length, files=files)
    levels = [each.active_level for each in background.files.values() if each.active_level > 0]
    gain = 1.0
    if levels:
        gain = (sum(level**2 for level in levels) / len(levels)) ** 0.5 / file.active_level
    # Of the background the middle, where every source is likely to sound.
    middle = max(0, (background.num_samples - length) // 2)
    files = {name: each.cut(middle, middle + length) for name, each in background.files.items()}
    files[source] = file.cut(start, start + length, gain=gain)
    return DecodedTrack(
        name=f"{example.name} over {background.name}", group="", num_samples=length, files=files
    )
