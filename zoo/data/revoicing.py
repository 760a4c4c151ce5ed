"""The notes of a recording, heard roughly, played by an instrument that no recording holds.

A part by rule (``zoo.data.synthesis``) knows nothing of the song that it is put into. What is
played here is in its key and in its time, as far as the ear below can tell: that it errs does no
harm, because the target is what was played.

Shape legend: N samples, T frames, P pitches, H harmonics.
"""

from dataclasses import dataclass

import numpy as np
import torch

from zoo.data.augmentations.basic import AUGMENTATIONS, match_level
from zoo.data.instruments import Instrument, Note, play_part, require_octave

FRAME = 8192  # samples: a semitone at 100 Hz is 6 Hz, a bin 5
HOP = 1024
NUM_HARMONICS = 8
HARMONIC_WEIGHT = 0.8  # of a harmonic against the one below it
FOUND_AGAIN = 0.1  # what a note that was found leaves of its harmonics
LEAST_OF_FRAME = 0.4  # salience of the faintest note of a frame against the strongest
LEAST_OF_CHUNK = 0.1  # ... of the chunk
STRUCK_AGAIN = 1.5  # rise of salience that is another attack
SHORTEST_FRAMES = 2
SILENT = 1e-4


@AUGMENTATIONS.register("revoicing")
@dataclass(frozen=True, slots=True, kw_only=True)
class Revoicing:
    """Play the notes of the recording on an instrument drawn at random.

    It comes at the level of the recording; silence stays silent.

    Args:
        lowest: Lowest note that is heard, MIDI number.
        highest: Highest note that is heard, MIDI number.
        polyphony: Most notes at a time.
        sample_rate: Hz.

    Raises:
        ValueError: Less than an octave, or no note at a time.
    """

    lowest: int = 45
    highest: int = 88
    polyphony: int = 4
    sample_rate: int = 44100
    shared = False
    reach = 1.0

    def __post_init__(self) -> None:
        """Validate."""
        require_octave(self.lowest, self.highest)
        if self.polyphony < 1:
            raise ValueError(f"polyphony: got {self.polyphony}; expected 1 or more")

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the part, (2, N); the recording where no note is heard in it."""
        if np.abs(audio).max(initial=0.0) < SILENT:
            return audio
        notes = hear_notes(
            audio,
            lowest=self.lowest,
            highest=self.highest,
            polyphony=self.polyphony,
            sample_rate=self.sample_rate,
        )
        if not notes:
            return audio
        part = play_part(
            notes,
            Instrument.draw(generator),
            num_samples=audio.shape[-1],
            sample_rate=self.sample_rate,
            generator=generator,
        )
        return match_level(part, audio)


def hear_notes(
    audio: np.ndarray,
    *,
    lowest: int,
    highest: int,
    polyphony: int,
    sample_rate: int,
) -> list[Note]:
    """Hear the notes of a recording: in each frame the strongest sums of harmonics, one by one.

    Source: the iterative estimation and cancellation of Klapuri, "Multiple fundamental frequency
    estimation by summing harmonic amplitudes", ISMIR 2006, on semitones and with fixed weights.

    Args:
        audio: (2, N), N any.
        lowest: Lowest MIDI number.
        highest: Highest MIDI number.
        polyphony: Most notes at a time.
        sample_rate: Hz.

    Returns:
        Notes by pitch and start, the level of the strongest 1.
    """
    bins = _harmonic_bins(lowest, highest, sample_rate)
    heard = _salience(_spectrum(audio), bins, polyphony=polyphony)  # (T, P)
    strongest = heard.max(initial=0.0)
    if strongest <= 0.0:
        return []
    heard[heard < LEAST_OF_CHUNK * strongest] = 0.0
    notes = []
    for place, track in enumerate(heard.T):
        for first, last in _runs(track):
            notes.append(
                Note(
                    start=first * HOP,
                    length=(last - first) * HOP,
                    pitch=lowest + place,
                    level=float(track[first:last].max() / strongest),
                )
            )
    return [note for note in notes if note.start < audio.shape[-1]]


def _spectrum(audio: np.ndarray) -> np.ndarray:
    """Magnitudes (T, bins) of both channels together, less steep than they are."""
    samples = torch.from_numpy(np.ascontiguousarray(audio.mean(axis=0), dtype=np.float32))
    # Frames are centred on their sample, zeros around the chunk.
    samples = torch.nn.functional.pad(samples, (FRAME // 2, FRAME // 2))
    frames = samples.unfold(0, FRAME, HOP) * torch.hann_window(FRAME)
    return torch.fft.rfft(frames).abs().sqrt().numpy()


def _harmonic_bins(lowest: int, highest: int, sample_rate: int) -> np.ndarray:
    """The bin of each harmonic of each pitch, (P, H)."""
    pitches = 440.0 * 2.0 ** ((np.arange(lowest, highest + 1) - 69) / 12)
    harmonics = np.outer(pitches, np.arange(1, NUM_HARMONICS + 1))
    return np.rint(np.minimum(harmonics, sample_rate / 2 * 0.99) * FRAME / sample_rate).astype(int)


def _salience(spectrum: np.ndarray, bins: np.ndarray, *, polyphony: int) -> np.ndarray:
    """Strength of the notes found in each frame, (T, P), zero for all others."""
    weights = HARMONIC_WEIGHT ** np.arange(NUM_HARMONICS)
    rest = spectrum.copy()
    found = np.zeros((len(spectrum), len(bins)))
    frames = np.arange(len(spectrum))
    strongest = np.zeros(len(spectrum))
    for _ in range(polyphony):
        around = np.maximum(rest[:, bins - 1], np.maximum(rest[:, bins], rest[:, bins + 1]))
        sums = around @ weights  # (T, P)
        best = sums.argmax(axis=1)
        strength = sums[frames, best]
        strongest = np.maximum(strongest, strength)
        strength = np.where(strength >= LEAST_OF_FRAME * strongest, strength, 0.0)
        found[frames, best] = np.maximum(found[frames, best], strength)
        for offset in (-2, -1, 0, 1, 2):
            places = np.clip(bins[best] + offset, 0, spectrum.shape[1] - 1)  # (T, H)
            rest[frames[:, None], places] *= FOUND_AGAIN
    return found


def _runs(track: np.ndarray) -> list[tuple[int, int]]:
    """First and last frame (exclusive) of each note of one pitch."""
    runs = []
    first = None
    for frame, strength in enumerate(track):
        if first is not None and (strength == 0.0 or strength > STRUCK_AGAIN * track[frame - 1]):
            runs.append((first, frame))
            first = None
        if first is None and strength > 0.0:
            first = frame
    if first is not None:
        runs.append((first, len(track)))
    return [(first, last) for first, last in runs if last - first >= SHORTEST_FRAMES]
