"""What the stem mixer shows, as data: it travels between handlers, page and API.

Sentences travel as messages, which the page says in the visitor's language, and in English.
"""

from typing import Any

from gradio.data_classes import FileData, GradioModel
from pydantic import Field, computed_field

from zoo.ui.texts import ENGLISH, wording

__all__ = ["Message", "MixerLane", "MixerPiece", "MixerProgress", "MixerState", "message"]

SEPARATOR = " \u00b7 "


class Message(GradioModel):
    """A sentence as data.

    Attributes:
        key: Of its text, as :func:`~zoo.ui.texts.wording` takes it.
        values: By the names in the text.
    """

    key: str
    values: dict[str, Any] = Field(default_factory=dict)

    def in_language(self, language: str) -> str:
        """Return the sentence."""
        return wording(self.key, language, **self.values)


def message(key: str, **values: Any) -> Message:
    """Return a message."""
    return Message(key=key, values=values)


class MixerPiece(GradioModel):
    """A part of a lane that can be played while the rest is still being separated.

    Attributes:
        start: Where it begins, in seconds of the song: a whole number of samples.
        seconds: Its length.
        audio: FLAC file.
        gain: Factor that brings ``audio`` back to its true level.
        picture: Spectrogram, a PNG whose width is the piece's length.
    """

    start: float
    seconds: float
    audio: FileData
    gain: float
    picture: FileData


class MixerLane(GradioModel):
    """One row of the mixer.

    Attributes:
        name: Key of the lane, unique in a mixer.
        kind: ``original``, ``stem``, ``rest`` (everything but the stems), ``blend`` or ``exact``.
        source: Name of the source.
        color: ``#rrggbb`` of a stem; the other kinds have colours of their own.
        part_of: The source whose stem holds this one too; in no sum, and silent at first.
        title: What the musician reads, in English; the page names the lanes of these kinds itself.
        audio: FLAC file of the whole lane; None while the lane is being separated.
        gain: Factor that brings ``audio`` back to its true level.
        picture: Spectrogram, a PNG whose width is the song's length.
        pieces: Successive parts from the start on, while ``audio`` is None; then None. It is never
            an emptied list, because the edits that gradio sends for one cannot be applied.
        outline: Peaks at equal distances over the song, full scale being 1.
        download: File to download, in the format asked for.
        on: Whether the lane sounds at first.
    """

    name: str
    kind: str
    title: str
    source: str = ""
    color: str = ""
    part_of: str = ""
    audio: FileData | None = None
    gain: float = 1.0
    picture: FileData | None = None
    pieces: list[MixerPiece] | None = None
    outline: list[float] = Field(default_factory=list)
    download: FileData | None = None
    on: bool = True


class MixerProgress(GradioModel):
    """How far a separation is.

    Attributes:
        fraction: Share of the work done, in 0..1.
        doing: What is being done, for people.
        seconds_left: Expected time to the end, None while unknown.
    """

    fraction: float
    doing: Message
    seconds_left: float | None = None

    @computed_field
    @property
    def stage(self) -> str:
        """What is being done, in English."""
        return self.doing.in_language(ENGLISH)


class MixerState(GradioModel):
    """All that the mixer shows.

    Attributes:
        id: Changes with every request, so that a new song resets the switches.
        title: Title of the song.
        song_digest: SHA-256 of the song's file.
        about: Model, length and speed.
        notes: Levels and sums.
        seconds: Length of the song in seconds.
        sample_rate: Sample rate of the files in Hz.
        lanes: The rows, in order.
        progress: Present while the work goes on.
        archive: Address, under that of the page, of a zip of the downloads; it is made while it
            is fetched.
        analysis: Address, under that of the page, of the song's beats and key as JSON; they are
            found out when it is first fetched, which the complete result allows.
        song_file: The one file of the whole song, in place of a zip, where the format has that.
        sum_error_db: Level of (sum of stems - original) relative to the original, in dB; None
            unless every source was separated.
    """

    id: str = ""
    title: str = ""
    song_digest: str = ""
    about: list[Message] = Field(default_factory=list)
    notes: list[Message] = Field(default_factory=list)
    seconds: float = 0.0
    sample_rate: int = 0
    lanes: list[MixerLane] = Field(default_factory=list)
    progress: MixerProgress | None = None
    archive: str = ""
    analysis: str = ""
    song_file: FileData | None = None
    sum_error_db: float | None = None

    @computed_field
    @property
    def summary(self) -> str:
        """What ``about`` says, in a line of English."""
        return SEPARATOR.join(part.in_language(ENGLISH) for part in self.about)

    @computed_field
    @property
    def facts(self) -> str:
        """What ``notes`` say, in a line of English."""
        return SEPARATOR.join(part.in_language(ENGLISH) for part in self.notes)
