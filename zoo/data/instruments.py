"""Instruments that no recording holds: oscillators of random spectra under random envelopes.

A small data set has few instruments, and networks learn them by heart.

Shape legend: N samples of a chunk, n samples of a note.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zoo.data.augmentations.basic import decibels

CYCLE = 2048  # samples of one period of an oscillator
HIGHEST_HZ = 16_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """One note of a part.

    Args:
        start: Its first sample.
        length: Until it is let go, samples.
        pitch: MIDI number, 69 is 440 Hz.
        level: Factor.
    """

    start: int
    length: int
    pitch: int
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """An oscillator whose spectrum goes from bright to dull, under an envelope.

    Args:
        spectrum_db: Level of each harmonic at the attack.
        dulling_db: What the highest audible octaves lose on the way, dB an octave.
        formants: Resonances, (Hz, octaves, dB), that stay where they are as pitch moves.
        attack: Seconds.
        decay: Time constant, seconds.
        sustain: Where the decay ends, as a factor.
        release: Seconds.
        vibrato: (Hz, cents).
        detune: Cents of each voice, left and right by turns.
        modulation: (ratio, index) of a modulator of the phase; index 0 for none.
        noise: Level of the noise of the attack against the note.
    """

    spectrum_db: np.ndarray
    dulling_db: float
    formants: tuple[tuple[float, float, float], ...]
    attack: float
    decay: float
    sustain: float
    release: float
    vibrato: tuple[float, float]
    detune: tuple[float, ...]
    modulation: tuple[float, float]
    noise: float

    @classmethod
    def draw(cls, generator: np.random.Generator) -> "Instrument":
        """Draw an instrument."""
        octaves = np.log2(np.arange(1, CYCLE // 4))
        spectrum = -generator.uniform(3.0, 16.0) * octaves
        spectrum += generator.normal(0.0, generator.uniform(0.0, 7.0), octaves.shape)
        if generator.random() < 0.25:
            spectrum[1::2] -= generator.uniform(10.0, 40.0)  # as of a closed pipe
        formants = tuple(
            (
                float(np.exp(generator.uniform(np.log(250.0), np.log(5000.0)))),
                float(generator.uniform(0.15, 0.8)),
                float(generator.uniform(-10.0, 15.0)),
            )
            for _ in range(generator.integers(4))
        )
        modulated = generator.random() < 0.2
        voices = int(generator.choice([1, 2, 3]))
        return cls(
            spectrum_db=spectrum,
            dulling_db=float(generator.choice([0.0, generator.uniform(0.0, 12.0)])),
            formants=formants,
            attack=_log_uniform(generator, 0.002, 0.25),
            decay=_log_uniform(generator, 0.06, 3.0),
            sustain=float(generator.choice([0.0, generator.uniform(0.0, 1.0), 1.0])),
            release=_log_uniform(generator, 0.02, 0.6),
            vibrato=(
                float(generator.uniform(3.5, 7.0)),
                float(generator.choice([0.0, generator.uniform(0.0, 45.0)])),
            ),
            detune=tuple(generator.uniform(-12.0, 12.0, voices)) if voices > 1 else (0.0,),
            modulation=(
                float(generator.choice([0.5, 1.0, 1.4, 2.0, 3.0, 3.5, 7.0])),
                float(generator.uniform(0.3, 4.0)) if modulated else 0.0,
            ),
            noise=float(generator.choice([0.0, float(decibels(generator.uniform(-40.0, -15.0)))])),
        )

    def play(self, note: Note, *, sample_rate: int, generator: np.random.Generator) -> np.ndarray:
        """Return the sound of a note, (2, n)."""
        frequency = 440.0 * 2.0 ** ((note.pitch - 69) / 12)
        seconds = np.arange(note.length + round(self.release * sample_rate)) / sample_rate
        rate, cents = self.vibrato
        wave = np.sin(2 * np.pi * rate * seconds) * np.minimum(1.0, seconds / 0.3)
        turns = np.cumsum(frequency * 2.0 ** (cents * wave / 1200)) / sample_rate
        ratio, index = self.modulation
        falling = np.exp(-seconds / self.decay)
        if index:
            turns = turns + index * falling * np.sin(2 * np.pi * ratio * turns) / (2 * np.pi)
        bright, dull = self._cycles(frequency, generator)
        envelope = self.sustain + (1.0 - self.sustain) * falling
        envelope = envelope * np.minimum(1.0, seconds / self.attack)
        held = note.length / sample_rate
        envelope *= np.clip(1.0 - (seconds - held) / self.release, 0.0, 1.0) ** 2
        sound = np.zeros((2, len(seconds)))
        for voice, detune in enumerate(self.detune):
            places = (turns * 2.0 ** (detune / 1200) + generator.random()) % 1.0 * CYCLE
            whole = places.astype(np.int64)
            part = places - whole
            left, right = whole % CYCLE, (whole + 1) % CYCLE
            sharp = bright[left] * (1 - part) + bright[right] * part
            soft = dull[left] * (1 - part) + dull[right] * part
            played = soft + (sharp - soft) * falling
            sides = (1.0, 1.0) if len(self.detune) == 1 else ((1.0, 0.5), (0.5, 1.0))[voice % 2]
            sound += np.outer(sides, played)
        if self.noise:
            burst = generator.standard_normal(len(seconds)) * np.exp(-seconds / 0.02)
            sound += self.noise * np.abs(sound).max() * burst
        return (note.level * envelope * sound).astype(np.float32)

    def _cycles(
        self, frequency: float, generator: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return one period at the attack and one long after, without any aliases."""
        count = min(len(self.spectrum_db), max(1, int(HIGHEST_HZ / frequency)))
        harmonics = np.arange(1, count + 1)
        levels = self.spectrum_db[:count].copy()
        for centre, width, height in self.formants:
            distance = np.log2(harmonics * frequency / centre) / width
            levels += height * np.exp(-0.5 * distance**2)
        spectrum = np.zeros(CYCLE // 2 + 1, dtype=complex)
        phases = np.exp(2j * np.pi * generator.random(count))
        cycles = []
        for loss in (0.0, self.dulling_db):
            spectrum[1 : count + 1] = phases * 10 ** ((levels - loss * np.log2(harmonics)) / 20)
            cycles.append(np.fft.irfft(spectrum))
        size = np.sqrt(np.mean(cycles[0] ** 2))
        return cycles[0] / size, cycles[1] / size


def play_part(
    notes: Sequence[Note],
    instrument: Instrument,
    *,
    num_samples: int,
    sample_rate: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Play notes on one instrument, (2, num_samples); what would sound later is cut off."""
    part = np.zeros((2, num_samples), dtype=np.float32)
    for note in notes:
        sound = instrument.play(note, sample_rate=sample_rate, generator=generator)
        end = min(num_samples, note.start + sound.shape[-1])
        part[:, note.start : end] += sound[:, : end - note.start]
    return part


def require_octave(lowest: int, highest: int) -> None:
    """Refuse a range of MIDI numbers of less than an octave.

    Raises:
        ValueError: If it is narrower.
    """
    if highest - lowest < 12:
        raise ValueError(f"got notes from {lowest} to {highest}; expected an octave at least")


def _log_uniform(generator: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(generator.uniform(np.log(low), np.log(high))))
