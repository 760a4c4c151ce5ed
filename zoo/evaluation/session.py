"""One evaluation from names to reports: what the command line (or a script) runs."""

import logging
import math
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path

from zoo.evaluation.baselines import load_baseline
from zoo.evaluation.bootstrap import BootstrapConfig
from zoo.evaluation.plot import draw_summary
from zoo.evaluation.records import TrackRecord
from zoo.evaluation.references import REFERENCES
from zoo.evaluation.report import json_report, markdown_report
from zoo.evaluation.runner import OnRecord, evaluate
from zoo.evaluation.summary import Summary, summarise
from zoo.evaluation.systems import SeparationSystem, ZooSystem
from zoo.evaluation.tracks import EvaluationTrack, find_evaluation_tracks
from zoo.metrics import DEFAULT_ABSENT_DB, Protocol, parse_protocols
from zoo.records.files import open_whole, write_whole
from zoo.records.machine import describe_machine
from zoo.separation.separator import Separator

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class EvaluationSession:
    """The systems, tracks and protocols of an evaluation, and the scores so far.

    Args:
        title: Heading of the report.
        systems: What is evaluated, beside the references.
        tracks: What it is evaluated on.
        protocols: How.
        out: Folder for records and reports; None keeps nothing.
        absent_db: How many dB below the mixture a source is not averaged any more.
        bootstrap: Settings of the confidence intervals.
        facts: What the JSON report says of model, weights and data.
    """

    title: str
    systems: Sequence[SeparationSystem]
    tracks: Sequence[EvaluationTrack]
    protocols: Sequence[Protocol]
    out: Path | None = None
    absent_db: float = DEFAULT_ABSENT_DB
    bootstrap: BootstrapConfig = field(default_factory=BootstrapConfig)
    facts: dict[str, object] = field(default_factory=dict)
    _records: list[TrackRecord] = field(default_factory=list)

    @classmethod
    def open(
        cls,
        model: str,
        *,
        weights: str,
        data: Path,
        metrics: str,
        baselines: Sequence[str] = (),
        device: str = "auto",
        precision: str = "auto",
        mixture_consistency: bool = True,
        pitches: int | None = None,
        out: Path | None = None,
        absent_db: float = DEFAULT_ABSENT_DB,
        bootstrap: BootstrapConfig | None = None,
    ) -> "EvaluationSession":
        """Load everything that is named, so that what is wrong shows before anything runs.

        Args:
            model: Name of a spec, or path of one.
            weights: Tag, path of a checkpoint, or Hub repository.
            data: Folder of tracks.
            metrics: Comma-separated names of protocols.
            baselines: Names of baselines.
            device: Where the network runs.
            precision: What it computes in.
            mixture_consistency: Whether estimates are made to sum to the mixture.
            pitches: At how many pitches each chunk is separated; by default what the record of the
                weights says.
            out: Folder for records and reports; None keeps nothing.
            absent_db: How many dB below the mixture a source is not averaged any more.
            bootstrap: Settings of the confidence intervals.

        Raises:
            UnknownNameError: If a metric, model, tag or baseline does not exist.
            AudioError: If the folder or a file in it cannot be used.
            WeightsError: If weights cannot be had or do not fit.
            ValueError: If ``absent_db`` is not a number above zero, or no such number of pitches.
        """
        if math.isnan(absent_db) or absent_db <= 0:
            raise ValueError(f"absent_db must be above 0 dB, got {absent_db}")
        protocols = parse_protocols(metrics)
        separator = Separator(
            model,
            weights=weights,
            device=device,
            precision=precision,
            mixture_consistency=mixture_consistency,
            pitches=pitches,
        )
        for notice in separator.notices:
            logger.warning(notice)
        name = f"{separator.model_name} ({Path(separator.weights).name})"
        system = ZooSystem(separator, name=name)
        tracks = find_evaluation_tracks(
            data, sources=system.sources, part_of=separator.spec.part_of
        )
        systems = [system, *map(load_baseline, baselines)]
        return cls(
            title=f"{name} on {data.resolve().name}",
            systems=systems,
            tracks=tracks,
            protocols=protocols,
            out=out,
            absent_db=absent_db,
            bootstrap=bootstrap or BootstrapConfig(),
            facts={
                "model": separator.model_name,
                "weights": separator.weights,
                **separator.identity.to_dict(),
                "data": data.resolve().name,
            },
        )

    @property
    def num_records(self) -> int:
        """How many records there will be: systems and references times tracks."""
        return (len(self.systems) + len(REFERENCES)) * len(self.tracks)

    @property
    def num_finished_tracks(self) -> int:
        """Of how many tracks every system and reference has its scores."""
        finished = [record.track for record in self._records]
        needed = len(self.systems) + len(REFERENCES)
        return sum(finished.count(track.name) == needed for track in self.tracks)

    def run(
        self,
        *,
        num_jobs: int = 1,
        cluster: Executor | None = None,
        on_record: OnRecord | None = None,
    ) -> None:
        """Score everything; what is stored in ``out`` is not computed again.

        Args:
            num_jobs: Scoring processes.
            cluster: Where to score instead, so many tracks at a time.
            on_record: Called with each record when it is complete.

        Raises:
            ValueError: See ``runner.evaluate``.
            AudioError: If a file cannot be decoded.
            RuntimeError: If a scoring process was killed.
        """
        self._records = []

        def keep(record: TrackRecord) -> None:
            self._records.append(record)
            if on_record is not None:
                on_record(record)

        evaluate(
            self.tracks,
            self.systems,
            protocols=self.protocols,
            out=self.out,
            num_jobs=num_jobs,
            cluster=cluster,
            on_record=keep,
        )

    def summarise(self) -> Summary:
        """Aggregate the scores over the finished tracks.

        Raises:
            ValueError: If no track is finished.
        """
        return summarise(
            self._records,
            sources=self.tracks[0].sources,
            systems=[system.name for system in self.systems],
            references=list(REFERENCES),
            protocols=self.protocols,
            tracks=[track.name for track in self.tracks],
            absent_db=self.absent_db,
            bootstrap=self.bootstrap,
        )

    def report(self) -> str:
        """Return the Markdown report, and write it with the JSON report and the plots to ``out``.

        Raises:
            ValueError: If no track is finished.
        """
        summary = self.summarise()
        text = markdown_report(
            summary, self._records, title=self.title, num_tracks_asked=len(self.tracks)
        )
        if self.out is not None:
            self.out.mkdir(parents=True, exist_ok=True)
            write_whole(self.out / "report.md", text)
            facts = {**self.facts, "machine": describe_machine()}
            write_whole(
                self.out / "report.json",
                json_report(summary, self._records, num_tracks_asked=len(self.tracks), facts=facts),
            )
            for protocol in self.protocols:
                figure = draw_summary(summary, protocol)
                with open_whole(self.out / f"{protocol.name}.png") as file:
                    figure.savefig(file, dpi=120, format="png")
        return text
