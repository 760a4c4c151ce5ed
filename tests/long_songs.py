"""What the app does with a long song, for those who measure it in another process."""

from pathlib import Path

from app_server import tiny_config

from zoo.audio import open_audio
from zoo.audio.spectrogram_figure import SignalBlocks, draw_spectrograms
from zoo.ui.songs import check_song, read_clip


def draw(path: Path) -> None:
    """Draw the spectrogram of all of it."""
    song = check_song(path, tiny_config().limits)
    with open_audio(song.path) as reader:
        signal = SignalBlocks(blocks=reader.blocks(), num_channels=2, num_samples=song.num_samples)
        draw_spectrograms({"a": signal}, sample_rate=song.sample_rate, scale="log", range_db=80)


def read_a_second(path: Path) -> None:
    """Look at it and read a second of its middle."""
    song = check_song(path, tiny_config().limits)
    read_clip(song, start=song.seconds / 2, seconds=1)
