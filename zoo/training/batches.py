"""Which examples make up each step, for any number of processes."""

import signal
from collections.abc import Iterator, Sequence
from typing import Any

from torch.utils.data import DataLoader, Sampler

from zoo.data import DecodedTrack, MixingDataset, ReplayDataset


class StepSampler(Sampler[list[int]]):
    """Give this process its share of the examples of each step.

    Step ``s`` of a batch of ``B`` examples is made of the examples ``s B`` to ``(s + 1) B - 1``,
    and of these each process takes an equal run, so that the batch is one and the same however
    many processes share it.

    Args:
        first_step: The step to begin with.
        last_step: The step to end before.
        mixtures: Examples of a step, over all processes.
        process: This process's number.
        num_processes: How many processes there are.

    Raises:
        ValueError: If the examples cannot be shared out evenly.

    Example:
        >>> list(StepSampler(1, 3, mixtures=4, process=1, num_processes=2))
        [[6, 7], [10, 11]]
    """

    def __init__(
        self, first_step: int, last_step: int, *, mixtures: int, process: int, num_processes: int
    ) -> None:
        if mixtures % num_processes:
            raise ValueError(
                f"a batch of {mixtures} mixtures cannot be shared by {num_processes} processes; "
                "set mixtures to a multiple of them"
            )
        self._steps = range(first_step, last_step)
        self._mixtures = mixtures
        self._share = mixtures // num_processes
        self._offset = process * self._share

    def __iter__(self) -> Iterator[list[int]]:
        """Give the indices of each step."""
        for step in self._steps:
            first = step * self._mixtures + self._offset
            yield list(range(first, first + self._share))

    def __len__(self) -> int:
        """Count the steps."""
        return len(self._steps)


def make_dataset(
    tracks: Sequence[DecodedTrack], replay: Sequence[DecodedTrack], **options: Any
) -> MixingDataset | ReplayDataset:
    """Return what examples are drawn from.

    Args:
        tracks: What is learnt.
        replay: What the network had learnt from before; may be empty.
        options: The other arguments of :class:`~zoo.data.MixingDataset`.

    Raises:
        ValueError: If no track has one of the sources.
    """
    new = MixingDataset(tracks, **options)
    if not replay:
        return new
    share = options["config"].replay_share
    return ReplayDataset(new, MixingDataset(replay, **options), share=share, seed=options["seed"])


def load_batches(
    dataset: MixingDataset | ReplayDataset,
    sampler: StepSampler,
    *,
    workers: int,
    pin_memory: bool = False,
) -> DataLoader:
    """Return an iterable of the batches of the sampler's steps, each an ``Example`` of tensors."""
    return DataLoader(
        dataset,
        batch_sampler=sampler,
        num_workers=workers,
        pin_memory=pin_memory,
        prefetch_factor=2 if workers else None,
        worker_init_fn=_leave_signals_to_the_trainer,
    )


def _leave_signals_to_the_trainer(_worker: int) -> None:
    """Let a worker outlive a signal to its whole group, so that the last step can be finished.

    Ctrl-C and most schedulers signal every process of a job. A worker ends with its trainer.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
