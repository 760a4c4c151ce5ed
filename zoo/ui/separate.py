"""The Separate handler: from a song to the mixer's state, whose lanes grow block by block."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from zoo.audio import open_audio, read_tags
from zoo.publishing.space_config import SpaceConfig
from zoo.separation.result import SeparationBlock
from zoo.separation.stems import StemSelection
from zoo.specs.spec import Spec
from zoo.ui.archive import archive_address
from zoo.ui.example_scores import example_scores
from zoo.ui.lanes import LaneWriter, write_original
from zoo.ui.mixer_state import MixerLane, MixerProgress, MixerState, message
from zoo.ui.model_words import model_title
from zoo.ui.models import ModelShelf
from zoo.ui.request_folders import RequestFolders
from zoo.ui.separation import BlockStream
from zoo.ui.song_analysis import analysis_address
from zoo.ui.songs import SongError, SongFile, check_song
from zoo.ui.source_colors import source_colors
from zoo.ui.texts import source_title, wording

__all__ = ["REST", "SongSeparation"]

REST = "rest"
READ_SHARE, SEPARATE_SHARE = 0.02, 0.95  # of the progress bar
# From this share on the speed of this song says more about its end than that of earlier songs.
MEASURED_SHARE = 0.2
LOWEST_DB = -150.0
# A sample on the disk: pieces, whole file and a file to download of 3 bytes each at most, and 4 in
# the writer's spool.
LANE_BYTES = 13
ROOM_PATIENCE = 60  # seconds


@dataclass(kw_only=True)
class SongSeparation:
    """One request, from the upload to the files.

    Args:
        config: Limits.
        shelf: The models.
        stream_blocks: Separates on the device.
        folders: Where the files go.
        model: Name of the model.
        sources: The sources wanted.
        format_name: Format of the files to download.
    """

    config: SpaceConfig
    shelf: ModelShelf
    stream_blocks: BlockStream
    folders: RequestFolders
    model: str
    sources: Sequence[str]
    format_name: str
    state: MixerState = field(init=False, default_factory=MixerState)

    def run(self, path: str | Path | None) -> Iterator[MixerState]:
        """Separate a song.

        Args:
            path: The upload.

        Yields:
            The mixer's state after every block; the last one is complete.

        Raises:
            SongError: The song or the choice of sources will not do.
            WeightsError: The model's weights cannot be had.
        """
        song = check_song(path, self.config.limits)
        folder = self.folders.new()
        with self.folders.at_work(folder):
            yield from self._wait_for_room(song)
            yield from self._separate(song, folder)

    def _separate(self, song: SongFile, folder: Path) -> Iterator[MixerState]:
        separator = self.shelf.separator(self.model)
        selection = separator.select(self.sources)
        is_full = selection.is_full
        began = time.monotonic()
        with open_audio(song.path) as reader:
            original, top_db = write_original(
                folder,
                reader.blocks(),
                sample_rate=song.sample_rate,
                num_channels=song.num_channels,
                num_samples=song.num_samples,
            )
        stems = _empty_stems(separator.spec, selection)
        self.state = MixerState(
            id=folder.name,
            title=song.title,
            song_digest=song.digest,
            seconds=song.seconds,
            sample_rate=song.sample_rate,
            about=[
                message("about.song", model=model_title(self.model), seconds=round(song.seconds))
            ],
            lanes=[original, *stems],
            analysis=analysis_address(folder.name),
        )
        forecast = self._forecast(song)
        yield self._at(READ_SHARE, "stage.separating", forecast)
        with LaneWriter(
            folder,
            stems,
            sample_rate=song.sample_rate,
            num_channels=song.num_channels,
            num_samples=song.num_samples,
            top_db=top_db,
            in_pieces=True,
            download=self.format_name,
            title=song.title,
            tags=read_tags(song.path).of_song(song.title),
        ) as writer:
            balance = _Balance()
            for block, share, seconds_left in self._blocks(song, forecast):
                lanes = block.stems if is_full else {**block.stems, REST: block.residual}
                writer.write(lanes, mixture=block.mixture)
                balance.add(block)
                writer.grow(is_last=share == 1)
                self._update(lanes=[original, *writer.lanes])
                fraction = READ_SHARE + SEPARATE_SHARE * share
                yield self._at(fraction, "stage.separating", seconds_left)
            if writer.num_written != song.num_samples:
                raise SongError("The device stopped before the end; try again in a minute.")
            yield self._at(READ_SHARE + SEPARATE_SHARE, "stage.writing", None)
            gain = writer.commit().gain
        notes = []
        if is_full:
            notes.append(message("note.sum", decibels=round(balance.error_db)))
            self._update(sum_error_db=round(balance.error_db, 1))
        if gain < 1:
            notes.append(message("note.lowered", decibels=round(-20 * math.log10(gain), 1)))
        took = time.monotonic() - began
        self._update(
            lanes=[original, *writer.lanes],
            archive="" if writer.song_file else archive_address(folder.name),
            song_file=writer.song_file,
            notes=[*notes, *example_scores(song.digest, writer.lanes)],
            about=[*self.state.about, message("about.took", seconds=round(took, 1))],
        )
        yield self.state

    def _wait_for_room(self, song: SongFile) -> Iterator[MixerState]:
        """Wait until the disk has room, which older results leave as they are finished."""
        num_lanes = len(self.sources) + 2
        num_bytes = LANE_BYTES * num_lanes * song.num_samples * song.num_channels
        for _ in range(ROOM_PATIENCE):
            if self.folders.make_room(num_bytes):
                return
            progress = MixerProgress(fraction=0, doing=message("stage.waiting_for_room"))
            yield self.state.model_copy(update={"progress": progress})
            time.sleep(1)
        raise SongError("This page has no room for another song; try again in a few minutes.")

    def _forecast(self, song: SongFile) -> float | None:
        return self.shelf.expected_seconds(
            self.model, audio_seconds=song.seconds, num_sources=len(self.sources)
        )

    def _blocks(
        self, song: SongFile, forecast: float | None
    ) -> Iterator[tuple[SeparationBlock, float, float]]:
        """Yield the device's blocks with the share done, from 0 to 1, and the seconds left."""
        began = time.monotonic()
        sources = tuple(self.sources)
        for block in self.stream_blocks(self.model, str(song.path), sources, song.seconds):
            elapsed = time.monotonic() - began
            share = block.progress.num_samples / song.num_samples
            if share > MEASURED_SHARE or forecast is None:
                forecast = elapsed / share
            if share == 1:
                self.shelf.note_speed(
                    self.model,
                    seconds=elapsed,
                    audio_seconds=song.seconds,
                    num_sources=len(sources),
                )
            yield block, share, max(0.0, forecast * (1 - share))

    def _update(self, **changes: object) -> None:
        self.state = self.state.model_copy(update=changes)

    def _at(self, fraction: float, stage: str, seconds_left: float | None) -> MixerState:
        progress = MixerProgress(fraction=fraction, doing=message(stage), seconds_left=seconds_left)
        return self.state.model_copy(update={"progress": progress})


class _Balance:
    """Accumulates how far the stems are from summing to the song."""

    def __init__(self) -> None:
        self._residual_energy = 0.0
        self._energy = 0.0

    def add(self, block: SeparationBlock) -> None:
        self._residual_energy += float(np.sum(np.square(block.residual, dtype=np.float64)))
        self._energy += float(np.sum(np.square(block.mixture, dtype=np.float64)))

    @property
    def error_db(self) -> float:
        """Level of (song - sum of stems) relative to the song, at least -150 dB."""
        ratio = self._residual_energy / max(self._energy, 1e-30)
        return max(10 * math.log10(max(ratio, 1e-30)), LOWEST_DB)


def _empty_stems(spec: Spec, selection: StemSelection) -> list[MixerLane]:
    """Return the lanes before their first sound: the stems, and the rest of the song if any."""
    sources, colors = selection.sources, source_colors(spec.sources)
    lanes = [
        MixerLane(
            name=source,
            kind="stem",
            source=source,
            title=source_title(source),
            color=colors[source],
            part_of=spec.part_of[source] if source in selection.parts else "",
            on=source not in selection.parts,
        )
        for source in sources
    ]
    if not selection.is_full:
        title = wording("lane.rest", sources=sources)
        source = sources[0] if len(sources) == 1 else ""
        lanes.append(MixerLane(name=REST, kind=REST, source=source, title=title, on=False))
    return lanes
