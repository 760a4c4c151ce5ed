"""A folder of exported graphs as a network that backends can run."""

from pathlib import Path
from typing import Any

from torch import Tensor, nn

from zoo.errors import ChecksumError, WeightsError
from zoo.graphs.record import RECORD_FILE, ExportRecord, GraphFacts, read_record
from zoo.records.files import hash_file
from zoo.specs.spec import Spec

__all__ = ["ExportedNetwork", "find_export", "read_export"]


class ExportedNetwork(nn.Module):
    """A network whose graphs lie in a folder; a backend that can read them runs it.

    Args:
        folder: Where they lie.
        record: What the folder's record says.
    """

    weights_entry: Any = None

    def __init__(self, folder: Path, record: ExportRecord) -> None:
        super().__init__()
        self.folder = folder
        self.record = record

    @property
    def spec(self) -> Spec:
        """The network as data."""
        return self.record.spec

    def graph_path(self, graph: GraphFacts) -> Path:
        """Return the file of a graph."""
        return self.folder / graph.file

    def forward(self, mixture: Tensor, *, sources: list[str]) -> Tensor:
        """Refuse: nothing here computes."""
        del mixture, sources
        raise WeightsError(f"{self.folder}: exported graphs need a backend: use zoo.Separator")


def find_export(source: object) -> Path | None:
    """Return the folder of exported graphs that a path names, as itself or by its record."""
    if not isinstance(source, str | Path) or not str(source):
        return None
    path = Path(source)
    if path.name == RECORD_FILE and path.is_file():
        return path.parent
    return path if (path / RECORD_FILE).is_file() else None


def read_export(folder: Path) -> ExportedNetwork:
    """Read the record of a folder and verify its graphs.

    Raises:
        WeightsError: If the record cannot be read, or a graph is missing.
        ChecksumError: If a graph is not what the record promises.
    """
    record = read_record(folder)
    for part in record.parts:
        for graph in part.graphs.values():
            _verify(folder / graph.file, graph)
    return ExportedNetwork(folder, record)


def _verify(path: Path, graph: GraphFacts) -> None:
    try:
        num_bytes = path.stat().st_size
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}; export again") from error
    if num_bytes != graph.num_bytes or hash_file(path) != graph.sha256:
        raise ChecksumError(
            f"{path} is not the file that {RECORD_FILE} promises: expected {graph.num_bytes} bytes "
            f"of SHA-256 {graph.sha256}, got {num_bytes} bytes; export again"
        )
