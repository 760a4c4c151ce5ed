"""Tags of songs: what they are, and reading and writing them in every format that has any."""

from zoo.audio.tags.fields import BroadcastInfo, Tags
from zoo.audio.tags.reading import read_tags
from zoo.audio.tags.writing import write_tags

__all__ = ["BroadcastInfo", "Tags", "read_tags", "write_tags"]
