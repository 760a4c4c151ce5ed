"""Digital silence in gives digital silence out.

S: sources, C: channels, n: samples of a block
"""

from collections.abc import Iterable, Iterator

import numpy as np

__all__ = ["mute_silence"]

Pair = tuple[np.ndarray, np.ndarray]
"""A block of the mixture (C, n) with its estimates (S, C, n)."""


def mute_silence(pairs: Iterable[Pair], *, min_samples: int) -> Iterator[Pair]:
    """Set the estimates to zero where the mixture is digitally silent.

    A run of at least ``min_samples`` zeros in all channels counts as silence. Runs at the ends of
    the signal always count, however short. At most ``min_samples`` samples wait for the next block.
    The sizes of the blocks do not change the result.

    Args:
        pairs: Successive blocks of a mixture with their estimates.
        min_samples: Length of the shortest run of zeros inside a signal that counts as silence.

    Yields:
        The same signal in blocks of other sizes; the mixture is unchanged.
    """
    held: Pair | None = None
    is_silent_before = True
    for mixture, estimates in pairs:
        if held is not None and held[0].shape[-1]:
            mixture = np.concatenate([held[0], mixture], axis=-1)
            estimates = np.concatenate([held[1], estimates], axis=-1)
        is_zero = np.equal(np.abs(mixture).max(axis=0), 0)
        last_sound = np.flatnonzero(~is_zero)
        num_trailing = mixture.shape[-1] - (int(last_sound[-1]) + 1 if last_sound.size else 0)
        is_all_zero = num_trailing == mixture.shape[-1]
        is_silent_after = num_trailing >= min_samples or (is_all_zero and is_silent_before)
        num_decided = mixture.shape[-1] - (0 if is_silent_after else num_trailing)
        muted = _mute_runs(
            is_zero[:num_decided],
            estimates[..., :num_decided],
            min_samples=min_samples,
            is_silent_before=is_silent_before,
            is_silent_after=is_silent_after,
        )
        if num_decided:
            yield mixture[..., :num_decided], muted
            is_silent_before = is_silent_after and num_trailing > 0
        held = mixture[..., num_decided:], estimates[..., num_decided:]
    if held is not None and held[0].shape[-1]:
        yield held[0], np.zeros_like(held[1])


def _mute_runs(
    is_zero: np.ndarray,
    estimates: np.ndarray,
    *,
    min_samples: int,
    is_silent_before: bool,
    is_silent_after: bool,
) -> np.ndarray:
    """Return estimates (S, C, n) without sound in the long runs of ``is_zero`` (n,)."""
    if not is_zero.any():
        return estimates
    changes = np.flatnonzero(np.diff(np.concatenate([[False], is_zero, [False]])))
    muted = estimates.copy()
    for start, end in changes.reshape(-1, 2):
        touches_silence = (start == 0 and is_silent_before) or (
            end == len(is_zero) and is_silent_after
        )
        if touches_silence or end - start >= min_samples:
            muted[..., start:end] = 0
    return muted
