"""Which song goes to which worker next, and what becomes of one that failed. Knows no Ray.

- A bad song is tried once more, on another node where there is one, and then quarantined.
- When a worker dies, its songs are tried again one at a time, each with a worker of its own. A song
  that brings its worker down is thereby told from songs that happened to be there.
- A store that fails is not the song's fault. Its songs are tried again later. When no song gets
  through for a while, the run stops.
"""

import time
from collections import deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from zoo.catalogue.manifest import DONE
from zoo.catalogue.songs import CatalogueSong
from zoo.catalogue.work import BAD_STORE, SongResult
from zoo.errors import StoreError

__all__ = ["Schedule", "Task", "Verdict"]

MAX_ATTEMPTS = 2
MAX_DEATHS = 3
MAX_STORE_FAILURES = 3
STORE_PATIENCE = 60.0  # seconds without a song that gets through


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A song on its way.

    Attributes:
        song: Which one.
        attempt: From 1; only the song's own failures count.
        num_deaths: How many workers died with it.
        num_store_failures: How often a store failed it.
        failed_on: Nodes on which it failed.
    """

    song: CatalogueSong
    attempt: int = 1
    num_deaths: int = 0
    num_store_failures: int = 0
    failed_on: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What becomes of a song after an attempt.

    Attributes:
        is_final: Whether it is done or quarantined, and not tried again.
        error: Why it is quarantined; empty where it is done.
    """

    is_final: bool
    error: str = ""


class Schedule:
    """The songs that are waiting, and the rules for those that failed.

    Args:
        songs: What is to be done.
        store_patience: For how many seconds a failing store is borne with while no song gets
            through.
        clock: Returns seconds.
    """

    def __init__(
        self,
        songs: Iterable[CatalogueSong],
        *,
        store_patience: float = STORE_PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fresh = deque(songs)
        self._again: deque[Task] = deque()  # failed once, or failed by a store
        self._suspects: deque[Task] = deque()  # a worker died with them
        self._patience, self._clock = store_patience, clock
        self._store_failures = 0  # since a song got through
        self._failing_since = 0.0

    def __len__(self) -> int:
        """Return how many songs are waiting."""
        return len(self._fresh) + len(self._again) + len(self._suspects)

    @property
    def num_suspects(self) -> int:
        """How many songs are waiting for a worker of their own."""
        return len(self._suspects)

    def next_for(self, node: str, *, is_idle: bool, nodes: Collection[str]) -> Task | None:
        """Return the next song for a worker, None where there is none for it now.

        Args:
            node: Where it runs.
            is_idle: Whether it has no other song.
            nodes: Of all workers.
        """
        if is_idle and self._suspects:
            return self._suspects.popleft()
        for index, task in enumerate(self._again):
            if node not in task.failed_on or set(nodes) <= task.failed_on:
                del self._again[index]
                return task
        if self._fresh:
            return Task(song=self._fresh.popleft())
        return None

    def conclude(self, task: Task, result: SongResult, *, node: str) -> Verdict:
        """Decide about a song by what a worker says of it.

        Args:
            task: The song.
            result: Of the attempt.
            node: Where it was made.

        Raises:
            StoreError: No song gets through any more.
        """
        if result.state == BAD_STORE:
            return self._bear_with_store(task, result.error)
        self._store_failures = 0
        if result.state == DONE:
            return Verdict(is_final=True)
        if task.attempt >= MAX_ATTEMPTS:
            return Verdict(is_final=True, error=result.error)
        again = replace(task, attempt=task.attempt + 1, failed_on=task.failed_on | {node})
        self._again.append(again)
        return Verdict(is_final=False, error=result.error)

    def conclude_death(self, task: Task, reason: str) -> Verdict:
        """Decide about a song whose worker died.

        Args:
            task: The song.
            reason: Why the worker died, as far as is known.
        """
        task = replace(task, num_deaths=task.num_deaths + 1)
        if task.num_deaths >= MAX_DEATHS:
            error = f"its worker died {task.num_deaths} times: {reason}"
            return Verdict(is_final=True, error=error)
        self._suspects.append(task)
        return Verdict(is_final=False, error=reason)

    def _bear_with_store(self, task: Task, error: str) -> Verdict:
        now = self._clock()
        if self._store_failures == 0:
            self._failing_since = now
        self._store_failures += 1
        failing = now - self._failing_since
        if self._store_failures >= MAX_STORE_FAILURES and failing >= self._patience:
            raise StoreError(
                f"{error}. No song got through for {failing:.0f} s; what is done is kept: run the "
                "same command again when the store is well"
            )
        task = replace(task, num_store_failures=task.num_store_failures + 1)
        # Other songs got through meanwhile, so that it must be something about this one.
        is_its_own = self._store_failures < task.num_store_failures
        if is_its_own and task.num_store_failures >= MAX_STORE_FAILURES:
            return Verdict(is_final=True, error=error)
        self._again.append(task)
        return Verdict(is_final=False, error=error)
