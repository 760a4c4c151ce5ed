"""TensorBoard events of a run: curves, and what the network makes of the held-out tracks.

Shape legend: C channels, N samples, F bins, T frames.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.tensorboard.writer import SummaryWriter

from zoo.training.validation import TrackScore

AUDIO_SECONDS = 10.0
LOWEST_DB, HIGHEST_DB = -60.0, 50.0


class TensorBoardLog:
    """Write the events of a run.

    Args:
        directory: Where the event files go.
        sources: Names of the sources in the order of the estimates.
        sample_rate: Hz.
    """

    def __init__(self, directory: Path, *, sources: Sequence[str], sample_rate: int) -> None:
        self._writer = SummaryWriter(str(directory))
        self._sources = tuple(sources)
        self._sample_rate = sample_rate

    def write_record(self, record: dict[str, Any]) -> None:
        """Write one line of measurements as scalars."""
        step = record["step"]
        for name in ("loss", "gradient_norm", "learning_rate", "seconds_per_step"):
            if name in record:
                self._writer.add_scalar(f"train/{name}", record[name], step)
        for name, value in record.get("sdr", {}).items():
            self._writer.add_scalar(f"sdr/{name}", value, step)
        self._writer.flush()

    def write_scores(self, step: int, scores: Sequence[TrackScore]) -> None:
        """Write sound and spectrograms of the first seconds of every held-out track."""
        length = int(AUDIO_SECONDS * self._sample_rate)
        for score in scores:
            for place, source in enumerate(self._sources):
                estimate, target = (
                    audio[place, :, :length] for audio in (score.estimates, score.targets)
                )
                tag = f"{score.name}/{source}"
                self._writer.add_audio(
                    f"{tag}/estimate",
                    torch.from_numpy(estimate.mean(axis=0)).clamp(-1, 1)[None],
                    step,
                    self._sample_rate,
                )
                pictures = [draw_spectrogram(audio) for audio in (estimate, target)]
                self._writer.add_image(
                    f"{tag}/estimate_over_target", np.concatenate(pictures)[None], step
                )
        self._writer.flush()

    def close(self) -> None:
        """Finish the event file."""
        self._writer.close()


def draw_spectrogram(audio: np.ndarray, *, n_fft: int = 1024) -> np.ndarray:
    """Return the magnitude spectrogram as brightness, low frequencies at the bottom.

    Args:
        audio: The samples.
        n_fft: Frame length, samples; frames are half of it apart.

    Shape:
        - audio: (C, N).
        - Output: (F, T) in 0 to 1, -60 to 50 dB.
    """
    spectrum = torch.stft(
        torch.from_numpy(np.ascontiguousarray(audio.mean(axis=0))),
        n_fft,
        n_fft // 2,
        window=torch.hann_window(n_fft),
        return_complex=True,
    ).abs()
    decibels = 20 * torch.log10(spectrum + 1e-6)
    scaled = (decibels - LOWEST_DB) / (HIGHEST_DB - LOWEST_DB)
    return scaled.clamp(0, 1).flip(0).numpy()
