"""The example songs of the page and whom they are owed to."""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

__all__ = ["SITE_SONGS", "SiteSong"]

FOLDER = Path(str(resources.files("zoo"))) / "examples"


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteSong:
    """A song that comes with the page.

    Attributes:
        title: Of the song.
        label: For the page, the key of a text.
        path: The file.
        credits: Lines to pass on with it; zoo/examples/CREDITS.md has the whole texts.
    """

    title: str
    label: str
    path: Path
    credits: tuple[str, ...]


SITE_SONGS = (
    SiteSong(
        title="Demo song",
        label="example.demo",
        path=FOLDER / "demo_song" / "mixture.ogg",
        credits=(
            'Demo song, voice: "NIT SONG070 F001" (c) 2004-2015 Nagoya Institute of Technology, '
            "Department of Computer Science, HTS Working Group (CC BY 3.0); changes: sung with our "
            "own score, equalised, compressed, delay and reverb",
            "Demo song, instruments: MuseScore_General (c) 2018-2021 S. Christian Collins, derived "
            "from Fluid (R3) GM (c) 2000-2002, 2008 Frank Wen (MIT)",
        ),
    ),
)
