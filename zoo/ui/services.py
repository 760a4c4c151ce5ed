"""What all tabs share: configuration, models, the device's generator and the example cache."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from zoo.publishing.space_config import SpaceConfig
from zoo.records.files import hash_file
from zoo.ui.examples import ExampleCache, find_example
from zoo.ui.mixer_state import MixerState
from zoo.ui.models import ModelShelf
from zoo.ui.separate import SongSeparation
from zoo.ui.separation import BlockStream, make_block_stream

__all__ = ["DEVICE_QUEUE", "Services"]

DEVICE_QUEUE = "device"


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
    cache: ExampleCache = field(init=False, default_factory=ExampleCache)

    def __post_init__(self) -> None:
        """Make the device's generator; on ZeroGPU this must happen at import."""
        object.__setattr__(self, "stream_blocks", make_block_stream(self.config, self.shelf))

    def separate(
        self, song: str | None, model: str, sources: list[str], file_format: str
    ) -> Iterator[MixerState]:
        """Separate a song, or hand out what was made of an example before."""
        key = None
        if song is not None and find_example(digest := hash_file(song)) is not None:
            identity = self.shelf.separator(model).identity
            key = (digest, identity.digest, tuple(sources), file_format)
            known = self.cache.get(key)
            if known is not None:
                yield known
                return
        separation = SongSeparation(
            config=self.config,
            shelf=self.shelf,
            stream_blocks=self.stream_blocks,
            model=model,
            sources=sources,
            format_name=file_format,
        )
        yield from separation.run(song)
        if key is not None:
            self.cache.put(key, separation.state)

    @property
    def device_queue(self) -> dict[str, Any]:
        """Arguments of every event that works on the device: they wait for one another."""
        limit = self.config.limits.device_concurrency
        return {"concurrency_id": DEVICE_QUEUE, "concurrency_limit": limit}
