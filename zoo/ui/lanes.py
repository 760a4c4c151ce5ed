"""Audio as a lane of the mixer: a file to play, a picture and an outline.

Shapes: samples are (C, N) float32.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from gradio.data_classes import FileData

from zoo.audio import AUDIO_FORMATS, write_audio
from zoo.ui.mixer_state import MixerLane
from zoo.ui.spectrogram import NEUTRAL_COLOR, SOURCE_COLORS, log_spectrogram, outline, save_picture

__all__ = ["FORMAT_TITLES", "decibels", "shared_gain", "write_archive", "write_lane", "write_stems"]

FORMAT_TITLES = {
    "flac": "FLAC (lossless, small)",
    "wav24": "WAV, 24 bit",
    "wav": "WAV, 32-bit float",
    "mp3": "MP3",
    "ogg": "OGG Vorbis",
}
SILENCE_DB = -150.0


def write_lane(
    folder: Path,
    samples: np.ndarray,
    *,
    sample_rate: int,
    lane: MixerLane,
    top_db: float,
    suffix: str = "",
) -> MixerLane:
    """Write what the mixer needs of one lane.

    The file is 24-bit FLAC; a lane beyond full scale is lowered in it, and ``gain`` raises it
    again in the browser, which mixes in floating point.

    Args:
        folder: The request's folder.
        samples: The audio.
        sample_rate: In Hz.
        lane: Its name, kind, source and title.
        top_db: Level drawn brightest, the same for all lanes of a song.
        suffix: Part of the files' names where a lane is written anew.

    Returns:
        The lane with its files.
    """
    peak = max(1.0, float(np.abs(samples).max()))
    audio = folder / f"{lane.name}{suffix}.flac"
    write_audio(audio, samples / np.float32(peak), sample_rate, name="flac")
    picture = folder / f"{lane.name}{suffix}.png"
    color = SOURCE_COLORS.get(lane.kind, SOURCE_COLORS.get(lane.source, NEUTRAL_COLOR))
    levels = log_spectrogram(samples, sample_rate=sample_rate)
    save_picture(levels, picture, color=color, top_db=top_db)
    return lane.model_copy(
        update={
            "audio": FileData(path=str(audio)),
            "gain": peak,
            "picture": FileData(path=str(picture)),
            "outline": outline(samples),
        }
    )


def shared_gain(stems: Mapping[str, np.ndarray], *, format_name: str) -> float:
    """Return the one gain at which every stem fits a format: 1 unless a stem would clip."""
    if not AUDIO_FORMATS[format_name].clips:
        return 1.0
    peak = max((float(np.abs(samples).max()) for samples in stems.values()), default=0.0)
    return 1.0 if peak <= 1.0 else 1.0 / peak


def write_stems(
    folder: Path,
    stems: Mapping[str, np.ndarray],
    *,
    sample_rate: int,
    format_name: str,
    title: str,
    gain: float,
) -> dict[str, FileData]:
    """Write the files to download, all at the same gain.

    Args:
        folder: The request's folder.
        stems: Lane name to audio.
        sample_rate: In Hz.
        format_name: A name of :data:`zoo.audio.AUDIO_FORMATS`.
        title: The song's, for the names that the visitor's downloads get.
        gain: As :func:`shared_gain` says.

    Returns:
        Lane name to file.
    """
    extension = AUDIO_FORMATS[format_name].extension
    target = folder / "download"
    target.mkdir(exist_ok=True)
    files = {}
    for name, samples in stems.items():
        path = target / f"{name}{extension}"
        write_audio(path, samples * np.float32(gain), sample_rate, name=format_name)
        files[name] = FileData(path=str(path), orig_name=f"{title} - {name}{extension}")
    return files


def write_archive(folder: Path, files: Mapping[str, FileData], *, title: str) -> FileData:
    """Put the files to download into one zip; audio does not shrink, so it is only stored."""
    path = folder / "stems.zip"
    with zipfile.ZipFile(path, "w", compression=zipfile.ZIP_STORED) as archive:
        for file in files.values():
            archive.write(file.path, arcname=file.orig_name)
    return FileData(path=str(path), orig_name=f"{title} - stems.zip")


def decibels(power: float) -> float:
    """Return 10 log10 of a power ratio, at least -150 dB."""
    return float(max(10 * np.log10(max(power, 1e-30)), SILENCE_DB))
