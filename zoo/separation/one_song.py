"""One song from a file to a result, and to a folder, in one call."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoo.audio import AudioInfo, AudioSource, find_format, open_audio
from zoo.separation.result import SeparationResult
from zoo.separation.separator import ProgressCallback, Separator
from zoo.separation.stem_writer import check_output
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
        format: Of the files: a name of :data:`zoo.audio.AUDIO_FORMATS`.
        device: As for :class:`Separator`.
        precision: As for :class:`Separator`.
        pitches: As for :class:`Separator`.
        progress: Called with the fraction done and the stage.

    Raises:
        AudioError: The song cannot be read, or the stems cannot be written.
        UnknownNameError: No such model, source or format.
        WeightsError: The weights cannot be had.
    """
    audio_format = find_format(format)
    separator = Separator(
        model, weights=weights, device=device, precision=precision, pitches=pitches
    )
    if folder is not None:
        stems = separator.select(sources, two_stems).stems
        check_output(audio_format, stems, _look_at(source))
    result = separator(source, sources=sources, two_stems=two_stems, progress=progress)
    if folder is not None:
        result.save(folder, format=format)
    return result


def _look_at(source: AudioSource) -> AudioInfo:
    """Return what is known of a song before it is read, and leave a file object where it was."""
    file: Any = source if hasattr(source, "seek") else None
    start = file.tell() if file is not None else 0
    with open_audio(source) as reader:
        info = reader.info
    if file is not None:
        file.seek(start)
    return info
