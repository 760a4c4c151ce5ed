"""Short-time features of a song for the analyses, in blocks, so that no spectrogram is held whole.

N: samples of a mono signal at :data:`SAMPLE_RATE`; T: frames
"""

from collections.abc import Iterator

import numpy as np

from zoo.analysis.compiling import librosa, one_process_at_a_time

__all__ = ["CHROMA_HOP", "ONSET_HOP", "SAMPLE_RATE", "chromagram", "onset_envelope"]

SAMPLE_RATE = 22_050
"""Of all signals that are analysed, in Hz."""
ONSET_N_FFT = 2048
ONSET_HOP = 256
"""A frame of the onset envelope lasts 11.6 ms."""
NUM_MELS = 128
CHROMA_N_FFT = 8192  # bins of 2.7 Hz: semitones are apart from 45 Hz on
CHROMA_HOP = 2048
"""A frame of the chromagram lasts 93 ms."""
TUNING_SECONDS = 60
BLOCK_FRAMES = 512


@one_process_at_a_time
def onset_envelope(samples: np.ndarray) -> np.ndarray:
    """Measure how much begins in every frame.

    It is the rise of the level in dB from frame to frame, averaged over mel bands (librosa's onset
    strength, after Boeck and Widmer, "Maximum filter vibrato suppression for onset detection",
    DAFx 2013).

    Args:
        samples: (N,) float32.

    Shape:
        (N,) -> (T,) with T = N // ONSET_HOP + 1
    """
    powers = [
        librosa.feature.melspectrogram(
            y=part,
            sr=SAMPLE_RATE,
            n_fft=ONSET_N_FFT,
            hop_length=ONSET_HOP,
            n_mels=NUM_MELS,
            center=False,
        )
        for part in _parts(samples, n_fft=ONSET_N_FFT, hop_length=ONSET_HOP)
    ]
    levels = librosa.power_to_db(np.concatenate(powers, axis=1), ref=np.max)
    return librosa.onset.onset_strength(S=levels, sr=SAMPLE_RATE, hop_length=ONSET_HOP)


@one_process_at_a_time
def chromagram(samples: np.ndarray) -> np.ndarray:
    """Measure the energy of the twelve pitch classes, C first, in every frame.

    The tuning of the song is estimated from its middle minute, so that a song between two keys of
    the piano has twelve classes too.

    Args:
        samples: (N,) float32.

    Shape:
        (N,) -> (12, T) with T = N // CHROMA_HOP + 1
    """
    first = max(0, (len(samples) - TUNING_SECONDS * SAMPLE_RATE) // 2)
    middle = samples[first : first + TUNING_SECONDS * SAMPLE_RATE]
    tuning = librosa.estimate_tuning(y=middle, sr=SAMPLE_RATE) if np.any(middle) else 0.0
    classes = librosa.filters.chroma(sr=SAMPLE_RATE, n_fft=CHROMA_N_FFT, tuning=tuning)
    window = np.hanning(CHROMA_N_FFT + 1)[:-1].astype(np.float32)
    frames = []
    for part in _parts(samples, n_fft=CHROMA_N_FFT, hop_length=CHROMA_HOP):
        cut = np.lib.stride_tricks.sliding_window_view(part, CHROMA_N_FFT)[::CHROMA_HOP]
        frames.append(classes @ np.square(np.abs(np.fft.rfft(cut * window))).T)
    return np.concatenate(frames, axis=1)


def _parts(samples: np.ndarray, *, n_fft: int, hop_length: int) -> Iterator[np.ndarray]:
    """Cut a signal into parts of 512 frames at most; frame t of all is at t * hop_length."""
    padded = np.pad(samples, n_fft // 2)
    num_frames = len(samples) // hop_length + 1
    for first in range(0, num_frames, BLOCK_FRAMES):
        last = min(first + BLOCK_FRAMES, num_frames) - 1
        yield padded[first * hop_length : last * hop_length + n_fft]
