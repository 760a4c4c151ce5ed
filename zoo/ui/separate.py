"""The Separate handler: from a song to the mixer's state, lane by lane."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from zoo.publishing.space_config import SpaceConfig
from zoo.separation.pipeline import share_residual
from zoo.ui.lanes import decibels, shared_gain, write_archive, write_lane, write_stems
from zoo.ui.mixer_state import MixerLane, MixerProgress, MixerState
from zoo.ui.models import ModelShelf
from zoo.ui.request_folder import new_request_folder
from zoo.ui.separation import Estimator, SourceDone
from zoo.ui.songs import Song, SongError, read_song
from zoo.ui.spectrogram import log_spectrogram, reference_level

__all__ = ["ORIGINAL", "REST", "SongSeparation", "source_title"]

ORIGINAL = "original"
REST = "rest"
READ_SHARE, SEPARATE_SHARE = 0.02, 0.9


def source_title(source: str) -> str:
    """Return what a musician reads for a source's name."""
    return source.replace("_", " ").capitalize()


@dataclass(kw_only=True)
class SongSeparation:
    """One request, from the upload to the files.

    Args:
        config: Limits.
        shelf: The models.
        estimate: The device's generator.
        model: Name of the model.
        sources: The sources wanted, in the order in which they are computed.
        format_name: Format of the files to download.
    """

    config: SpaceConfig
    shelf: ModelShelf
    estimate: Estimator
    model: str
    sources: Sequence[str]
    format_name: str
    state: MixerState = field(init=False, default_factory=MixerState)

    def run(self, path: str | Path | None) -> Iterator[MixerState]:
        """Separate a song.

        Args:
            path: The upload.

        Yields:
            The mixer's state after every step; the last one is complete.

        Raises:
            SongError: The song or the choice of sources will not do.
            WeightsError: The model's weights cannot be had.
        """
        self._check_sources()
        song = read_song(path, self.config.limits)
        folder = new_request_folder()
        start = time.monotonic()
        top_db = reference_level(log_spectrogram(song.samples, sample_rate=song.sample_rate))
        self.state = MixerState(
            id=folder.name,
            title=song.title,
            song_digest=song.digest,
            seconds=song.seconds,
            sample_rate=song.sample_rate,
            summary=f"{self.model} \u00b7 {song.seconds:.0f} s",
            lanes=self._empty_lanes(),
        )
        self._write(folder, song, ORIGINAL, song.samples, top_db=top_db)
        yield self._at(READ_SHARE, f"Separating {self._phrase(self.sources[0])}", None)
        estimates: dict[str, np.ndarray] = {}
        for event, progress in self._events(song):
            if isinstance(event, SourceDone):
                estimates[event.source] = event.samples
                self._write(folder, song, event.source, event.samples, top_db=top_db)
            yield self._at(*progress)
        if len(estimates) == 0:
            raise SongError("Nothing came back from the device; try again in a minute.")
        yield self._at(READ_SHARE + SEPARATE_SHARE, "Writing the files", None)
        self._finish(folder, song, estimates, top_db=top_db)
        took = time.monotonic() - start
        summary = f"{self.state.summary} \u00b7 separated in {took:.1f} s"
        self.state = self.state.model_copy(update={"summary": summary, "progress": None})
        yield self.state

    def _check_sources(self) -> None:
        known = self.shelf.separator(self.model).sources
        if not self.sources:
            raise SongError("Choose at least one source to separate.")
        unknown = [source for source in self.sources if source not in known]
        if unknown:
            raise SongError(
                f"{self.model} cannot separate {', '.join(unknown)}; it knows {', '.join(known)}."
            )

    def _empty_lanes(self) -> list[MixerLane]:
        original = MixerLane(name=ORIGINAL, kind=ORIGINAL, title="Original", on=False)
        stems = [
            MixerLane(name=source, kind="stem", source=source, title=source_title(source))
            for source in self.sources
        ]
        return [original, *stems]

    def _events(self, song: Song) -> Iterator[tuple[object, tuple[float, str, float | None]]]:
        """Yield the device's events with (fraction, stage, seconds left) of the whole request."""
        forecast = self.shelf.expected_seconds(self.model, audio_seconds=song.seconds)
        done, since = 0, time.monotonic()
        for event in self.estimate(self.model, song.samples, song.sample_rate, self.sources):
            elapsed = time.monotonic() - since
            if isinstance(event, SourceDone):
                self.shelf.note_speed(self.model, seconds=elapsed, audio_seconds=song.seconds)
                forecast, part, since = elapsed, 0.0, time.monotonic()
                done += 1
            else:
                part = event.fraction
                if part > 0.2 or forecast is None:
                    forecast = elapsed / part
            left = len(self.sources) - done
            fraction = READ_SHARE + SEPARATE_SHARE * (done + part) / len(self.sources)
            stage = f"Separating {self._phrase(self.sources[done])}" if left else "Writing files"
            yield event, (fraction, stage, max(0.0, forecast * (left - part)))

    def _finish(
        self, folder: Path, song: Song, estimates: dict[str, np.ndarray], *, top_db: float
    ) -> None:
        """Balance a full separation, add what is left of a partial one, write the files."""
        separator = self.shelf.separator(self.model)
        rest = song.samples - np.sum(list(estimates.values()), axis=0)
        power = float(np.mean(np.square(song.samples, dtype=np.float64)))
        facts, stems = [], estimates
        if set(estimates) == set(separator.sources) and len(estimates) > 1:
            stacked = torch.from_numpy(np.stack(list(estimates.values())))
            balanced = share_residual(stacked, torch.from_numpy(song.samples)).numpy()
            stems = dict(zip(estimates, balanced, strict=True))
            before = _relative_db(rest, power)
            after = _relative_db(song.samples - balanced.sum(axis=0), power)
            facts.append(
                f"Sum of stems \u2212 original = {_signed(after)} dB (as the network gave them: "
                f"{_signed(before)} dB; the difference was shared out)"
            )
            self.state = self.state.model_copy(update={"sum_error_db": round(after, 1)})
            for name, samples in stems.items():
                self._write(folder, song, name, samples, top_db=top_db, suffix="-balanced")
        else:
            stems = {**estimates, REST: rest}
            title = f"All but {' and '.join(self._phrase(source) for source in estimates)}"
            source = next(iter(estimates)) if len(estimates) == 1 else ""
            lane = MixerLane(name=REST, kind=REST, source=source, title=title, on=False)
            self.state.lanes.append(lane)
            self._write(folder, song, REST, rest, top_db=top_db)
        gain = shared_gain(stems, format_name=self.format_name)
        if gain < 1:
            facts.append(f"Files lowered together by {-20 * np.log10(gain):.1f} dB so as to fit")
        self._write_files(folder, song, stems, gain=gain)
        self.state = self.state.model_copy(update={"facts": " \u00b7 ".join(facts)})

    def _write_files(
        self, folder: Path, song: Song, stems: dict[str, np.ndarray], *, gain: float
    ) -> None:
        files = write_stems(
            folder,
            stems,
            sample_rate=song.sample_rate,
            format_name=self.format_name,
            title=song.title,
            gain=gain,
        )
        lanes = [
            lane.model_copy(update={"download": files.get(lane.name)}) for lane in self.state.lanes
        ]
        archive = write_archive(folder, files, title=song.title)
        self.state = self.state.model_copy(update={"lanes": lanes, "archive": archive})

    def _write(
        self,
        folder: Path,
        song: Song,
        name: str,
        samples: np.ndarray,
        *,
        top_db: float,
        suffix: str = "",
    ) -> None:
        """Write a lane's files and put the lane into the state."""
        lanes = list(self.state.lanes)
        index = next(i for i, lane in enumerate(lanes) if lane.name == name)
        lanes[index] = write_lane(
            folder,
            samples,
            sample_rate=song.sample_rate,
            lane=lanes[index],
            top_db=top_db,
            suffix=suffix,
        )
        self.state = self.state.model_copy(update={"lanes": lanes})

    def _at(self, fraction: float, stage: str, seconds_left: float | None) -> MixerState:
        progress = MixerProgress(fraction=fraction, stage=stage, seconds_left=seconds_left)
        return self.state.model_copy(update={"progress": progress})

    @staticmethod
    def _phrase(source: str) -> str:
        return source.replace("_", " ")


def _signed(level: float) -> str:
    return f"{level:.0f}".replace("-", "\u2212")


def _relative_db(samples: np.ndarray, power: float) -> float:
    return decibels(float(np.mean(np.square(samples, dtype=np.float64))) / max(power, 1e-30))
