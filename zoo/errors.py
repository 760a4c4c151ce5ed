"""Every named error of the library; each says what was got, what was expected and what to do."""

from blocks.registry import UnknownNameError

__all__ = [
    "AudioError",
    "CatalogueError",
    "ChecksumError",
    "ExamplesError",
    "SeparationCancelledError",
    "SpecError",
    "StemsNotWrittenError",
    "StoreError",
    "UnknownNameError",
    "WeightsError",
    "WeightsUnavailableError",
]


class SpecError(ValueError):
    """A spec that cannot be parsed, is inconsistent, or exceeds the bounds."""


class AudioError(ValueError):
    """Audio that cannot be read, written or separated."""


class ExamplesError(ValueError):
    """Examples of a source that nothing can be learnt from: too short, silent, all the same."""


class StemsNotWrittenError(AudioError):
    """Stems that cannot be written, as on a full disk; the song may be a good one."""


class CatalogueError(ValueError):
    """A catalogue that cannot be read, or whose run cannot go on."""


class StoreError(RuntimeError):
    """A place for songs or stems that cannot be reached or written to."""


class SeparationCancelledError(RuntimeError):
    """A separation that its caller stopped."""


class WeightsError(RuntimeError):
    """Weights that do not exist, cannot be had, or do not fit the network."""


class WeightsUnavailableError(WeightsError):
    """Weights that exist but cannot be had now: offline, unreachable, or gone from their place."""


class ChecksumError(WeightsError):
    """A file whose bytes are not those that its manifest promises."""
