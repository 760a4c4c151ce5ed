"""Running an evaluation: every system on every track, in parallel, resumable.

Networks separate in this process, one track after the other, with all the threads (or the
accelerator) to themselves; scoring, which takes longer, goes to worker processes.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TypeAlias

import numpy as np

from zoo.evaluation.records import RecordStore, TrackRecord
from zoo.evaluation.references import REFERENCES, reference_estimates
from zoo.evaluation.scoring import score_track
from zoo.evaluation.systems import SeparationSystem
from zoo.evaluation.tracks import EvaluationTrack
from zoo.metrics import Protocol, Scores
from zoo.plugins import load_plugins, named_plugins
from zoo.records.files import digest_of

REFERENCE_VERSION = "1"

Estimates: TypeAlias = Mapping[str, np.ndarray]
OnRecord: TypeAlias = Callable[[TrackRecord], None]

logger = logging.getLogger(__name__)


@dataclass(kw_only=True, slots=True)
class _Queue:
    """Scoring elsewhere, or at once where there is no elsewhere, with a bounded backlog."""

    num_jobs: int
    on_record: OnRecord
    cluster: Executor | None = None
    _pool: Executor | None = None
    _earlier_children: set[BaseProcess] = field(default_factory=set)  # not ours to end
    _pending: dict[Future[Scores], Callable[[Scores], TrackRecord]] = field(default_factory=dict)

    def __enter__(self) -> "_Queue":
        if self.cluster is not None:
            self._pool = self.cluster
        elif self.num_jobs > 1:
            self._earlier_children = set(active_children())
            self._pool = ProcessPoolExecutor(
                self.num_jobs,
                mp_context=get_context("spawn"),
                initializer=_start_worker,
                initargs=(named_plugins(),),
            )
        return self

    def __exit__(self, exception_type: type[BaseException] | None, *_: object) -> None:
        if self._pool is None:
            return
        if exception_type is not None:  # keep what is finished; the rest is not waited for
            finished = {future for future in self._pending if future.done()}
            self._collect({future for future in finished if future.exception() is None})
            if self.cluster is None:
                for process in set(active_children()) - self._earlier_children:
                    process.terminate()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def put(
        self,
        finish: Callable[[Scores], TrackRecord],
        track: EvaluationTrack,
        estimates: Estimates | str,
        protocols: tuple[Protocol, ...],
    ) -> None:
        """Score estimates, or a reference by its name, and hand over the record."""
        if self._pool is None:
            self.on_record(finish(_score(track, estimates, protocols)))
            return
        self.drain(down_to=self.num_jobs)  # a waiting song holds its estimates in memory
        self._pending[self._pool.submit(_score, track, estimates, protocols)] = finish

    def drain(self, *, down_to: int = 0) -> None:
        """Wait until at most so many scores are outstanding."""
        while len(self._pending) > down_to:
            self._collect(wait(self._pending, return_when=FIRST_COMPLETED).done)

    def _collect(self, done: set[Future[Scores]]) -> None:
        """Hand over the records of finished scores."""
        for future in done:
            finish = self._pending.pop(future)
            try:
                scores = future.result()
            except BrokenProcessPool as error:
                raise RuntimeError(
                    "a scoring process was ended from outside, most likely for want of memory; "
                    "finished tracks are kept: run again with fewer jobs"
                ) from error
            self.on_record(finish(scores))


def evaluate(
    tracks: Sequence[EvaluationTrack],
    systems: Sequence[SeparationSystem],
    *,
    protocols: Sequence[Protocol],
    out: str | Path | None = None,
    num_jobs: int = 1,
    cluster: Executor | None = None,
    on_record: OnRecord | None = None,
) -> list[TrackRecord]:
    """Score systems and the references on tracks.

    Tracks are finished one after the other, so that after an interruption the finished ones have
    every system. With ``out``, scores that are there already are not computed again.

    Args:
        tracks: What to score on.
        systems: What to score, beside the references.
        protocols: Which protocols to follow.
        out: Folder for the records; None keeps nothing on disk.
        num_jobs: Scoring processes; 1 scores in this process. The numbers do not depend on it.
        cluster: Where to score instead, so many tracks at a time; it must see the tracks' files.
        on_record: Called with each record when it is complete, found on disk or computed.

    Returns:
        The records of every system and reference on every track.

    Raises:
        ValueError: If there is nothing to do, two systems share a name, ``num_jobs`` is below 1, or
            a system returns what is no estimate.
        AudioError: If a file of a track cannot be decoded.
        RuntimeError: If a scoring process was killed.
    """
    _check_request(tracks, systems, protocols=protocols, num_jobs=num_jobs)
    store, records = RecordStore(out), []

    def keep(record: TrackRecord) -> None:
        store.write(record)
        report(record)

    def report(record: TrackRecord) -> None:
        records.append(record)
        if on_record is not None:
            on_record(record)

    with _Queue(num_jobs=num_jobs, on_record=keep, cluster=cluster) as queue:
        for track in tracks:
            content = track.fingerprint()
            for system in (*REFERENCES, *systems):
                name, identity = _identify(system)
                record = store.find(
                    system=name, track=track.name, fingerprint=digest_of([identity, content])
                )
                missing = record.missing(protocols)
                if missing:
                    _run(system, track, queue, record, missing)
                else:
                    report(record)
        queue.drain()
    return records


def _identify(system: SeparationSystem | str) -> tuple[str, str]:
    """Return the name of a system or reference, and what its estimates depend on."""
    if isinstance(system, str):
        return system, REFERENCE_VERSION
    return system.name, system.fingerprint


def _run(
    system: SeparationSystem | str,
    track: EvaluationTrack,
    queue: _Queue,
    record: TrackRecord,
    missing: tuple[Protocol, ...],
) -> None:
    """Separate a track here and have it scored; a reference is estimated where it is scored."""
    if isinstance(system, str):
        queue.put(lambda scores: record.with_scores(scores, missing), track, system, missing)
        return
    audio = track.load()
    logger.info("separating %s with %s", track.name, system.name)
    started = time.perf_counter()
    estimates = system.separate(audio.mixture, sample_rate=audio.sample_rate)
    timed = replace(record, separation_seconds=round(time.perf_counter() - started, 3))
    scored = {source: estimates[source] for source in track.sources if source in estimates}
    queue.put(lambda scores: timed.with_scores(scores, missing), track, scored, missing)


def _score(
    track: EvaluationTrack, estimates: Estimates | str, protocols: tuple[Protocol, ...]
) -> Scores:
    """Score one track; runs in a worker process."""
    audio = track.load()
    if isinstance(estimates, str):
        estimates = reference_estimates(estimates, audio)
    targets = {source: audio.targets[source] for source in audio.targets if source in estimates}
    return score_track(
        targets,
        estimates,
        mixture=audio.mixture,
        sample_rate=audio.sample_rate,
        protocols=protocols,
    )


def _check_request(
    tracks: Sequence[EvaluationTrack],
    systems: Sequence[SeparationSystem],
    *,
    protocols: Sequence[Protocol],
    num_jobs: int,
) -> None:
    """Refuse a request before hours are spent on it."""
    if not tracks or not protocols:
        raise ValueError("nothing to evaluate: give at least one track and one protocol")
    if num_jobs < 1:
        raise ValueError(f"the number of scoring processes must be at least 1, got {num_jobs}")
    names = [system.name for system in systems]
    for name in names:
        if names.count(name) > 1 or name in REFERENCES:
            raise ValueError(f"the name {name!r} is taken by another row; give the system its own")
    for system in systems:
        if not set(system.sources) & set(tracks[0].sources):
            raise ValueError(
                f"{system.name} estimates {', '.join(system.sources)}, none of the sources to "
                f"score: {', '.join(tracks[0].sources)}"
            )


def _start_worker(plugins: tuple[str, ...]) -> None:
    """Load plugins, and end quietly: on Ctrl-C at once, and with the parent however that ends."""
    load_plugins(plugins)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Wait for the parent's end; an orphan would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
