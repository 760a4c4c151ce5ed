"""One song from a file to a result, and to a folder, in one call."""

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from zoo.audio import AudioSource, find_format
from zoo.separation.result import SeparationResult
from zoo.separation.separator import ProgressCallback, Separator
from zoo.specs.loading import SpecSource

__all__ = ["separate"]


def separate(
    source: AudioSource,
    folder: str | os.PathLike[str] | None = None,
    *,
    model: SpecSource | nn.Module | None = None,
    weights: str | Path = "default",
    sources: str | Sequence[str] | None = None,
    two_stems: str | None = None,
    format: str = "wav",
    device: str | torch.device = "auto",
    precision: str = "auto",
    pitches: int | None = None,
    progress: ProgressCallback | None = None,
) -> SeparationResult:
    """Separate one song with the default model, or another.

    For several songs make one :class:`Separator` and call it; for songs too long for the memory
    use :meth:`Separator.stream` or ``python -m zoo separate``.

    Args:
        source: A path, an open binary file, or ``(array, sample_rate)``.
        folder: Where the stems are written. None writes none.
        model: As for :class:`Separator`.
        weights: As for :class:`Separator`.
        sources: The sources wanted, all by default.
        two_stems: Instead: this source and everything else.
        format: Of the files: ``wav``, ``wav24``, ``wav16``, ``flac``, ``ogg`` or ``mp3``.
        device: As for :class:`Separator`.
        precision: As for :class:`Separator`.
        pitches: As for :class:`Separator`.
        progress: Called with the fraction done and the stage.

    Raises:
        AudioError: The song cannot be read, or the stems cannot be written.
        UnknownNameError: No such model, source or format.
        WeightsError: The weights cannot be had.
    """
    find_format(format)
    separator = Separator(
        model, weights=weights, device=device, precision=precision, pitches=pitches
    )
    result = separator(source, sources=sources, two_stems=two_stems, progress=progress)
    if folder is not None:
        result.save(folder, format=format)
    return result
