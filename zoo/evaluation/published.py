"""Published scores of the field, for context: measured by others, on data that is not here.

They are shown in a table of their own, never beside numbers that this package measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedTable:
    """Scores that one publication reports by one protocol on one data set.

    Args:
        title: What and where, in a few words.
        protocol: How the numbers were made.
        reference: The publication.
        num_digits: Digits after the point, as published.
        rows: System to SDR of each source in dB.
    """

    title: str
    protocol: str
    reference: str
    num_digits: int
    rows: Mapping[str, Mapping[str, float]]


def _row(vocals: float, drums: float, bass: float, other: float, mean: float) -> dict[str, float]:
    return {"vocals": vocals, "drums": drums, "bass": bass, "other": other, "mean": mean}


PUBLISHED_TABLES = (
    PublishedTable(
        title="Music Demixing Challenge 2021, leaderboard A (hidden set of 27 songs)",
        protocol="MDX SDR: global SDR, mean over songs",
        reference="arXiv:2111.12516 and the leaderboard of the challenge",
        num_digits=3,
        rows={
            "LightSAFT-Net": _row(6.685, 5.272, 5.498, 4.121, 5.394),
            "LightSAFT-Net+": _row(7.275, 5.935, 5.823, 4.557, 5.897),
            "LASAFT-Net-v2 (light)": _row(7.354, 5.996, 5.894, 4.595, 5.960),
            "Demucs48-HQ": _row(6.496, 6.509, 6.470, 4.018, 5.873),
            "X-UMX": _row(6.341, 5.807, 5.615, 3.722, 5.372),
            "UMX": _row(5.999, 5.504, 5.357, 3.309, 5.042),
            "KUIELab-MDX-Net": _row(8.901, 7.173, 7.232, 5.636, 7.236),
        },
    ),
    PublishedTable(
        title="MUSDB18, test set (50 songs)",
        protocol="BSS Eval v4: median over windows, then median over songs",
        reference="arXiv:2010.11631 and the publication of LASAFT-Net-v2",
        num_digits=2,
        rows={
            "LaSAFT-Net": _row(7.33, 5.68, 5.63, 4.87, 5.88),
            "LASAFT-Net-v2": _row(7.57, 6.13, 5.28, 4.87, 5.96),
        },
    ),
)
