"""The workers of a run: Ray actors, one a device, each with the songs that it has in hand."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from zoo.catalogue.schedule import Task
from zoo.catalogue.songs import CatalogueSong
from zoo.catalogue.work import CatalogueJob, SongResult, SongWorker
from zoo.errors import CatalogueError
from zoo.plugins import load_plugins, named_plugins

__all__ = ["Event", "Hiring", "Worker", "Workforce"]

logger = logging.getLogger(__name__)

SONGS_PER_WORKER = 3  # one on the network, one that is decoded, one that is encoded
MOST_CPUS_BESIDE_GPU = 4
MAX_FAILED_STARTS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Hiring:
    """How many workers there are, and what each one gets.

    Attributes:
        num_workers: How many.
        num_cpus: Cores of each.
        num_gpus: GPUs of each: 1 or 0.
    """

    num_workers: int
    num_cpus: int
    num_gpus: int

    @classmethod
    def for_cluster(cls, ray: Any, *, workers: int | None) -> "Hiring":
        """Return what :meth:`for_nodes` says of the machines of a cluster."""
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        return cls.for_nodes(nodes, workers=workers)

    @classmethod
    def for_nodes(cls, nodes: Sequence[Mapping[str, float]], *, workers: int | None) -> "Hiring":
        """Return one worker a GPU, or one a core where there are no GPUs.

        Args:
            nodes: The resources of each machine, as Ray counts them.
            workers: How many instead; None for as many as the cluster has devices. Where a cluster
                grows with its work it may have fewer yet.

        Raises:
            CatalogueError: The cluster has neither GPUs nor cores, or workers is not above 0.
        """
        kind = "GPU" if any(node.get("GPU", 0) >= 1 for node in nodes) else "CPU"
        able = [node for node in nodes if node.get(kind, 0) >= 1]
        if not able:
            raise CatalogueError("the cluster has no machine to work on yet; start one at least")
        devices = int(sum(node[kind] for node in able))
        number = devices if workers is None else workers
        if number < 1:
            raise CatalogueError(f"got {number} workers; expected at least 1")
        if number > devices:
            logger.warning(
                "%d workers are wanted and the cluster has room for %d; the others start when "
                "machines join it",
                *(number, devices),
            )
        # Workers are alike, so that each of them fits every machine.
        if kind == "GPU":
            share = min(node.get("CPU", 0) // node["GPU"] for node in able)
            return cls(
                num_workers=number,
                num_cpus=int(min(MOST_CPUS_BESIDE_GPU, max(1, share))),
                num_gpus=1,
            )
        share = min(devices // min(number, devices), *(node["CPU"] for node in able))
        return cls(num_workers=number, num_cpus=int(share), num_gpus=0)


@dataclass(frozen=True, kw_only=True, slots=True)
class WorkerFacts:
    """What a worker says of itself when it has its network.

    Attributes:
        node: Ray's name of the machine.
        host: The machine's own.
        model: Of the network.
        device: It computes on.
        sources: It can be asked for.
        identity: Digest of everything that decides its samples.
    """

    node: str
    host: str
    model: str
    device: str
    sources: tuple[str, ...]
    identity: str


class SeparationActor:
    """A worker's process. The network is loaded by :meth:`start`, whose errors reach the caller."""

    def __init__(self, job: CatalogueJob, plugins: tuple[str, ...]) -> None:
        self._job, self._plugins = job, plugins
        self._worker: SongWorker | None = None

    def start(self) -> WorkerFacts:
        """Load the network."""
        import socket

        import ray

        load_plugins(self._plugins)
        self._worker = SongWorker(self._job)
        separator = self._worker.separator
        return WorkerFacts(
            node=ray.get_runtime_context().get_node_id(),
            host=socket.gethostname(),
            model=separator.model_name,
            device=str(separator.device),
            sources=separator.sources,
            identity=separator.identity.digest,
        )

    def separate(self, song: CatalogueSong) -> SongResult:
        """Separate a song."""
        assert self._worker is not None
        return self._worker.separate(song)


@dataclass(kw_only=True, slots=True)
class Worker:
    """A worker as the run sees it.

    Attributes:
        number: From 0.
        actor: Its handle.
        facts: What it says of itself; None until it has its network.
        tasks: The songs that it has in hand, by the references of their results.
    """

    number: int
    actor: Any
    facts: WorkerFacts | None = None
    tasks: dict[Any, Task] = field(default_factory=dict)

    @property
    def has_suspect(self) -> bool:
        """Whether it has a song that it must have alone."""
        return any(task.num_deaths for task in self.tasks.values())


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """The end of an attempt.

    Attributes:
        task: The song.
        node: Ray's name of the machine.
        result: What the worker says; None where it died.
        error: Why it died.
    """

    task: Task
    node: str
    result: SongResult | None = None
    error: str = ""


class Workforce:
    """Hires workers, hands them songs, and replaces those that die.

    Args:
        ray: The module, connected to a cluster.
        job: What is wanted.
        hiring: How many workers, and what each one gets.
    """

    def __init__(self, ray: Any, job: CatalogueJob, hiring: Hiring) -> None:
        self._ray, self._job, self._hiring = ray, job, hiring
        self._starting: dict[Any, Worker] = {}
        self._num_hired = self._num_failed_starts = 0
        self._identity: tuple[str, str] | None = None
        self.workers: list[Worker] = []
        self.num_deaths = 0
        for _ in range(hiring.num_workers):
            self._hire()

    @property
    def ready(self) -> list[Worker]:
        """The workers that have their network."""
        return [worker for worker in self.workers if worker.facts is not None]

    @property
    def nodes(self) -> set[str]:
        """The machines of the workers that have their network."""
        return {worker.facts.node for worker in self.workers if worker.facts is not None}

    def give(self, worker: Worker, task: Task) -> None:
        """Hand a worker a song."""
        call = worker.actor.separate.options(name=f"separate {task.song.name}")
        worker.tasks[call.remote(task.song)] = task

    def wait(self, *, seconds: float) -> Iterator[Event]:
        """Wait until something happens, at most for a while, and yield the ends of attempts.

        Raises:
            CatalogueError: No worker can be had, or two would make different samples.
            Exception: What the first worker raised that could not load its network.
        """
        references = [*self._starting, *(ref for w in self.workers for ref in w.tasks)]
        if not references:
            return
        done, _ = self._ray.wait(references, num_returns=1, timeout=seconds)
        more, _ = self._ray.wait(references, num_returns=len(references), timeout=0)
        for reference in {*done, *more}:
            if reference in self._starting:
                self._welcome(reference, self._starting.pop(reference))
                continue
            worker = next((w for w in self.workers if reference in w.tasks), None)
            if worker is not None:  # else its worker died a moment ago
                yield from self._collect(worker, reference)

    def dismiss(self) -> None:
        """End all workers."""
        for worker in self.workers:
            self._ray.kill(worker.actor, no_restart=True)
        self.workers.clear()

    def _hire(self) -> None:
        number, self._num_hired = self._num_hired, self._num_hired + 1
        actor_class = self._ray.remote(SeparationActor).options(
            name=None,
            num_cpus=self._hiring.num_cpus,
            num_gpus=self._hiring.num_gpus,
            max_concurrency=SONGS_PER_WORKER,
            max_restarts=0,
            max_task_retries=0,
        )
        worker = Worker(number=number, actor=actor_class.remote(self._job, named_plugins()))
        self.workers.append(worker)
        start = worker.actor.start.options(name=f"load the network of worker {number}")
        self._starting[start.remote()] = worker

    def _welcome(self, reference: Any, worker: Worker) -> None:
        """Take in a worker that has its network, or learn why it has none."""
        try:
            facts: WorkerFacts = self._ray.get(reference)
        except self._ray.exceptions.RayActorError as error:
            self._replace(worker)
            self._num_failed_starts += 1
            if self._num_failed_starts >= MAX_FAILED_STARTS:
                raise CatalogueError(
                    f"{self._num_failed_starts} workers in a row died before they had their "
                    f"network: {_reason(error)}"
                ) from error
            return
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        self._num_failed_starts = 0
        known = self._identity or (facts.identity, facts.host)
        if facts.identity != known[0]:
            raise CatalogueError(
                f"the machines {known[1]} and {facts.host} would make different samples (other "
                "devices or versions); choose --device, --precision and --backend, and install "
                "the same versions everywhere"
            )
        self._identity, worker.facts = known, facts

    def _collect(self, worker: Worker, reference: Any) -> Iterator[Event]:
        assert worker.facts is not None
        node = worker.facts.node
        try:
            result: SongResult = self._ray.get(reference)
        except self._ray.exceptions.RayActorError as error:
            self.num_deaths += 1
            reason = _reason(error)
            logger.warning("worker %d died: %s", worker.number, reason)
            tasks = list(worker.tasks.values())
            self._replace(worker)
            for task in tasks:
                yield Event(task=task, node=node, error=reason)
            return
        yield Event(task=worker.tasks.pop(reference), node=node, result=result)

    def _replace(self, worker: Worker) -> None:
        self.workers.remove(worker)
        self._hire()


def _reason(error: Exception) -> str:
    """Return in one line why a worker died."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # What its own code raised stands at the end of a traceback.
    chosen = lines[-1] if "creation task" in lines[0] else lines[0]
    return chosen.rstrip(".")
