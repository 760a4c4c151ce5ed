"""Many songs one after the other, without the network ever waiting for a decoder or an encoder.

While the network works on a song, the next one is opened and decoded ahead, and the last one is
encoded. So three songs are in hand at most, whatever their number.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass

from zoo.separation.files import FileSeparation, SeparatedFile
from zoo.separation.job import SeparationJob
from zoo.separation.pipes import as_file, is_pipe
from zoo.separation.planning import PlannedSong

__all__ = ["SongOutcome", "SongProgress", "separate_songs"]

NUM_AHEAD = 2  # one song on the network, one that is prepared


@dataclass(frozen=True, kw_only=True, slots=True)
class SongProgress:
    """How far the song is that the network works on.

    Attributes:
        song: Which one.
        fraction: How much of it is done, from 0 to 1.
        speed: Seconds of audio per second of work; None where the song's length is unknown.
    """

    song: PlannedSong
    fraction: float
    speed: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class SongOutcome:
    """What became of a song: one of ``result`` and ``error`` is there.

    Attributes:
        song: Which one.
        result: Its stems.
        error: Why there are none.
    """

    song: PlannedSong
    result: SeparatedFile | None = None
    error: Exception | None = None


@dataclass(kw_only=True, slots=True)
class _SongInHand:
    """A song between its start and its outcome."""

    song: PlannedSong
    closing: ExitStack
    separation: FileSeparation | None = None
    future: Future[SeparatedFile | None]

    def finish(self) -> SongOutcome:
        """Encode the stems, unless they were there already."""
        try:
            known = self.future.result()
            if known is None and self.separation is not None:
                known = self.separation.finish()
        except Exception as error:  # noqa: BLE001  # whatever befalls one song, the others go on
            return SongOutcome(song=self.song, error=error)
        finally:
            self.closing.close()
        return SongOutcome(song=self.song, result=known)


def separate_songs(
    job: SeparationJob,
    songs: Sequence[PlannedSong],
    *,
    progress: Callable[[SongProgress], object] = lambda progress: None,
) -> Generator[SongOutcome, None, None]:
    """Separate songs in their order; one that fails does not stop the others.

    The samples are those of :func:`~zoo.separation.files.separate_file`. Encoding happens in the
    thread that iterates, so an interruption of it stops everything and leaves no part of a file;
    close the iterator where one goes on after that.

    Args:
        job: What is wanted of every song.
        songs: Files and pipes with their folders.
        progress: Called from other threads.

    Yields:
        The outcome of every song, in their order.
    """
    cancel = threading.Event()
    rest, in_hand = deque(songs), deque[_SongInHand]()
    threads = ThreadPoolExecutor(NUM_AHEAD, thread_name_prefix="separating")

    def start_up_to(number: int) -> None:
        while rest and len(in_hand) < number:
            if in_hand and is_pipe(rest[0].path):
                break  # who writes to it may wait for the songs before it
            song = rest.popleft()
            before = in_hand[-1].future if in_hand else None
            in_hand.append(
                _start(job, song, threads, before=before, cancel=cancel, progress=progress)
            )

    try:
        while rest or in_hand:
            start_up_to(NUM_AHEAD)
            wait([in_hand[0].future])
            start_up_to(NUM_AHEAD + 1)
            yield in_hand.popleft().finish()
    finally:
        cancel.set()
        threads.shutdown(wait=True, cancel_futures=True)
        for item in in_hand:
            item.closing.close()


def _start(
    job: SeparationJob,
    song: PlannedSong,
    threads: ThreadPoolExecutor,
    *,
    before: Future[SeparatedFile | None] | None,
    cancel: threading.Event,
    progress: Callable[[SongProgress], object],
) -> _SongInHand:
    """Copy a song that comes by a pipe, here where an interruption arrives, and hand it on."""
    closing = ExitStack()
    try:
        path = closing.enter_context(as_file(song.path))
    except Exception as error:  # noqa: BLE001  # the outcome of this song
        failed: Future[SeparatedFile | None] = Future()
        failed.set_exception(error)
        return _SongInHand(song=song, closing=closing, future=failed)
    separation = closing.enter_context(FileSeparation(job, path, song.folder))

    def work() -> SeparatedFile | None:
        known = separation.prepare()
        if known is None:
            if before is not None:
                wait([before])  # one song at a time on the network, in their order
            separation.run(progress=_measured(song, separation, progress), cancel=cancel)
        return known

    return _SongInHand(
        song=song, closing=closing, separation=separation, future=threads.submit(work)
    )


def _measured(
    song: PlannedSong, separation: FileSeparation, progress: Callable[[SongProgress], object]
) -> Callable[[float, str], None]:
    """Return the callback of one song, which adds how fast the work goes."""
    started = time.perf_counter()

    def report(fraction: float, stage: str) -> None:
        seconds, elapsed = separation.audio_seconds, max(time.perf_counter() - started, 1e-3)
        speed = None if seconds is None else fraction * seconds / elapsed
        progress(SongProgress(song=song, fraction=fraction, speed=speed))

    return report
