"""From blocks of a mixture at any rate to blocks of stems at that rate, in flat memory.

B: signals that the network sees of a song (one, or one per channel for a mono network),
C: channels, S: sources, n: samples of a block
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from zoo.audio import AudioInfo, StreamResampler, resample_blocks
from zoo.errors import AudioError
from zoo.overlap_add import Chunking, stream_overlap_add
from zoo.separation.silence import Pair, mute_silence

__all__ = ["ChannelPlan", "separate_blocks", "share_residual"]

SILENCE_SECONDS = 0.1  # shorter runs of zeros occur in music, where the wave crosses the axis
SHARE_EXPONENT = 0.25  # trades leakage into silent stems for SDR: see share_residual
QUIETEST_SHARE = 1e-5  # of the mixture's level: estimates below it get equal shares


@dataclass(frozen=True, kw_only=True, slots=True)
class ChannelPlan:
    """How the channels of a song become those of a network, and back.

    A stereo network gets a mono song on both channels; the song's estimate is the mean of the two.
    A mono network gets the channels of a stereo song one by one.

    Attributes:
        name: The song's, for messages.
        song: Channels of the song.
        network: Channels of the network.

    Raises:
        AudioError: The song has more channels than the network can take.
    """

    name: str
    song: int
    network: int

    def __post_init__(self) -> None:
        """Refuse songs that must be mixed down first."""
        if self.song not in (1, self.network) and self.network != 1:
            raise AudioError(
                f"{self.name}: got {self.song} channels; the network separates mono and "
                f"{'stereo' if self.network == 2 else f'{self.network}-channel audio'}. Mix it "
                f"down first, for example: ffmpeg -i INPUT -ac {self.network} OUTPUT.wav"
            )

    def to_network(self, block: np.ndarray) -> Tensor:
        """(C of the song, n) -> (B, C of the network, n)."""
        signal = torch.from_numpy(np.ascontiguousarray(block))
        if self.network == 1:
            return signal[:, None]
        return signal.expand(self.network, -1)[None]

    def to_song(self, estimates: Tensor) -> np.ndarray:
        """(B, S, C of the network, n) -> (S, C of the song, n)."""
        if self.network == 1:
            return estimates[:, :, 0].transpose(0, 1).numpy()
        if self.song == 1:
            return estimates[0].mean(dim=1, keepdim=True).numpy()
        return estimates[0].numpy()


class _Backlog:
    """The part of the mixture that was read and is not separated yet."""

    def __init__(self) -> None:
        self._blocks: deque[np.ndarray] = deque()

    def remember(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for block in blocks:
            self._blocks.append(block)
            yield block

    def take(self, num_samples: int) -> np.ndarray:
        """Remove and return the oldest samples, at most ``num_samples``."""
        taken: list[np.ndarray] = []
        while num_samples and self._blocks:
            block = self._blocks.popleft()
            if block.shape[-1] > num_samples:
                self._blocks.appendleft(block[:, num_samples:])
                block = block[:, :num_samples]
            taken.append(block)
            num_samples -= block.shape[-1]
        return np.concatenate(taken, axis=-1) if taken else np.zeros((0, 0), np.float32)


def separate_blocks(
    blocks: Iterable[np.ndarray],
    *,
    info: AudioInfo,
    process: Callable[[Tensor], Tensor],
    chunking: Chunking,
    batch_size: int,
    sample_rate: int,
    network_channels: int,
    summands: Sequence[int],
) -> Iterator[Pair]:
    """Separate a song that arrives block by block.

    Args:
        blocks: Successive float32 blocks (C, n) of the song.
        info: Rate and channels of the song.
        process: The network, (K, C, L) -> (K, S, C, L).
        chunking: Where the song is cut, in samples at the network's rate.
        batch_size: Most chunks in one call.
        sample_rate: The network's, in Hz.
        network_channels: The network's.
        summands: Places of the estimates that must sum to the mixture; none where none need. The
            residual of each chunk is shared out among them by the levels in that chunk, and the
            rest, which resampling leaves, in equal parts.

    Yields:
        Blocks of the mixture (C, n) with their estimates (S, C, n), at the song's rate. Joined,
        they have exactly as many samples as the song.

    Raises:
        AudioError: Channels that the network cannot take.
    """
    channels = ChannelPlan(name=info.name, song=info.num_channels, network=network_channels)
    backlog = _Backlog()
    at_network_rate = resample_blocks(
        backlog.remember(blocks),
        from_rate=info.sample_rate,
        to_rate=sample_rate,
        num_channels=info.num_channels,
    )
    estimates = stream_overlap_add(
        lambda chunks: share_residual(process(chunks), chunks, summands=summands),
        (channels.to_network(block) for block in at_network_rate),
        chunking=chunking,
        batch_size=batch_size,
    )
    at_song_rate = _resample_estimates(
        map(channels.to_song, estimates), from_rate=sample_rate, to_rate=info.sample_rate
    )
    pairs = _pair(at_song_rate, backlog, summands=summands)
    yield from mute_silence(pairs, min_samples=round(SILENCE_SECONDS * info.sample_rate))


def share_residual(estimates: Tensor, mixture: Tensor, *, summands: Sequence[int]) -> Tensor:
    """Add the residual of some of the estimates to them in shares that grow with their levels.

    This is mixture consistency with weights (Wisdom et al., "Differentiable consistency constraints
    for improved deep speech enhancement", ICASSP 2019). Equal shares put a copy of the residual
    into stems that ought to be silent. Shares by the fourth root of the RMS level put 8 dB less
    there at the same mean SDR; steeper shares cost SDR (docs/separation.md).

    Args:
        estimates: All estimates.
        mixture: What the summands add up to afterwards.
        summands: Places of the estimates that add up to it; the others stay as they are.

    Shape:
        estimates (..., S, C, n), mixture (..., C, n) -> (..., S, C, n)
    """
    if not summands:
        return estimates
    is_all = len(summands) == estimates.shape[-3]
    places = torch.tensor(summands)
    chosen = estimates if is_all else estimates.index_select(-3, places)
    levels = _level(chosen)  # (..., summands, 1, 1)
    floor = QUIETEST_SHARE * _level(mixture).unsqueeze(-3) + torch.finfo(levels.dtype).tiny
    weights = levels.maximum(floor) ** SHARE_EXPONENT
    residual = (mixture - chosen.sum(dim=-3)).unsqueeze(-3)
    shared = torch.addcmul(chosen, residual, weights / weights.sum(dim=-3, keepdim=True))
    return shared if is_all else estimates.index_copy(-3, places, shared)


def _level(signal: Tensor) -> Tensor:
    """RMS over channels and samples, (..., C, n) -> (..., 1, 1)."""
    norm = torch.linalg.vector_norm(signal, dim=(-2, -1), keepdim=True)
    return norm / math.sqrt(signal.shape[-2] * signal.shape[-1])


def _resample_estimates(
    blocks: Iterable[np.ndarray], *, from_rate: int, to_rate: int
) -> Iterator[np.ndarray]:
    """Resample successive blocks (S, C, n)."""
    resampler: StreamResampler | None = None
    shape: tuple[int, ...] = ()
    for block in blocks:
        shape = block.shape[:-1]
        if resampler is None:
            resampler = StreamResampler(
                from_rate=from_rate, to_rate=to_rate, num_channels=shape[0] * shape[1]
            )
        flat = resampler.push(block.reshape(-1, block.shape[-1]))
        yield flat.reshape(*shape, flat.shape[-1])
    if resampler is not None:
        flat = resampler.finish()
        yield flat.reshape(*shape, flat.shape[-1])


def _pair(
    blocks: Iterable[np.ndarray], backlog: _Backlog, *, summands: Sequence[int]
) -> Iterator[Pair]:
    """Put estimates (S, C, n) beside their mixture; drop samples that a resampler added."""
    for estimates in blocks:
        if estimates.shape[-1] == 0:
            continue
        mixture = backlog.take(estimates.shape[-1])
        estimates = estimates[..., : mixture.shape[-1]]
        if mixture.shape[-1]:
            if summands:
                chosen = estimates[summands]
                estimates[summands] = chosen + (mixture - chosen.sum(axis=0)) / len(summands)
            yield mixture, estimates
