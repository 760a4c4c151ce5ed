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
from zoo.ui.lanes import LaneWriter, write_archive, write_original
from zoo.ui.mixer_state import MixerLane, MixerProgress, MixerState
from zoo.ui.models import ModelShelf
from zoo.ui.request_folder import new_request_folder
from zoo.ui.separation import BlockStream
from zoo.ui.songs import SongError, SongFile, check_song

__all__ = ["REST", "SongSeparation", "source_title"]

REST = "rest"
READ_SHARE, SEPARATE_SHARE = 0.02, 0.95  # of the progress bar
# From this share on the speed of this song says more about its end than that of earlier songs.
MEASURED_SHARE = 0.2
LOWEST_DB = -150.0


def source_title(source: str) -> str:
    """Return what a musician reads for a source's name."""
    return source.replace("_", " ").capitalize()


@dataclass(kw_only=True)
class SongSeparation:
    """One request, from the upload to the files.

    Args:
        config: Limits.
        shelf: The models.
        stream_blocks: Separates on the device.
        model: Name of the model.
        sources: The sources wanted.
        format_name: Format of the files to download.
    """

    config: SpaceConfig
    shelf: ModelShelf
    stream_blocks: BlockStream
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
        known = self.shelf.separator(self.model).sources
        self._check_sources(known)
        is_full = len(known) > 1 and set(self.sources) == set(known)
        song = check_song(path, self.config.limits)
        folder = new_request_folder()
        began = time.monotonic()
        with open_audio(song.path) as reader:
            original, top_db = write_original(
                folder,
                reader.blocks(),
                sample_rate=song.sample_rate,
                num_channels=song.num_channels,
                num_samples=song.num_samples,
            )
        stems = _empty_stems(self.sources, with_rest=not is_full)
        self.state = MixerState(
            id=folder.name,
            title=song.title,
            song_digest=song.digest,
            seconds=song.seconds,
            sample_rate=song.sample_rate,
            summary=f"{self.model} \u00b7 {song.seconds:.0f} s",
            lanes=[original, *stems],
        )
        forecast = self._forecast(song)
        yield self._at(READ_SHARE, "Separating", forecast)
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
                yield self._at(READ_SHARE + SEPARATE_SHARE * share, "Separating", seconds_left)
            if writer.num_written != song.num_samples:
                raise SongError("The device stopped before the end; try again in a minute.")
            yield self._at(READ_SHARE + SEPARATE_SHARE, "Writing the files", None)
            gain = writer.commit().gain
        facts = []
        if is_full:
            facts.append(f"Sum of stems \u2212 original = {_signed(balance.error_db)} dB")
            self._update(sum_error_db=round(balance.error_db, 1))
        if gain < 1:
            facts.append(f"Files lowered together by {-20 * math.log10(gain):.1f} dB so as to fit")
        took = time.monotonic() - began
        self._update(
            lanes=[original, *writer.lanes],
            archive=writer.song_file or write_archive(folder, writer.lanes, title=song.title),
            facts=" \u00b7 ".join(facts),
            summary=f"{self.state.summary} \u00b7 separated in {took:.1f} s",
        )
        yield self.state

    def _check_sources(self, known: Sequence[str]) -> None:
        if not self.sources:
            raise SongError("Choose at least one source to separate.")
        unknown = [source for source in self.sources if source not in known]
        if unknown:
            raise SongError(
                f"{self.model} cannot separate {', '.join(unknown)}; it knows {', '.join(known)}."
            )

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
        progress = MixerProgress(fraction=fraction, stage=stage, seconds_left=seconds_left)
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


def _empty_stems(sources: Sequence[str], *, with_rest: bool) -> list[MixerLane]:
    lanes = [
        MixerLane(name=source, kind="stem", source=source, title=source_title(source))
        for source in sources
    ]
    if with_rest:
        title = f"All but {' and '.join(source.replace('_', ' ') for source in sources)}"
        source = sources[0] if len(sources) == 1 else ""
        lanes.append(MixerLane(name=REST, kind=REST, source=source, title=title, on=False))
    return lanes


def _signed(level: float) -> str:
    return f"{level:.0f}".replace("-", "\u2212")
