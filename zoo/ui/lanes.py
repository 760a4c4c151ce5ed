"""Lanes of the mixer, written block by block: playable pieces on the way, whole files at the end.

C: channels, n: samples of a block
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from gradio.data_classes import FileData

from zoo.audio import AUDIO_FORMATS, Tags, find_format, open_audio
from zoo.audio.spectrogram import reference_level
from zoo.separation.stem_writer import SavedStems, StemWriter
from zoo.ui.lane_picture import LanePainter, save_picture
from zoo.ui.mixer_state import MixerLane, MixerPiece
from zoo.ui.source_colors import KIND_COLORS, NEUTRAL_COLOR
from zoo.ui.texts import wording

__all__ = [
    "FORMAT_TITLES",
    "LANE_FORMAT",
    "ORIGINAL",
    "LaneWriter",
    "lane_blocks",
    "write_original",
]

DOWNLOADS = ("flac", "wav24", "wav", "mp3", "m4a", "ogg", "opus", "alac", "stem", "mka")
FORMAT_TITLES = {name: AUDIO_FORMATS[name].description for name in DOWNLOADS}
ORIGINAL = "original"
LANE_FORMAT = "flac"
# A piece has this share of all samples before it, and so many seconds at most. Shorter pieces
# shorten the waiting where the playback follows the work; longer ones are fewer requests.
PIECE_SHARE = 0.25
PIECE_SECONDS = 10.0


class LaneWriter:
    """Writes the lanes of one song; a context manager, which removes what is not committed.

    All sound is written by :class:`~zoo.separation.stem_writer.StemWriter`: 24-bit FLAC with one
    gain for all lanes. The ``gain`` of a lane is its reciprocal, by which the browser multiplies.

    Args:
        folder: The request's folder.
        lanes: Their names, kinds, sources and titles.
        sample_rate: In Hz.
        num_channels: C.
        num_samples: Length of the whole song.
        top_db: Level drawn brightest, the same for all lanes of a song; None for the reference
            level of the first lane, which is known when that lane is complete.
        in_pieces: Whether :meth:`grow` will hand out pieces; they need ``top_db``.
        download: Format of the files to download, None for no such files.
        title: The song's, for the names of the downloads.
        tags: The song's, for the downloads.

    Attributes:
        song_file: The one download that holds the whole song, where the format has that.

    Raises:
        AudioError: A format cannot hold such audio, or the folder cannot be written to.
    """

    def __init__(
        self,
        folder: Path,
        lanes: Sequence[MixerLane],
        *,
        sample_rate: int,
        num_channels: int,
        num_samples: int,
        top_db: float | None = None,
        in_pieces: bool = False,
        download: str | None = None,
        title: str = "",
        tags: Tags | None = None,
    ) -> None:
        self.lanes = list(lanes)
        self.song_file: FileData | None = None
        self.top_db = top_db
        self.num_written = 0
        self._folder, self._title = folder, title
        self._sample_rate, self._num_channels = sample_rate, num_channels
        self._painters = [
            LanePainter(num_samples=num_samples, num_channels=num_channels, sample_rate=sample_rate)
            for _ in lanes
        ]
        self._download = None if download is None else find_format(download)
        self._other = None
        if download is not None and download != LANE_FORMAT:
            self._other = self._open(folder / "download", format_name=download, tags=tags)
        self._whole = self._open(folder, tags=tags if download == LANE_FORMAT else None)
        self._piece_start = 0
        self._piece = self._open(folder / "from-0") if in_pieces else None

    def __enter__(self) -> "LaneWriter":
        """Return the writer itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was not committed."""
        for writer in (self._whole, self._other, self._piece):
            if writer is not None:
                writer.discard()

    def write(self, block: Mapping[str, np.ndarray], *, mixture: np.ndarray) -> None:
        """Append a block (C, n), n > 0, to every lane; some downloads hold the song too."""
        for writer in (self._whole, self._other, self._piece):
            if writer is not None:
                writer.write(block, mixture=mixture)
        for lane, painter in zip(self.lanes, self._painters, strict=True):
            painter.push(block[lane.name])
        self.num_written += next(iter(block.values())).shape[-1]

    def grow(self, *, is_last: bool = False) -> None:
        """Hand out what was written since the last piece as the next one, if that is long enough.

        Args:
            is_last: Whether nothing follows, so that any length will do.
        """
        assert self._piece is not None, "made without in_pieces"
        length = self.num_written - self._piece_start
        wanted = min(PIECE_SHARE * self._piece_start, PIECE_SECONDS * self._sample_rate)
        if length == 0 or (length < wanted and not is_last):
            return
        saved = self._piece.commit()
        lanes = []
        for lane, painter in zip(self.lanes, self._painters, strict=True):
            pieces = [*(lane.pieces or []), self._finish_piece(lane, painter, saved)]
            lanes.append(lane.model_copy(update={"pieces": pieces, "outline": painter.outline}))
        self.lanes = lanes
        self._piece_start = self.num_written
        if not is_last:
            self._piece = self._open(self._folder / f"from-{self._piece_start}")

    def commit(self) -> SavedStems:
        """Write the whole files and put them into the lanes, in place of the pieces.

        Returns:
            The files to download, or the lanes' own where none were asked for.
        """
        levels = [painter.spectrogram.levels() for painter in self._painters]
        if self.top_db is None:
            self.top_db = reference_level(levels[0])
        whole = self._whole.commit()
        saved = whole if self._other is None else self._other.commit()
        lanes = []
        for lane, painter, level in zip(self.lanes, self._painters, levels, strict=True):
            changes = {
                "audio": FileData(path=str(whole.paths[lane.name])),
                "gain": 1 / whole.gain,
                "picture": self._draw(lane, level, self._folder / f"{lane.name}.png"),
                "outline": painter.outline,
                "pieces": None,
            }
            if self._download is not None and not self._download.is_multitrack:
                path = saved.paths[lane.name]
                name = f"{self._title} - {lane.name}{path.suffix}"
                changes["download"] = FileData(path=str(path), orig_name=name)
            lanes.append(lane.model_copy(update=changes))
        self.lanes = lanes
        if self._download is not None and self._download.is_multitrack:
            path = next(iter(saved.paths.values()))
            name = f"{self._title}{self._download.extension}"
            self.song_file = FileData(path=str(path), orig_name=name)
        return saved

    def _open(
        self, folder: Path, *, format_name: str = LANE_FORMAT, tags: Tags | None = None
    ) -> StemWriter:
        folder.mkdir(exist_ok=True)
        return StemWriter(
            folder,
            {lane.name: lane.name for lane in self.lanes},
            audio_format=find_format(format_name),
            sample_rate=self._sample_rate,
            num_channels=self._num_channels,
            tags=tags,
        )

    def _finish_piece(self, lane: MixerLane, painter: LanePainter, saved: SavedStems) -> MixerPiece:
        path = saved.paths[lane.name]
        shown = painter.spectrogram.columns_between(self._piece_start, self.num_written)
        picture = path.with_suffix(".png")
        return MixerPiece(
            start=self._piece_start / self._sample_rate,
            seconds=(self.num_written - self._piece_start) / self._sample_rate,
            audio=FileData(path=str(path)),
            gain=1 / saved.gain,
            picture=self._draw(lane, painter.spectrogram.levels(shown), picture),
        )

    def _draw(self, lane: MixerLane, levels: np.ndarray, path: Path) -> FileData:
        assert self.top_db is not None, "pieces need the level of the brightest"
        color = lane.color or KIND_COLORS.get(lane.kind, NEUTRAL_COLOR)
        save_picture(levels, path, color=color, top_db=self.top_db)
        return FileData(path=str(path))


def write_original(
    folder: Path,
    blocks: Iterable[np.ndarray],
    *,
    sample_rate: int,
    num_channels: int,
    num_samples: int,
) -> tuple[MixerLane, float]:
    """Write the lane of the song as it came.

    Returns:
        The lane, and the level in dB that all lanes of the song draw brightest.
    """
    lane = MixerLane(name=ORIGINAL, kind=ORIGINAL, title=wording("lane.original"), on=False)
    with LaneWriter(
        folder,
        [lane],
        sample_rate=sample_rate,
        num_channels=num_channels,
        num_samples=num_samples,
    ) as writer:
        for block in blocks:
            writer.write({ORIGINAL: block}, mixture=block)
        writer.commit()
    assert writer.top_db is not None
    return writer.lanes[0], writer.top_db


def lane_blocks(lane: MixerLane) -> Iterator[np.ndarray]:
    """Read the sound of a lane at its level, from its file or its pieces, in blocks (C, n)."""
    whole = [] if lane.audio is None else [(lane.audio, lane.gain)]
    for file, gain in whole or [(piece.audio, piece.gain) for piece in lane.pieces or []]:
        with open_audio(file.path) as reader:
            for block in reader.blocks():
                yield block * np.float32(gain)
