"""Pitch and tempo: changed one by one or together, or a sound added at another pitch.

Speed, tempo and pitch return another number of samples than they take; ``reach`` says how many more
to give them, and ``EDGE_SAMPLES`` what a phase vocoder loses at the edges.
"""

from dataclasses import dataclass

import numpy as np
import soxr
import torch
from torchaudio.functional import phase_vocoder

from zoo.data.augmentations.levels import db_to_gain, match_level
from zoo.data.augmentations.registry import AUGMENTATIONS, Augmentation

# The first frames see mirrored samples, whose phases would disturb all that are added to them.
EDGE_FRAMES = 2
EDGE_SAMPLES = 2048


@AUGMENTATIONS.register("speed")
@dataclass(frozen=True, slots=True, kw_only=True)
class Speed(Augmentation):
    """Play faster or slower, which moves pitch and tempo together.

    Args:
        max_semitones: Largest shift up or down, semitones.
    """

    max_semitones: float = 2.0
    shared = True

    @property
    def reach(self) -> float:
        """The most samples that it takes for one that it gives."""
        return 2 ** (self.max_semitones / 12)

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return (2, M), M between N / 2**(max/12) and N * 2**(max/12)."""
        ratio = 2 ** (generator.uniform(-self.max_semitones, self.max_semitones) / 12)
        return np.ascontiguousarray(soxr.resample(audio.T, ratio, 1.0, quality="MQ").T)


@AUGMENTATIONS.register("tempo")
@dataclass(frozen=True, slots=True, kw_only=True)
class Tempo(Augmentation):
    """Play faster or slower at the same pitch, by a phase vocoder.

    Args:
        max_change: Largest change of the rate, as a fraction: 0.1 is from 1 / 1.1 to 1.1.
    """

    max_change: float = 0.12
    shared = True

    @property
    def reach(self) -> float:
        """The most samples that it takes for one that it gives."""
        return 1.0 + self.max_change

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return (2, M), M about N / rate."""
        rate = (1.0 + self.max_change) ** generator.uniform(-1.0, 1.0)
        return stretch(audio, rate)


@AUGMENTATIONS.register("pitch")
@dataclass(frozen=True, slots=True, kw_only=True)
class Pitch(Augmentation):
    """Move the pitch at the same tempo: a phase vocoder, then another sample rate.

    It smears attacks, so it suits voices and held notes better than drums.

    Args:
        max_semitones: Largest shift up or down, semitones.
    """

    max_semitones: float = 2.0
    shared = True

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return (2, M), M a little under N."""
        ratio = 2 ** (generator.uniform(-self.max_semitones, self.max_semitones) / 12)
        stretched = stretch(audio, 1 / ratio)
        return np.ascontiguousarray(soxr.resample(stretched.T, ratio, 1.0, quality="MQ").T)


@AUGMENTATIONS.register("stops")
@dataclass(frozen=True, slots=True, kw_only=True)
class Stops(Augmentation):
    """Add the sound an octave lower, an octave higher or a twelfth higher, as organ stops do.

    Every tone of those is a harmonic of the notes that sound (or, an octave lower, has them as its
    own), so chords get another timbre and no other notes. A phase vocoder moves the pitch, which
    softens the attacks of what is added.

    Args:
        ratios: The ratios of pitch, one of which is drawn.
        low_db: Smallest level of what is added against the sound, dB.
        high_db: Largest such level, dB.
    """

    ratios: tuple[float, ...] = (0.5, 2.0, 3.0)
    low_db: float = -12.0
    high_db: float = 3.0

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return both sounds together."""
        ratio = self.ratios[generator.integers(len(self.ratios))]
        level = db_to_gain(generator.uniform(self.low_db, self.high_db))
        longer = stretch(audio, 1 / ratio)
        moved = soxr.resample(longer.T, ratio, 1.0, quality="MQ").T[:, : audio.shape[-1]]
        added = np.zeros_like(audio)
        added[:, : moved.shape[-1]] = moved
        return match_level(audio + np.float32(level) * match_level(added, audio), audio)


def stretch(audio: np.ndarray, rate: float) -> np.ndarray:
    """Change the length to about N / rate without changing the pitch."""
    n_fft = min(2048, 1 << (audio.shape[-1] // 2).bit_length() - 1)
    hop_length = n_fft // 4
    window = torch.hann_window(n_fft)
    spectrum = torch.stft(
        torch.from_numpy(np.ascontiguousarray(audio)),
        n_fft,
        hop_length,
        window=window,
        return_complex=True,
    )[..., EDGE_FRAMES:]  # (2, F, T)
    advance = torch.linspace(0, torch.pi * hop_length, spectrum.shape[-2])[:, None]
    stretched = phase_vocoder(spectrum, rate, advance)
    return match_level(torch.istft(stretched, n_fft, hop_length, window=window).numpy(), audio)
