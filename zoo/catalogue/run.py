"""A run over a catalogue: what is missing is done, on record, and accounted for."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo.catalogue.manifest import DONE, QUARANTINED, Manifest, ManifestRow
from zoo.catalogue.overview import Overview
from zoo.catalogue.schedule import STORE_PATIENCE, Schedule, Task
from zoo.catalogue.songs import CatalogueSong
from zoo.catalogue.store import Store
from zoo.catalogue.work import CatalogueJob, SongResult, request_digest
from zoo.catalogue.workforce import (
    SONGS_PER_WORKER,
    Event,
    Hiring,
    WorkerFacts,
    Workforce,
)
from zoo.errors import StoreError
from zoo.separation.stems import select_stems

__all__ = ["CatalogueRun", "Progress", "RunSummary"]

logger = logging.getLogger(__name__)

ROWS_A_PART, SECONDS_A_PART = 1000, 15.0
TICK_SECONDS = 1.0
PATIENCE_SECONDS = 60.0  # for the first worker, before a word about it


@dataclass(kw_only=True, slots=True)
class Progress:
    """How far a run is.

    Attributes:
        num_songs: Of the catalogue.
        num_known: Songs that an earlier run finished.
        num_done: Songs that this run finished.
        num_quarantined: Songs that this run gave up.
        num_deaths: Workers that died.
        num_workers: Workers that have their network.
        audio_seconds: Of the songs done by this run.
        network_seconds: For how long networks computed.
        worker_seconds: For how long workers were there.
        elapsed: Seconds since the first worker had its network.
    """

    num_songs: int
    num_known: int = 0
    num_done: int = 0
    num_quarantined: int = 0
    num_deaths: int = 0
    num_workers: int = 0
    audio_seconds: float = 0.0
    network_seconds: float = 0.0
    worker_seconds: float = 0.0
    elapsed: float = 0.0

    @property
    def songs_per_second(self) -> float:
        """Songs finished per second."""
        return (self.num_done + self.num_quarantined) / max(self.elapsed, 1e-3)

    @property
    def audio_hours_per_hour(self) -> float:
        """Hours of audio separated per hour, by all workers together."""
        return self.audio_seconds / max(self.elapsed, 1e-3)

    @property
    def device_share(self) -> float:
        """The share of the devices' time in which their networks computed, 0 to 1."""
        return min(1.0, self.network_seconds / max(self.worker_seconds, 1e-3))

    @property
    def seconds_left(self) -> float | None:
        """How long the rest will take at the speed so far; None before the first song."""
        left = self.num_songs - self.num_known - self.num_done - self.num_quarantined
        return left / self.songs_per_second if self.num_done + self.num_quarantined else None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunSummary:
    """What a run came to.

    Attributes:
        progress: At its end.
        quarantined: Every song that has no stems with the reason, those of earlier runs too.
    """

    progress: Progress
    quarantined: tuple[tuple[str, str], ...]


@dataclass(kw_only=True)
class CatalogueRun:
    """Does what is missing of a catalogue.

    Args:
        ray: The module, connected to a cluster.
        job: What is wanted of every song.
        songs: The catalogue.
        hiring: How many workers there are, and what each one gets.
        retry: Whether songs that earlier runs quarantined are tried again.
        store_patience: For how many seconds a failing store is borne with.
        on_progress: Called about once a second.
        on_start: Called with what the first worker says of itself.
    """

    ray: Any
    job: CatalogueJob
    songs: Sequence[CatalogueSong]
    hiring: Hiring
    retry: bool = False
    store_patience: float = STORE_PATIENCE
    on_progress: Callable[[Progress], object] = lambda progress: None
    on_start: Callable[[WorkerFacts], object] = lambda facts: None
    _quarantined: list[tuple[str, str]] = field(default_factory=list)

    def run(self) -> RunSummary:
        """Do it, and return when every song is done or quarantined.

        What is finished is on record however the run ends.

        Raises:
            CatalogueError: No worker can be had, or the manifest is damaged.
            StoreError: No song gets through to the output store any more.
            UnknownNameError: A source that the network has not.
        """
        store = Store(self.job.output)
        self._manifest = Manifest(store)
        self._manifest.compact()
        self._progress = Progress(num_songs=len(self.songs))
        workforce = Workforce(self.ray, self.job, self.hiring)
        try:
            facts = self._await_first(workforce)
            self.on_start(facts)
            missing = list(self._missing(store, facts))
            Overview.of(self.job, self.songs, facts).write(store)
            self._work(workforce, Schedule(missing, store_patience=self.store_patience))
        finally:
            workforce.dismiss()
            self._manifest.flush()
        self._manifest.compact()
        self.on_progress(self._progress)
        return RunSummary(progress=self._progress, quarantined=tuple(self._quarantined))

    def _await_first(self, workforce: Workforce) -> WorkerFacts:
        """Wait for a network, by which requests can be told and checked."""
        while not workforce.ready:
            before = time.monotonic()
            for _ in workforce.wait(seconds=PATIENCE_SECONDS):
                raise AssertionError("no song was given to anybody")
            if time.monotonic() - before >= PATIENCE_SECONDS:
                logger.warning(
                    "no worker has its network yet; does the cluster have %d cores and %d GPUs "
                    "free on one machine?",
                    *(self.hiring.num_cpus, self.hiring.num_gpus),
                )
        facts = workforce.ready[0].facts
        assert facts is not None
        for sources in {self.job.sources, *(song.sources for song in self.songs)}:
            two_stems = None if sources else self.job.two_stems
            select_stems(facts.sources, model=facts.model, sources=sources, two_stems=two_stems)
        self._identity = facts.identity
        return facts

    def _missing(self, store: Store, facts: WorkerFacts) -> Iterable[CatalogueSong]:
        """Yield the songs that are not on record as they are wanted now."""
        known = {song.name: song for song in self.songs}
        size_of = store.size_lookup()
        for row in self._manifest.rows():
            song = known.get(row.song)
            digest = request_digest(self.job, facts.identity, song) if song is not None else ""
            if row.request_sha256 != digest:
                continue
            if row.state == QUARANTINED and not self.retry:
                self._quarantined.append((row.song, row.error))
                del known[row.song]
            elif row.state == DONE and row.has_outputs(size_of):
                del known[row.song]
        self._progress.num_known = len(self.songs) - len(known)
        return known.values()

    def _work(self, workforce: Workforce, schedule: Schedule) -> None:
        started = last = flushed = time.monotonic()
        while schedule or any(worker.tasks for worker in workforce.workers):
            self._feed(workforce, schedule)
            for event in workforce.wait(seconds=TICK_SECONDS):
                self._conclude(schedule, event)
            now = time.monotonic()
            progress = self._progress
            progress.worker_seconds += (now - last) * len(workforce.ready)
            progress.num_workers, progress.num_deaths = len(workforce.ready), workforce.num_deaths
            progress.elapsed, last = now - started, now
            is_due = now - flushed >= SECONDS_A_PART
            if is_due or self._manifest.num_waiting >= ROWS_A_PART:
                self._flush()
                flushed = time.monotonic()
            self.on_progress(progress)

    def _flush(self) -> None:
        """Put what is finished on record; a store that is away for a while gets it later."""
        try:
            self._manifest.flush()
        except StoreError as error:
            logger.warning("%s; %d rows wait", error, self._manifest.num_waiting)

    def _feed(self, workforce: Workforce, schedule: Schedule) -> None:
        """Hand out songs until every worker has its fill; this bounds what is under way."""
        ready = workforce.ready
        # A song that must be alone needs a worker that has none; so many get nothing new meanwhile.
        kept_free = sorted(ready, key=lambda w: len(w.tasks))[: schedule.num_suspects]
        num_open = len(schedule) + sum(len(worker.tasks) for worker in workforce.workers)
        # The last songs are shared out evenly, among workers that are still starting too.
        share = math.ceil(num_open / max(1, len(workforce.workers)))
        for depth in range(min(SONGS_PER_WORKER, share)):
            for worker in ready:
                if len(worker.tasks) != depth or worker.has_suspect:
                    continue
                if depth and worker in kept_free:
                    continue
                assert worker.facts is not None
                task = schedule.next_for(
                    worker.facts.node, is_idle=not worker.tasks, nodes=workforce.nodes
                )
                if task is not None:
                    workforce.give(worker, task)

    def _conclude(self, schedule: Schedule, event: Event) -> None:
        """Put an attempt on record if it was the song's last."""
        task, result = event.task, event.result
        if result is None:
            verdict = schedule.conclude_death(task, event.error)
            result = SongResult(state="", error=event.error)
        else:
            verdict = schedule.conclude(task, result, node=event.node)
        if not verdict.is_final:
            logger.info("%s: another attempt: %s", task.song.name, verdict.error)
            return
        self._manifest.add(self._row(task, result, error=verdict.error))
        if verdict.error:
            self._progress.num_quarantined += 1
            self._quarantined.append((task.song.name, verdict.error))
            return
        self._progress.num_done += 1
        self._progress.audio_seconds += result.audio_seconds
        self._progress.network_seconds += result.network_seconds

    def _row(self, task: Task, result: SongResult, *, error: str) -> ManifestRow:
        return ManifestRow(
            song=task.song.name,
            input=task.song.url,
            input_bytes=task.song.num_bytes,
            input_version=task.song.version,
            request_sha256=request_digest(self.job, self._identity, task.song),
            state=QUARANTINED if error else DONE,
            outputs=result.outputs,
            audio_seconds=result.audio_seconds,
            work_seconds=result.work_seconds,
            network_seconds=result.network_seconds,
            node=result.node,
            attempt=task.attempt + task.num_deaths + task.num_store_failures,
            error=error,
        )
