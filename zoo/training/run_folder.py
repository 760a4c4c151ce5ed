"""The folder of a run: what it was given, what it measured, what it made.

``spec.yaml``, ``config.yaml`` and ``environment.json`` are written once; ``metrics.jsonl`` grows;
``checkpoints/`` holds the newest states, ``weights.safetensors`` the best moving average so far and
``last.safetensors`` the newest. Where it began from others' weights, ``origin.yaml`` holds the
licence and credits that both carry.
"""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from zoo.errors import WeightsError
from zoo.records.files import write_whole
from zoo.records.machine import describe_machine
from zoo.records.reading import Reader
from zoo.records.yaml_text import read_yaml
from zoo.specs.spec import Spec
from zoo.training.errors import TrainingError
from zoo.weights.checkpoints import write_safetensors
from zoo.weights.entries import WeightsEntry, parse_entry

ORIGIN_FILE = "origin.yaml"


class RunFolder:
    """Read and write the files of one run.

    Args:
        directory: The run's folder.
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints are."""
        return self.directory / "checkpoints"

    @property
    def metrics_path(self) -> Path:
        """The lines of measurements."""
        return self.directory / "metrics.jsonl"

    def create(self, *, spec: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        """Write what the run is given.

        Raises:
            TrainingError: If the folder holds a run already.
        """
        if (self.directory / "config.yaml").exists():
            raise TrainingError(
                f"{self.directory} holds a run already; resume it with --resume "
                f"{self.directory} or choose another --output"
            )
        self.directory.mkdir(parents=True, exist_ok=True)
        self._write_yaml("spec.yaml", spec)
        self._write_yaml("config.yaml", config)
        text = json.dumps(describe_environment(), indent=2)
        write_whole(self.directory / "environment.json", text + "\n")

    def read_yaml(self, name: str) -> Any:
        """Read ``spec.yaml``, ``config.yaml`` or ``data.yaml``.

        Raises:
            TrainingError: If the folder holds no run.
        """
        path = self.directory / name
        if not path.is_file():
            raise TrainingError(f"{self.directory} holds no run ({name} is missing)")
        return read_yaml(path, error=TrainingError)

    def write_data(self, data: Mapping[str, Any]) -> None:
        """Remember where the data were, for the next resume."""
        self._write_yaml("data.yaml", data)

    def write_origin(self, entry: WeightsEntry) -> None:
        """Remember the licence and credits that come with the weights that the run began from."""
        record = {"spec": entry.spec, "tag": entry.tag, "weights": entry.to_dict()}
        self._write_yaml(ORIGIN_FILE, record)

    def read_origin(self) -> WeightsEntry | None:
        """Read what ``write_origin`` wrote; None for a run that began from none.

        Raises:
            WeightsError: If the file is not what was written.
        """
        path = self.directory / ORIGIN_FILE
        if not path.exists():
            return None
        keys = ["spec", "tag", "weights"]
        reader = Reader(error=WeightsError, origin=str(path))
        plain = read_yaml(path, error=WeightsError)
        record = reader.keys(plain, "", known=keys, required=keys)
        return parse_entry(
            record["weights"], spec=record["spec"], tag=record["tag"], origin=str(path)
        )

    def append_metrics(self, record: Mapping[str, Any]) -> None:
        """Add one line of measurements."""
        with self.metrics_path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record) + "\n")

    def read_metrics(self) -> list[dict[str, Any]]:
        """Read every line of measurements; a line cut off by a kill is left out."""
        records = []
        if self.metrics_path.exists():
            for line in self.metrics_path.read_bytes().splitlines():
                try:
                    record = json.loads(line)  # a loss may be NaN
                except (ValueError, RecursionError):
                    continue
                if isinstance(record, dict) and type(record.get("step")) is int:
                    records.append(record)
        return records

    def truncate_metrics(self, step: int) -> None:
        """Drop what was measured after ``step``, which a resumed run measures again."""
        kept = [record for record in self.read_metrics() if record["step"] <= step]
        write_whole(self.metrics_path, "".join(json.dumps(record) + "\n" for record in kept))

    def save_weights(self, name: str, state: Mapping[str, Tensor], *, spec: Spec) -> Path:
        """Write weights as a file that ``zoo.build`` reads."""
        return write_safetensors(self.directory / name, state, spec=spec, entry=self.read_origin())

    def _write_yaml(self, name: str, values: Mapping[str, Any]) -> None:
        text = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)
        write_whole(self.directory / name, text)


def describe_environment() -> dict[str, Any]:
    """Return what a number depends on besides spec, config and data: code, versions, machine."""
    return {
        "git_revision": _git("rev-parse", "HEAD"),
        "git_changes": bool(_git("status", "--porcelain", "--untracked-files=no")),
        **describe_machine(),
    }


def _git(*arguments: str) -> str | None:
    """Ask git about the source's folder; None where that is no repository."""
    try:
        result = subprocess.run(
            ["git", *arguments],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
