"""Compressed files for tests, made by PyAV in memory, and a signal that shows where it is.

C: channels, N: samples
"""

import tempfile
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer


def chirp(seconds: float, rate: int, *, seed: int = 0) -> np.ndarray:
    """Return a stereo chirp over noise, (2, N) float32, no stretch of which is like another."""
    generator = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    sweep = 0.4 * np.sin(2 * np.pi * ((200 + 60 * seed) * time + 150 * time**2))
    noise = 0.03 * generator.standard_normal((2, len(time)))
    return (np.stack([sweep, np.roll(sweep, 40)]) + noise).astype(np.float32)


def encode(
    *signals: np.ndarray,
    rate: int,
    container: str,
    codec: str,
    options: dict[str, str] | None = None,
    bit_rate: int | None = None,
    gap: tuple[float, float] | None = None,
) -> bytes:
    """Return a file with one audio stream for each signal.

    Args:
        signals: Each (C, N) float32.
        rate: In Hz.
        container: FFmpeg's name of the muxer.
        codec: FFmpeg's name of the encoder.
        options: Of the muxer.
        bit_rate: In bits a second; None for the encoder's default.
        gap: Start and end in seconds of a stretch that is left out, over which time stamps jump.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoded"  # some muxers open their file a second time
        with av.open(str(path), "w", format=container, options=options or {}) as output:
            _write(output, signals, rate=rate, codec=codec, bit_rate=bit_rate, gap=gap)
        return path.read_bytes()


def _write(
    output: OutputContainer,
    signals: Sequence[np.ndarray],
    *,
    rate: int,
    codec: str,
    bit_rate: int | None,
    gap: tuple[float, float] | None,
) -> None:
    streams = []
    for signal in signals:
        stream = output.add_stream(codec, rate=rate, layout=_layout(signal))
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        stream.codec_context.open()
        streams.append(stream)
    for stream, signal in zip(streams, signals, strict=True):
        for frame in _frames(stream, signal, rate=rate, gap=gap):
            for packet in stream.encode(frame):
                output.mux(packet)
        for packet in stream.encode(None):
            output.mux(packet)


def _frames(
    stream: av.AudioStream, signal: np.ndarray, *, rate: int, gap: tuple[float, float] | None
) -> Sequence[av.AudioFrame]:
    context = stream.codec_context
    length = context.frame_size or 1024
    resampler = av.AudioResampler(format=context.format.name, layout=_layout(signal), rate=rate)
    frames = []
    for start in range(0, signal.shape[1], length):
        if gap is not None and gap[0] <= start / rate < gap[1]:
            continue
        block = np.ascontiguousarray(signal[:, start : start + length])
        frame = av.AudioFrame.from_ndarray(block, "fltp", _layout(signal))
        frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
        frames += resampler.resample(frame)
    return frames


def _layout(signal: np.ndarray) -> str:
    return "mono" if signal.shape[0] == 1 else "stereo"


def place_of(read: np.ndarray, reference: np.ndarray, *, start: int, length: int = 8000) -> int:
    """Return by how many samples a stretch of ``reference`` is later in ``read`` than it should be.

    Found by the peak of the correlation of the first channels, within 5000 samples.
    """
    wanted = reference[0, start : start + length].astype(np.float64)
    first = max(0, start - 5000)
    around = read[0, first : start + length + 5000].astype(np.float64)
    peaks = np.correlate(around, wanted, mode="valid")
    best = int(np.argmax(peaks))
    found = around[best : best + length]
    assert np.corrcoef(found, wanted)[0, 1] > 0.9, "the stretch is not there"
    return first + best - start
