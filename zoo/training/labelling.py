"""A teacher labels sums: what its estimates at several pitches agree on, a student may learn.

Nobody has the drums, the bass and the rest of most real music apart. The mean of a network's
estimates at several pitches is better than one pass (:mod:`zoo.separation.pitch_averaging`), and
where the passes agree it is likely to be right. A student that learns the mean needs one pass.

S sources of a sum, P passes, C channels, N samples
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from zoo.audio import read_audio, resample, write_audio
from zoo.data import Track, find_tracks
from zoo.data.labels import Certainty, label_path, read_certainty, write_certainty
from zoo.errors import AudioError
from zoo.records.reading import MAX_ITEMS
from zoo.separation.pipeline import share_residual
from zoo.separation.pitch_averaging import play, playing_speeds
from zoo.separation.separator import Separator

__all__ = ["judge_passes", "label_folder"]

# Of the mixture's energy, beside which disagreement about a silent source is none.
SILENCE_SHARE = 0.01


def label_folder(
    directory: Path,
    teacher: Separator,
    *,
    sums: Mapping[str, Sequence[str]],
    pitches: int = 7,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Label every file of a sum under a folder, beside the file; labels that are there stay.

    Args:
        directory: A folder of training tracks.
        teacher: Separates; its own number of pitches is not used.
        sums: The sums by name, as in a recipe's ``data.sums``.
        pitches: How many passes there are: 3, 5 or 7.
        progress: Called with (tracks done, tracks in all).

    Returns:
        How many tracks were labelled now.

    Raises:
        AudioError: If no track has a sum, or a file cannot be read or written.
        ValueError: If the teacher has not all sources of a sum, or there is one pass only, which
            agrees with itself always.
    """
    speeds = playing_speeds(pitches)
    if len(speeds) < 2:
        raise ValueError("labels need passes that can agree: give pitches=3, 5 or 7")
    for name, members in sums.items():
        strange = [each for each in members if each not in teacher.spec.sources]
        if strange:
            raise ValueError(
                f"{name}: the teacher has no {', '.join(strange)}, only "
                f"{', '.join(teacher.spec.sources)}"
            )
    tracks = [
        (track, name)
        for track in find_tracks(directory, sources=(*sums, *teacher.spec.sources))
        for name in sums
        if name in track.files
    ]
    if not tracks:
        raise AudioError(f"{directory}: no track has a file named {' or '.join(sums)}")
    labelled = 0
    for done, (track, name) in enumerate(tracks):
        folder = track.files[name].path.parent
        known = read_certainty(folder)
        if known is None or not set(sums[name]) <= set(known.sources):
            _label_track(track, name, teacher, members=sums[name], pitches=pitches)
            labelled += 1
        if progress is not None:
            progress(done + 1, len(tracks))
    return labelled


def judge_passes(
    passes: Iterable[Tensor], mixture: Tensor, *, step: int
) -> tuple[Tensor, np.ndarray]:
    """Return the mean of passes, and how much they agree, step by step.

    The certainty of a source is 1 minus the ratio of levels of what the passes differ by and of
    what they have in common; what is 20 dB under the mixture counts as so loud.

    Args:
        passes: Estimates, one at a time.
        mixture: What was separated.
        step: Samples of a step.

    Shape:
        - passes: P of (S, C, N).
        - mixture: (C, N).
        - Output: (S, C, N), and (S, steps) from 0 to 1.
    """
    energies: list[Tensor] = []
    total = torch.zeros(())
    for estimates in passes:
        energies.append(_energies(estimates, step))
        total = total + estimates
    mean = total / len(energies)
    common = _energies(mean, step)
    # The mean square distance from the mean is the mean square less the square of the mean.
    apart = (torch.stack(energies).mean(dim=0) - common).clamp(min=0)
    heard = common + SILENCE_SHARE * _energies(mixture, step)
    ratio = apart / heard.clamp(min=torch.finfo(heard.dtype).tiny)
    return mean, (1 - ratio.sqrt()).clamp(0, 1).numpy()


def _energies(signal: Tensor, step: int) -> Tensor:
    """Sum the energy of each step, the last one as far as it goes: (..., C, N) -> (..., steps)."""
    padded = torch.nn.functional.pad(signal, (0, -signal.shape[-1] % step))
    norms = torch.linalg.vector_norm(
        padded.unflatten(-1, (-1, step)), dim=(-3, -1), dtype=torch.float64
    )
    return norms.square()


def _label_track(
    track: Track, name: str, teacher: Separator, *, members: Sequence[str], pitches: int
) -> None:
    file, rate = track.files[name].path, teacher.spec.sample_rate
    audio, file_rate = read_audio(file)
    audio = resample(audio, from_rate=file_rate, to_rate=rate)
    song = torch.from_numpy(np.array(np.broadcast_to(audio, (max(2, len(audio)), audio.shape[1]))))
    passes = (_pass(song, teacher, members, speed) for speed in playing_speeds(pitches))
    step_seconds = math.ceil(song.shape[-1] / rate / MAX_ITEMS)
    mean, certainty = judge_passes(passes, song, step=step_seconds * rate)
    labels = share_residual(mean, song, summands=range(len(members)))
    for member, label in zip(members, labels, strict=True):
        write_audio(label_path(file.parent, member), label.numpy(), rate)
    steps = {
        member: tuple(round(float(each), 3) for each in row)
        for member, row in zip(members, certainty, strict=True)
    }
    about = f"{teacher.spec.name}, {pitches} pitches"
    found = Certainty(teacher=about, step_seconds=step_seconds, sources=steps)
    write_certainty(file.parent, found)


def _pass(song: Tensor, teacher: Separator, members: Sequence[str], speed: Fraction) -> Tensor:
    """Separate a song at a speed: (C, N) -> (S, C, N) at its own."""
    rate = teacher.spec.sample_rate
    played = song if speed == 1 else play(song, speed)
    stems = teacher((played.numpy(), rate)).stems
    estimates = torch.from_numpy(np.stack([stems[member] for member in members]))
    if speed != 1:
        estimates = play(estimates, 1 / speed)
    missing = song.shape[-1] - estimates.shape[-1]
    return torch.nn.functional.pad(estimates, (0, missing))  # cut where it is negative
