"""The filters that make estimates out of the true sources, by least squares.

BSS Eval explains an estimate by the sources, through a filter of 512 taps from every channel of
them to every channel of it (Vincent, Gribonval, Févotte 2006, section III; Vincent, Sawada, Bofill,
Makino, Rosca 2007 for several channels). The filters c solve the normal equations G c = d: G holds
the inner products of the sources, delayed by 0 to 511 samples, with each other, d those with the
estimate. All are correlations at lags below 512. They are summed over short blocks, so that no
array but the signals grows with their length.

Shape legend: C channels, N samples, S sources, R = S C channels of all sources, L = 512 taps.
"""

from collections.abc import Sequence

import numpy as np

__all__ = ["NUM_TAPS", "fit_filters"]

NUM_TAPS = 512  # of BSS Eval since its third version
N_FFT = 4096  # of a block; larger ones cost memory, smaller ones time
BLOCKS_AT_ONCE = 32
# Relative to each diagonal element. A singular G is made just definite enough to be factorised;
# the least that works is taken, as more would change what is well determined.
REGULARISATION = 1e-15
MOST_REGULARISATION = 1e-6


def fit_filters(
    targets: Sequence[np.ndarray], estimates: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Fit the estimates by delayed versions of the sources over the whole track.

    Args:
        targets: The true sources.
        estimates: Their estimates, in the same order.

    Shape:
        - targets, estimates: S of (C, N).

    Returns:
        The filters from each source to its own estimate, (S, C, C, L) as (source, to, from, tap),
        and those from all sources to each estimate, (S C, S C, L) as (to, from, tap).
    """
    num_sources, num_channels = len(targets), len(targets[0])
    num_all = num_sources * num_channels
    correlations = _correlate(targets, estimates)  # (R, 2R, L)
    gram = _gram(correlations[:, :num_all])  # (R L, R L)
    products = correlations[:, num_all:].transpose(0, 2, 1).reshape(-1, num_all)  # (R L, R)
    own = np.empty((num_sources, num_channels, num_channels, NUM_TAPS))
    for index in range(num_sources):
        channels = slice(index * num_channels, (index + 1) * num_channels)
        rows = slice(channels.start * NUM_TAPS, channels.stop * NUM_TAPS)
        filters = _solve(gram[rows, rows], products[rows, channels])
        own[index] = filters.T.reshape(num_channels, num_channels, NUM_TAPS)
    joint = _solve(gram, products).T.reshape(num_all, num_all, NUM_TAPS)
    return own, joint


def _correlate(targets: Sequence[np.ndarray], estimates: Sequence[np.ndarray]) -> np.ndarray:
    """Return sum over n of x[n] y[n + lag]: x a channel of a target, y one of any signal.

    The block of x has N_FFT - L + 1 samples and that of y L - 1 more, so that the circular
    correlation of an FFT is the linear one at lags below L. Blocks add up before the inverse FFT.

    Shape:
        - output: (R, 2R, L), lags from 0 to L - 1.
    """
    num_all, num_samples = sum(map(len, targets)), targets[0].shape[1]
    block = N_FFT - NUM_TAPS + 1
    stretch = block * BLOCKS_AT_ONCE
    spectrum = np.zeros((N_FFT // 2 + 1, num_all, 2 * num_all), dtype=complex)
    for start in range(0, num_samples, stretch):
        num_blocks = -(-min(stretch, num_samples - start) // block)
        padded = np.zeros((2 * num_all, num_blocks * block + NUM_TAPS - 1))
        end = start + padded.shape[1]
        part = np.concatenate([signal[:, start:end] for signal in (*targets, *estimates)])
        padded[:, : part.shape[1]] = part
        frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT, axis=1)[:, ::block]
        later = np.fft.rfft(frames)  # (2R, blocks, N_FFT // 2 + 1)
        earlier = np.fft.rfft(frames[:num_all, :, :block], N_FFT)
        spectrum += earlier.conj().transpose(2, 0, 1) @ later.transpose(2, 1, 0)
    return np.fft.irfft(spectrum, axis=0)[:NUM_TAPS].transpose(1, 2, 0)


def _gram(correlations: np.ndarray) -> np.ndarray:
    """Arrange correlations (R, R, L) as G: channels i, j at delays k, l have theirs at lag k - l.

    A negative lag is a positive one of the exchanged channels.

    Shape:
        - output: (R L, R L), channel by channel.
    """
    lags = np.concatenate([correlations.transpose(1, 0, 2)[..., :0:-1], correlations], axis=-1)
    windows = np.lib.stride_tricks.sliding_window_view(lags, NUM_TAPS, axis=-1)  # (R, R, k, L - l)
    size = len(correlations) * NUM_TAPS
    gram = windows[..., ::-1].transpose(0, 2, 1, 3).reshape(size, size)
    return np.ascontiguousarray(gram)  # of one channel it is a view


def _solve(gram: np.ndarray, products: np.ndarray) -> np.ndarray:
    """Solve the normal equations; of several solutions, a small one.

    BSS Eval adds the machine epsilon to the diagonal, which shows for sources below -100 dB. G is
    still singular where one source (or channel) is a filtered version of others.

    Raises:
        ValueError: If G is not that of finite signals.
    """
    import torch

    matrix, right = torch.tensor(gram), torch.tensor(products)
    diagonal = matrix.diagonal()
    diagonal += float(np.finfo(np.float64).eps)
    factor, failed = torch.linalg.cholesky_ex(matrix)
    added = REGULARISATION
    while failed:
        if added > MOST_REGULARISATION:
            raise ValueError("no filters fit: the signals hold samples that are no numbers")
        diagonal *= 1 + added
        factor, failed = torch.linalg.cholesky_ex(matrix)
        added *= 10
    return torch.cholesky_solve(right, factor).numpy()
