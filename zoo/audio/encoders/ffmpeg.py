"""AAC, ALAC, Opus, and several tracks in one file, by FFmpeg's libraries inside PyAV.

C: channels, n: samples of a block
"""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.codec.context import Flags
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Disposition

from zoo.audio.encoders.encoder import Tracks
from zoo.audio.tags import write_tags
from zoo.audio.tags.fields import cover_type
from zoo.audio.tags.writing import matroska_tags

__all__ = ["FFmpegEncoder", "FFmpegEncoding"]

MATROSKA = "matroska"
BITS = 24  # of lossless encodings, in the upper bytes of 32
WRITE_SAMPLES = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class FFmpegEncoding:
    """One of FFmpeg's encoders in one of its containers.

    Attributes:
        container: FFmpeg's name of the muxer.
        codec: Its name of the encoder.
        sample_format: What the encoder takes: ``fltp``, ``flt``, ``s32p`` or ``s32``.
        channel_bit_rate: In bits per second and channel; None for lossless ones.
        options: Of the encoder, names and values.
    """

    container: str
    codec: str
    sample_format: str
    channel_bit_rate: int | None = None
    options: tuple[tuple[str, str], ...] = ()

    def open(self, path: Path, tracks: Tracks) -> "FFmpegEncoder":
        """Create a file."""
        return FFmpegEncoder(self, path, tracks)


class FFmpegEncoder:
    """Encodes the tracks of a file beside each other.

    The muxers write what an encoder adds at the start as an edit list (MPEG-4) or pre-skip (Opus),
    so that players begin all tracks with the first sample.
    """

    def __init__(self, encoding: FFmpegEncoding, path: Path, tracks: Tracks) -> None:
        self._encoding, self._path, self._tracks = encoding, path, tracks
        self._num_written = 0
        # By a file object, as a full disk is then an error of write() with its number.
        self._file = path.open("xb+")
        # Edit lists are counted in the ticks of the whole movie, by default milliseconds.
        options = {"fflags": "+bitexact", "movie_timescale": str(tracks.sample_rate)}
        if encoding.container == MATROSKA:
            del options["movie_timescale"]
        self._container = av.open(
            self._file, "w", format=encoding.container, container_options=options
        )
        self._streams: list[Any] = [self._add_stream(name) for name in tracks.names]
        for stream in self._streams:  # players begin with the first track alone
            stream.disposition = 0 if stream.index else Disposition.default.value
        if encoding.container == MATROSKA:
            self._add_matroska_tags()
        self._pool = ThreadPoolExecutor(len(self._streams))

    def write(self, blocks: Sequence[np.ndarray]) -> None:
        """Append a block (C, n) float32 to every track."""
        for start in range(0, blocks[0].shape[-1], WRITE_SAMPLES):
            parts = [block[:, start : start + WRITE_SAMPLES] for block in blocks]
            with _os_errors():
                self._mux(self._pool.map(self._encode, self._streams, parts))
            self._num_written += parts[0].shape[-1]

    def finish(self) -> int:
        """Complete the file, and return how many samples it holds."""
        with _os_errors():
            self._mux(self._pool.map(lambda stream: stream.encode(None), self._streams))
            self._container.close()
        self._file.close()
        if self._encoding.container != MATROSKA:
            write_tags(self._path, self._tracks.tags)
        return self._num_written

    def abort(self) -> None:
        """Release what is held."""
        self._pool.shutdown()
        with suppress(FFmpegError, OSError, ValueError):  # a full disk, or a file that is closed
            self._container.close()
        with suppress(OSError):  # a full disk; the file is closed all the same
            self._file.close()

    def _add_stream(self, name: str) -> AudioStream:
        encoding, num_channels = self._encoding, self._tracks.num_channels
        stream: Any = self._container.add_stream(
            encoding.codec, rate=self._tracks.sample_rate, options=dict(encoding.options)
        )
        codec = stream.codec_context
        codec.layout = "stereo" if num_channels == 2 else "mono"
        codec.format = encoding.sample_format
        codec.flags |= Flags.bitexact
        if encoding.channel_bit_rate is not None:
            codec.bit_rate = encoding.channel_bit_rate * num_channels
        if name:
            stream.metadata["title" if encoding.container == MATROSKA else "handler_name"] = name
        return stream

    def _add_matroska_tags(self) -> None:
        tags = self._tracks.tags
        self._container.metadata.update(matroska_tags(tags))
        if kind := cover_type(tags.cover):
            self._container.add_attachment(f"cover.{kind.removeprefix('image/')}", kind, tags.cover)

    def _encode(self, stream: AudioStream, block: np.ndarray) -> list[Packet]:
        samples = block
        if self._encoding.sample_format.startswith("s32"):
            scale = 2.0 ** (BITS - 1)
            steps = np.clip(np.rint(block * scale), -scale, scale - 1)
            samples = steps.astype(np.int32) << 32 - BITS
        if not self._encoding.sample_format.endswith("p"):
            samples = samples.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples),
            format=self._encoding.sample_format,
            layout=stream.codec_context.layout.name,
        )
        frame.sample_rate, frame.pts = self._tracks.sample_rate, self._num_written
        frame.time_base = Fraction(1, self._tracks.sample_rate)
        return stream.encode(frame)

    def _mux(self, packets: Iterable[list[Packet]]) -> None:
        for track in packets:
            for packet in track:
                self._container.mux(packet)


@contextmanager
def _os_errors() -> Iterator[None]:
    try:
        yield
    except FFmpegError as error:
        raise OSError(str(error)) from error
