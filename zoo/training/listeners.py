"""Who hears of a run's measurements: the console, TensorBoard, the picture of the curves."""

import logging
from collections.abc import Sequence
from typing import Any, Protocol

from zoo.training.run_folder import RunFolder
from zoo.training.validation import TrackScore

logger = logging.getLogger(__name__)


class Listener(Protocol):
    """What a listener offers."""

    def write_record(self, record: dict[str, Any]) -> None:
        """Take one line of measurements, as in ``metrics.jsonl``."""
        ...

    def write_scores(self, step: int, scores: Sequence[TrackScore]) -> None:
        """Take the estimates of a validation."""
        ...


class CurvesListener:
    """Draw ``curves.png`` anew after every validation.

    Args:
        folder: The run's folder.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder = folder

    def write_record(self, record: dict[str, Any]) -> None:
        """Draw after a line with scores, which is in the file by then."""
        if "sdr" in record:
            from zoo.training.curves import draw_curves

            draw_curves(self._folder.read_metrics(), self._folder.directory / "curves.png")

    def write_scores(self, step: int, scores: Sequence[TrackScore]) -> None:
        """Take the estimates, which are not drawn."""


def default_listeners(
    folder: RunFolder, *, sources: Sequence[str], sample_rate: int
) -> list[Listener]:
    """Return what listens to every run: the curves, and TensorBoard where it is installed."""
    listeners: list[Listener] = [CurvesListener(folder)]
    try:
        from zoo.training.tensorboard_log import TensorBoardLog
    except ImportError:
        logger.info("no TensorBoard events: pip install tensorboard to have them")
        return listeners
    events = folder.directory / "tensorboard"
    listeners.append(TensorBoardLog(events, sources=sources, sample_rate=sample_rate))
    return listeners
