"""Decoding through PyAV, which holds FFmpeg's libraries: all that is compressed.

A stranger's file is data. FFmpeg reads an open file object, the demuxer is named beforehand, only
decoders of sound are allowed, and a file that refers to another one is refused.

C: channels, n: samples of a frame
"""

import contextlib
import errno
import functools
import io
import itertools
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import BinaryIO, NoReturn

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.codec import UnknownCodecError
from av.container import InputContainer
from av.error import FFmpegError

from zoo.audio.decoded import MAX_GAP_SECONDS, DamageReport, Decoded, silent_blocks
from zoo.audio.parts import Part
from zoo.errors import AudioError

__all__ = ["decode_stream"]

BUFFER_BYTES = 1 << 18
TIMEOUT_SECONDS = 60.0
LIMITS = {
    "protocol_whitelist": "none",
    "max_streams": "64",
    "probesize": str(10**7),
    "analyzeduration": str(10**7),  # microseconds
}
CHECKS = {"err_detect": "crccheck+explode"}
ROUNDING_SECONDS = 0.001  # containers round time stamps to milliseconds
JITTER_SECONDS = 0.005
START_UP_SECONDS = 0.1
START_UP_FRAMES = 2  # which are longer than that at low rates
EXACT_CONTAINERS = ("mov", "tak", "ape", "wav")
MAX_LOSS_AT_START = 2  # frames of MP3 that need bits from before the start of the file
MAX_FRAME_SECONDS = 2.0  # the longest frame of any codec; TTA has one of 1.04 s
MAX_CHANNELS = 7  # PyAV 18 reads past the planes of a frame with eight or more
BLOCK_SAMPLES = 1 << 15
SCALES = {size: np.float32(2.0 ** (1 - 8 * size)) for size in (1, 2, 4, 8)}  # by bytes of integers


def decode_stream(
    file: BinaryIO, part: Part, *, stream_number: int, report: DamageReport
) -> Decoded:
    """Open one audio stream of a part.

    Args:
        file: The part's bytes.
        part: What the survey found.
        stream_number: Which of the audio streams, from 0.
        report: Told of damage.

    Raises:
        AudioError: No such stream, or nothing in it that can be decoded.
    """
    name = report.name
    try:
        container = av.open(
            _ForFFmpeg(file),
            "r",
            format=part.container,
            options={**LIMITS, "codec_whitelist": _audio_decoders()},
            buffer_size=BUFFER_BYTES,
            timeout=TIMEOUT_SECONDS,
            metadata_errors="replace",
            io_open=_refuse_other_files,
        )
    except (FFmpegError, ValueError) as error:
        if part.is_cut:
            raise AudioError(
                f"{name}: the file is cut off before its index, 0.00 s of it can be read; copy or "
                "download it again"
            ) from error
        raise AudioError(f"{name}: not readable as audio ({_reason(error)})") from error
    try:
        streams = container.streams.audio
        if stream_number >= len(streams):
            found = f"{len(streams)} audio streams" if streams else "no audio stream"
            raise AudioError(f"{name}: not readable as audio ({found} in it)")
        stream = streams[stream_number]
        if stream.codec_context is None:
            raise AudioError(f"{name}: not readable as audio (no decoder for its sound)")
        stream.codec_context.options = CHECKS
        # Frames of FLAC do not depend on each other; elsewhere threads would put errors off.
        stream.codec_context.thread_type = "AUTO" if part.container == "flac" else "NONE"
        decoding = _Decoding(container, stream, part, report)
        num_samples, is_exact = _promise(container, stream, part, decoding.sample_rate)
    except FFmpegError as error:
        container.close()
        raise AudioError(f"{name}: not readable as audio ({_reason(error)})") from error
    except AudioError:
        container.close()
        raise
    return Decoded(
        sample_rate=decoding.sample_rate,
        num_channels=decoding.num_channels,
        num_samples=num_samples,
        is_exact=is_exact,
        blocks=decoding.blocks(),
        close=container.close,
    )


class _ForFFmpeg:
    """A file as FFmpeg reads it: a wrong size makes it seek before the start, and learn of it."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.tell = file.read, file.tell
        self._file = file

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except ValueError:
            return -errno.EINVAL


class _Decoding:
    """The frames of one stream, each at the place that its time stamp tells."""

    def __init__(
        self, container: InputContainer, stream: AudioStream, part: Part, report: DamageReport
    ) -> None:
        self._stream, self._part, self._report = stream, part, report
        self._packets = container.demux(stream)
        self._tick = float(stream.time_base or 0)
        self._zero = max(0, container.start_time or 0) / av.time_base
        self._position = 0  # samples that were returned
        self._shift = 0.0  # seconds by which time stamps were found to jump back
        self._num_packets = 0
        self._frame_length = 1
        context = stream.codec_context
        self.sample_rate, self.num_channels = context.sample_rate, context.channels
        # What the header says of AAC is wrong where half of the rate or a channel is implied.
        self._batches = self._decode()
        self._waiting = next((batch for batch in self._batches if batch), [])
        for frame in self._waiting[:1]:
            if isinstance(frame, AudioFrame):
                self.sample_rate, self.num_channels = frame.sample_rate, frame.layout.nb_channels
        if self.num_channels > MAX_CHANNELS:
            raise AudioError(
                f"{report.name}: got {self.num_channels} channels; at most {MAX_CHANNELS} can be "
                "decoded"
            )

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield the signal, (C, n), several frames at a time."""
        gathered: list[np.ndarray] = []
        num_emitted, has_time = 0, self._part.has_time
        for item in itertools.chain(self._waiting, itertools.chain.from_iterable(self._batches)):
            lost = item if isinstance(item, int) else self._gap_before(item) if has_time else 0
            if lost:
                if gathered:
                    yield np.concatenate(gathered, axis=1)
                yield from silent_blocks(self.num_channels, lost)
                self._position += lost
                gathered, num_emitted = [], self._position
            if not isinstance(item, int):
                samples = self._samples(item)
                gathered.append(samples)
                self._position += samples.shape[1]
            if self._position - num_emitted >= BLOCK_SAMPLES:
                yield np.concatenate(gathered, axis=1)
                gathered, num_emitted = [], self._position
        if gathered:
            yield np.concatenate(gathered, axis=1)

    def _decode(self) -> Iterator[Sequence[AudioFrame | int]]:
        """Yield the frames of each packet, or the samples that are lost with it."""
        try:
            for packet in self._packets:
                self._num_packets += 1
                if packet.is_corrupt:
                    self._report.damaged(f"a frame {self._place()} is not whole")
                try:
                    yield packet.decode()
                except FFmpegError as error:
                    if packet.size:
                        yield [self._lose(error, packet.duration, packet.time_base)]
        except FFmpegError as error:
            self._report.damaged(f"nothing can be read after {self._seconds():.2f} s ({error})")
        except IndexError:
            # PyAV flushes all streams at the end, also one that appeared late and that it does not
            # know. Ours was flushed before it.
            return

    def _lose(self, error: FFmpegError, duration: int | None, time_base: Fraction) -> int:
        if not (self._part.container == "mp3" and self._num_packets <= MAX_LOSS_AT_START):
            self._report.damaged(f"a frame {self._place()} cannot be decoded ({_reason(error)})")
        seconds = min(float((duration or 0) * time_base), MAX_FRAME_SECONDS)
        return self._whole_frames(round(seconds * self.sample_rate))

    def _gap_before(self, frame: AudioFrame) -> int:
        """Return the samples of silence between what was returned and a frame."""
        if frame.pts is None:
            return 0
        seconds = frame.pts * self._tick - self._zero - self._shift
        gap = round(seconds * self.sample_rate) - self._position
        start_up = max(START_UP_SECONDS * self.sample_rate, START_UP_FRAMES * frame.samples)
        if self._position == 0 and 0 < gap <= start_up:
            # The decoder has nothing to return for the first packets.
            self._shift = gap / self.sample_rate
            return 0
        if abs(gap) <= max(JITTER_SECONDS * self.sample_rate, frame.samples / 2):
            return 0
        if gap < 0 or gap > MAX_GAP_SECONDS * self.sample_rate:
            if self._position:
                text = f"time stamps jump by {gap / self.sample_rate:.2f} s {self._place()}"
                self._report.warn(text)
            self._shift += gap / self.sample_rate
            return 0
        text = f"{gap / self.sample_rate:.2f} s are missing {self._place()}"
        if self._part.allows_gaps:
            self._report.warn(f"{text}, they are silent")
        else:
            self._report.damaged(text)
        return self._whole_frames(gap)

    def _whole_frames(self, num_samples: int) -> int:
        """Return a length without the rounding of time stamps: most frames are of one length."""
        rest = (num_samples + self._frame_length // 2) % self._frame_length
        error = rest - self._frame_length // 2
        return (
            num_samples - error
            if abs(error) <= ROUNDING_SECONDS * self.sample_rate
            else num_samples
        )

    def _samples(self, frame: AudioFrame) -> np.ndarray:
        self._frame_length = length = frame.samples
        num_channels = frame.layout.nb_channels
        if num_channels != self.num_channels or frame.sample_rate != self.sample_rate:
            self._report.damaged(
                f"{self.num_channels} channels at {self.sample_rate} Hz become {num_channels} at "
                f"{frame.sample_rate} Hz {self._place()}"
            )
            return np.zeros((self.num_channels, length), np.float32)
        samples = frame.to_ndarray()  # (C, n), or (1, n * C) where channels are interleaved
        if samples.shape[1] != length:
            samples = samples.reshape(length, -1).T
        if samples.dtype.kind == "f":
            return samples.astype(np.float32, copy=False)
        scale = SCALES[samples.dtype.itemsize]
        scaled = np.multiply(samples, scale, dtype=np.float32, casting="unsafe")
        return scaled - 1 if samples.dtype == np.uint8 else scaled

    def _seconds(self) -> float:
        return self._position / (self.sample_rate or 1)

    def _place(self) -> str:
        return f"at {self._seconds():.2f} s"


def _promise(
    container: InputContainer, stream: AudioStream, part: Part, sample_rate: int
) -> tuple[int | None, bool]:
    """Return the samples that the container promises, and whether it does so exactly."""
    if not part.has_promise:
        return None, False
    if stream.duration is not None and stream.time_base is not None:
        seconds = stream.duration * stream.time_base
        is_exact = part.container in EXACT_CONTAINERS and (
            stream.time_base.denominator == sample_rate
        )
        return round(seconds * sample_rate), is_exact
    # The duration of the whole says something of the sound where there is nothing else.
    if container.duration and len(container.streams) == 1:
        return round(container.duration / av.time_base * sample_rate), False
    return None, False


@functools.cache
def _audio_decoders() -> str:
    """Return the names of all decoders of sound, for FFmpeg's list of what it may use."""
    names = set()
    for codec_name in av.codecs_available:
        with contextlib.suppress(UnknownCodecError):  # an encoder only
            codec = av.Codec(codec_name, "r")
            if codec.type == "audio":
                names.add(codec.name)
    return ",".join(sorted(names))


def _refuse_other_files(url: str, flags: int, options: dict) -> NoReturn:
    raise AudioError(f"it refers to another file ({url!r})")


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
