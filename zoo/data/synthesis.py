"""Parts by rule, played by instruments that no recording holds.

Chords, arpeggios or melodies of a random scale and tempo. Nothing is read from any file.

Shape legend: N samples of a chunk.
"""

from dataclasses import dataclass

import numpy as np

from zoo.data.augmentations.basic import AUGMENTATIONS, decibels, match_level
from zoo.data.instruments import Instrument, Note, play_part, require_octave

SCALES = (
    (0, 2, 4, 5, 7, 9, 11),  # major
    (0, 2, 3, 5, 7, 8, 10),  # natural minor
    (0, 2, 3, 5, 7, 9, 10),  # Dorian
    (0, 3, 5, 7, 10),  # minor pentatonic
)
STYLES = ("chords", "arpeggio", "melody")
INTERVALS = ((0, 2, 4), (0, 2, 4, 6), (0, 4), (0, 3, 4), (0, 4, 7, 9))  # steps of the scale
SILENT = 1e-4


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
        require_octave(self.lowest, self.highest)

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
        part = play_part(
            notes,
            Instrument.draw(generator),
            num_samples=num_samples,
            sample_rate=self.sample_rate,
            generator=generator,
        )
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
