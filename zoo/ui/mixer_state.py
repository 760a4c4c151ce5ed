"""What the stem mixer shows, as data: it travels between handlers, page and API."""

from gradio.data_classes import FileData, GradioModel
from pydantic import Field

__all__ = ["MixerLane", "MixerPiece", "MixerProgress", "MixerState"]


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
        source: Name of the source, which gives the lane its colour.
        title: What the musician reads.
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
        stage: What is being done, for people.
        seconds_left: Expected time to the end, None while unknown.
    """

    fraction: float
    stage: str
    seconds_left: float | None = None


class MixerState(GradioModel):
    """All that the mixer shows.

    Attributes:
        id: Changes with every request, so that a new song resets the switches.
        title: Title of the song.
        song_digest: SHA-256 of the song's file.
        summary: Model, length and speed, in a line.
        facts: Levels and sums, in a line.
        seconds: Length of the song in seconds.
        sample_rate: Sample rate of the files in Hz.
        lanes: The rows, in order.
        progress: Present while the work goes on.
        archive: Zip file of all stems.
        sum_error_db: Level of (sum of stems - original) relative to the original, in dB; None
            unless every source was separated.
    """

    id: str = ""
    title: str = ""
    song_digest: str = ""
    summary: str = ""
    facts: str = ""
    seconds: float = 0.0
    sample_rate: int = 0
    lanes: list[MixerLane] = Field(default_factory=list)
    progress: MixerProgress | None = None
    archive: FileData | None = None
    sum_error_db: float | None = None
