"""Parts of instruments that no recording holds: notes by rule, timbres at random.

A small data set has few instruments, and networks learn them by heart. What sounds here was never
recorded: oscillators of random spectra with random envelopes, playing chords, arpeggios, melodies
or lines of a random scale. Nothing is read from any file.

Shape legend: N samples of a chunk, n samples of a note.
"""

from dataclasses import dataclass

import numpy as np

from zoo.data.augmentations import AUGMENTATIONS, decibels, match_level

CYCLE = 2048  # samples of one period of an oscillator
SCALES = (
    (0, 2, 4, 5, 7, 9, 11),  # major
    (0, 2, 3, 5, 7, 8, 10),  # natural minor
    (0, 2, 3, 5, 7, 9, 10),  # Dorian
    (0, 3, 5, 7, 10),  # minor pentatonic
)
STYLES = ("chords", "arpeggio", "melody")
INTERVALS = ((0, 2, 4), (0, 2, 4, 6), (0, 4), (0, 3, 4), (0, 4, 7, 9))  # steps of the scale
HIGHEST_HZ = 16_000.0
SILENT = 1e-4


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


@AUGMENTATIONS.register("synthesis")
@dataclass(frozen=True, slots=True, kw_only=True)
class Synthesis:
    """Put a part by rule, of an instrument drawn at random, in the place of what was recorded.

    It comes at the level of the recording; silence stays silent.

    Args:
        lowest: Lowest note, MIDI number.
        highest: Highest note, MIDI number.
        styles: What is played, one of which is drawn: chords, arpeggio or melody.
        sample_rate: Hz.

    Raises:
        ValueError: A style that does not exist, or less than an octave.
    """

    lowest: int = 45
    highest: int = 88
    styles: tuple[str, ...] = STYLES
    sample_rate: int = 44100
    shared = False
    reach = 1.0

    def __post_init__(self) -> None:
        """Validate."""
        unknown = sorted(set(self.styles) - set(STYLES))
        if unknown or not self.styles:
            raise ValueError(f"styles: got {self.styles}; expected some of {', '.join(STYLES)}")
        if self.highest - self.lowest < 12:
            raise ValueError(
                f"got notes from {self.lowest} to {self.highest}; expected an octave at least"
            )

    def __call__(self, audio: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the part, (2, N)."""
        if np.abs(audio).max(initial=0.0) < SILENT:
            return audio
        style = self.styles[generator.integers(len(self.styles))]
        num_samples = audio.shape[-1]
        notes = _compose(
            style,
            num_samples,
            lowest=self.lowest,
            highest=self.highest,
            sample_rate=self.sample_rate,
            generator=generator,
        )
        instrument = _Instrument.draw(generator)
        part = np.zeros((2, num_samples), dtype=np.float32)
        for note in notes:
            sound = instrument.play(note, sample_rate=self.sample_rate, generator=generator)
            end = min(num_samples, note.start + sound.shape[-1])
            part[:, note.start : end] += sound[:, : end - note.start]
        return match_level(part, audio)


def _compose(
    style: str,
    num_samples: int,
    *,
    lowest: int,
    highest: int,
    sample_rate: int,
    generator: np.random.Generator,
) -> list[Note]:
    """Write a part in a random scale and tempo; it may begin before the chunk does."""
    scale = SCALES[generator.integers(len(SCALES))]
    tonic = int(generator.integers(12))
    ladder = [pitch for pitch in range(lowest, highest + 1) if (pitch - tonic) % 12 in scale]
    beat = 60.0 / generator.uniform(70.0, 180.0)
    if style == "chords":
        step = beat * generator.choice([0.5, 1.0, 2.0, 4.0])
    else:
        step = beat * generator.choice([0.25, 0.5, 1.0])
    gate = generator.uniform(0.4, 1.05)  # how much of a step a note is held
    rests = generator.uniform(0.0, 0.35)
    strum = generator.choice([0.0, generator.uniform(0.0, 0.03)])
    shape = INTERVALS[generator.integers(len(INTERVALS))]
    root = int(generator.integers(max(1, len(ladder) - max(shape))))
    notes: list[Note] = []
    time = -step * generator.random()
    count = 0
    while time * sample_rate < num_samples:
        rung = root
        if style == "melody":
            root = int(np.clip(root + generator.integers(-3, 4), 0, len(ladder) - 1))
        elif count % (4 if style == "arpeggio" else 1) == 0 and generator.random() < 0.6:
            root = int(np.clip(root + generator.integers(-4, 5), 0, len(ladder) - 1))
        if style == "arpeggio":
            rung = root + shape[count % len(shape)]
        held = step * gate * (generator.choice([1.0, 2.0]) if style == "melody" else 1.0)
        if generator.random() >= rests:
            rungs = [root + interval for interval in shape] if style == "chords" else [rung]
            for place, one in enumerate(rungs):
                notes.append(
                    Note(
                        start=max(0, round((time + place * strum) * sample_rate)),
                        length=max(1, round(held * sample_rate)),
                        pitch=ladder[min(one, len(ladder) - 1)],
                        level=float(decibels(generator.uniform(-9.0, 0.0))),
                    )
                )
        time += step
        count += 1
    return [note for note in notes if note.start < num_samples]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Instrument:
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
    def draw(cls, generator: np.random.Generator) -> "_Instrument":
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


def _log_uniform(generator: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(generator.uniform(np.log(low), np.log(high))))
