"""Function calls on a Ray cluster behind the interface of :mod:`concurrent.futures`."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from zoo.no_telemetry import import_ray
from zoo.plugins import load_plugins, named_plugins

__all__ = ["RayExecutor"]

T = TypeVar("T")


class RayExecutor(Executor):
    """Runs calls as tasks of a cluster that this process is connected to.

    A call whose process or node dies is made again elsewhere by Ray.

    Args:
        num_cpus: Cores of each call.
        num_gpus: GPUs of each call.
    """

    def __init__(self, *, num_cpus: int = 1, num_gpus: int = 0) -> None:
        self._ray = import_ray()
        self._call = self._ray.remote(num_cpus=num_cpus, num_gpus=num_gpus)(_call)
        self._pending: set[Any] = set()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a call; its function and arguments must be picklable."""
        name = getattr(fn, "__name__", "call").strip("_")
        reference = self._call.options(name=name).remote(named_plugins(), fn, args, kwargs)
        self._pending.add(reference)
        future = reference.future()
        future.add_done_callback(lambda _: self._pending.discard(reference))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002  # the signature of the base class
        """Forget the calls that are not done, if asked to; the cluster stays."""
        pending = list(self._pending)
        if cancel_futures:
            for reference in pending:
                self._ray.cancel(reference, force=True)
        elif wait and pending:
            self._ray.wait(pending, num_returns=len(pending))


def _call(
    plugins: tuple[str, ...],
    function: Callable[..., T],
    arguments: tuple[Any, ...],
    options: dict[str, Any],
) -> T:
    """Run one call in a process of the cluster, which knows the caller's plugins."""
    load_plugins(plugins)
    return function(*arguments, **options)
