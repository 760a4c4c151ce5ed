"""What is found out about a song: beats and key.

N: samples of a mono signal at :data:`~zoo.analysis.features.SAMPLE_RATE`
"""

from dataclasses import dataclass

import numpy as np

from zoo.analysis.beats import Beats, find_beats
from zoo.analysis.features import SAMPLE_RATE, chromagram, onset_envelope
from zoo.analysis.key import Key, find_key

__all__ = ["SongAnalysis", "analyse_song"]

# Less tells nothing: of white noise of 2 s, one piece in twenty repeats itself as music does.
SHORTEST_SECONDS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class SongAnalysis:
    """What was found.

    Attributes:
        beats: None where no steady beat was found.
        key: None where no key fits.
    """

    beats: Beats | None
    key: Key | None


def analyse_song(mixture: np.ndarray, drums: np.ndarray | None = None) -> SongAnalysis:
    """Find the beats and the key of a song.

    The beats are those of the mixture and of its drums together, and the key is that of the mixture
    without its drums, whose sound has every pitch class.

    Args:
        mixture: (N,) float32.
        drums: Of the same shape, where the song was separated into them.
    """
    if len(mixture) < SHORTEST_SECONDS * SAMPLE_RATE or not np.any(mixture):
        return SongAnalysis(beats=None, key=None)
    harmony = mixture if drums is None else mixture - drums
    chroma = chromagram(harmony)
    envelopes = [onset_envelope(part) for part in (mixture, drums) if part is not None]
    return SongAnalysis(beats=find_beats(envelopes, chroma), key=find_key(chroma))
