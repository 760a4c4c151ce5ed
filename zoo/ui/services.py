"""What all tabs share: configuration, models, the device's generator, results and their folders."""

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from zoo.publishing.space_config import SpaceConfig
from zoo.records.files import hash_file
from zoo.ui.arguments import check_choice, check_sources
from zoo.ui.examples import find_example
from zoo.ui.lanes import FORMAT_TITLES
from zoo.ui.mixer_state import MixerState, message
from zoo.ui.models import ModelShelf
from zoo.ui.request_folders import RequestFolders
from zoo.ui.results import ResultStore
from zoo.ui.separate import SongSeparation
from zoo.ui.separation import BlockStream, make_block_stream
from zoo.ui.stopping import keep_what_is_done
from zoo.ui.visitors import Visitors

__all__ = ["DEVICE_QUEUE", "DRAWING_QUEUE", "Services"]

DEVICE_QUEUE = "device"
DRAWING_QUEUE = "drawing"
NUM_ANALYSTS = 1  # songs whose beats and key are found out at once


@dataclass(frozen=True, kw_only=True)
class Services:
    """One set for the whole app.

    Args:
        config: What the Space offers.
        shelf: Its models.
    """

    config: SpaceConfig
    shelf: ModelShelf
    stream_blocks: BlockStream = field(init=False)
    folders: RequestFolders = field(init=False)
    results: ResultStore = field(init=False, default_factory=ResultStore)
    visitors: Visitors = field(init=False, default_factory=Visitors)
    analysts: anyio.CapacityLimiter = field(
        init=False, default_factory=lambda: anyio.CapacityLimiter(NUM_ANALYSTS)
    )

    def __post_init__(self) -> None:
        """Make the device's generator; on ZeroGPU this must happen at import."""
        limits = self.config.limits
        folders = RequestFolders(
            max_age_seconds=3600 * limits.cache_hours, max_bytes=1e9 * limits.disk_gigabytes
        )
        object.__setattr__(self, "folders", folders)
        object.__setattr__(self, "stream_blocks", make_block_stream(self.config, self.shelf))

    def separate(
        self, song: str | None, model: object, sources: object, file_format: object
    ) -> Iterator[MixerState]:
        """Separate a song, or hand out what was made of an example before.

        Raises:
            SongError: The song or another argument will not do.
            WeightsError: The model's weights cannot be had.
        """
        model = check_choice(model, self.shelf.names, what="The model")
        file_format = check_choice(file_format, FORMAT_TITLES, what="The format")
        sources = check_sources(sources, self.shelf.separator(model).sources, model=model)
        with contextlib.closing(self._states(song, model, sources, file_format)) as states:
            for state in states:
                if state.id:
                    self.results.put(state)
                yield state

    def stop(self, result_id: object) -> MixerState:
        """Make a complete result of what was separated before the visitor stopped.

        Raises:
            SongError: No such result.
        """
        state = self.results.get(result_id)
        if state.progress is None:
            return state
        folder = self.folders.new()
        with self.folders.at_work(folder):
            kept = keep_what_is_done(state, folder)
        self.results.put(kept)
        return kept

    def _states(
        self, song: str | None, model: str, sources: tuple[str, ...], file_format: str
    ) -> Generator[MixerState]:
        key = None
        if song is not None and find_example(digest := _digest(song)) is not None:
            identity = self.shelf.separator(model).identity
            key = (digest, identity.digest, sources, file_format)
            known = self.results.get_example(key)
            if known is not None:
                kept = message("about.kept")
                about = [*(part for part in known.about if part != kept), kept]
                yield known.model_copy(update={"about": about})
                return
        separation = SongSeparation(
            config=self.config,
            shelf=self.shelf,
            stream_blocks=self.stream_blocks,
            folders=self.folders,
            model=model,
            sources=sources,
            format_name=file_format,
        )
        yield from separation.run(song)
        if key is not None:
            self.results.put_example(key, separation.state.id)

    @property
    def device_queue(self) -> dict[str, Any]:
        """Arguments of every event that works on the device: they wait for one another."""
        limit = self.config.limits.device_concurrency
        return {"concurrency_id": DEVICE_QUEUE, "concurrency_limit": limit}

    @property
    def drawing_queue(self) -> dict[str, Any]:
        """Arguments of every event that draws or writes without the device: one at a time."""
        return {"concurrency_id": DRAWING_QUEUE, "concurrency_limit": 1}


def _digest(song: str) -> str:
    """Return the digest of an upload; of what is no file an empty one, which is no example's."""
    path = Path(song)
    return hash_file(path) if path.is_file() and not path.is_symlink() else ""
