"""Containers that libsndfile does not know (m4a, mp4, webm, ...), through ffmpeg if it is there.

A stranger's file is data: ffmpeg may read that one file and nothing else (no playlists, no
protocols), which is why the demuxers are listed.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

import numpy as np

from zoo.audio.reader import AudioInfo, AudioReader
from zoo.errors import AudioError

__all__ = ["ffmpeg_is_installed", "open_with_ffmpeg"]

DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,asf,aac,ac3,eac3,ape,wv,tta,amr,avi,flv,mpeg,mpegts,"
    "ogg,mp3,flac,wav,w64,aiff,caf,au,dts,mpc,mpc8,tak"
)
INPUT_LIMITS = ("-protocol_whitelist", "file", "-format_whitelist", DEMUXERS)
PROBE_SECONDS = 60
BYTES_PER_SAMPLE = 4


def ffmpeg_is_installed() -> bool:
    """Whether the ffmpeg and ffprobe programs are on this machine's path."""
    return shutil.which("ffmpeg") is not None and shutil.which("ffprobe") is not None


def open_with_ffmpeg(
    path: Path, *, name: str, reason: str, on_close: Callable[[], None] = lambda: None
) -> AudioReader:
    """Decode a file's first audio stream through the ffmpeg program.

    Args:
        path: An existing file.
        name: What messages call it.
        reason: Why libsndfile could not read it, for the message.
        on_close: Called when the reader is closed.

    Raises:
        AudioError: ffmpeg is not installed, or finds no audio it can decode.
    """
    ffmpeg, ffprobe = shutil.which("ffmpeg"), shutil.which("ffprobe")
    if ffmpeg is None or ffprobe is None:
        raise AudioError(
            f"{name}: not readable as audio ({reason}). If it is a video, m4a or wma file, "
            "install ffmpeg (https://ffmpeg.org) or convert the file to wav, flac, ogg or mp3"
        )
    info = _probe(ffprobe, path, name=name, reason=reason)
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process, in close()
    command = [ffmpeg, "-v", "error", "-nostdin", *INPUT_LIMITS, "-i", _as_url(path)]
    command += ["-map", "0:a:0", "-f", "f32le", "-acodec", "pcm_f32le", "pipe:1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors)
    pipe = cast("IO[bytes]", process.stdout)

    def read(num_samples: int) -> np.ndarray:
        content = pipe.read(num_samples * info.num_channels * BYTES_PER_SAMPLE)
        if not content and process.wait() != 0:
            errors.seek(0)
            raise AudioError(f"{name}: ffmpeg stopped ({_last_line(errors.read())})")
        whole = len(content) - len(content) % (info.num_channels * BYTES_PER_SAMPLE)
        samples = np.frombuffer(content[:whole], dtype="<f4")
        return samples.reshape(-1, info.num_channels).T.astype(np.float32, copy=False)

    def close() -> None:
        process.kill()
        pipe.close()
        process.wait()
        errors.close()
        on_close()

    return AudioReader(info, read=read, close=close)


def _probe(ffprobe: str, path: Path, *, name: str, reason: str) -> AudioInfo:
    command = [ffprobe, "-v", "error", *INPUT_LIMITS, "-select_streams", "a:0", "-of", "json"]
    command += ["-show_entries", "stream=sample_rate,channels,duration:format=duration"]
    try:
        probe = subprocess.run(
            [*command, _as_url(path)], capture_output=True, timeout=PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise AudioError(f"{name}: ffprobe gave no answer in {PROBE_SECONDS} s") from error
    found = json.loads(probe.stdout or b"{}") if probe.returncode == 0 else {}
    if not found.get("streams"):
        detail = _last_line(probe.stderr).removeprefix(f"{_as_url(path)}: ") or "no audio stream"
        raise AudioError(f"{name}: not readable as audio ({reason}; ffmpeg: {detail})")
    stream = found["streams"][0]
    sample_rate = int(stream.get("sample_rate", 0))
    seconds = stream.get("duration") or found.get("format", {}).get("duration")
    return AudioInfo(
        name=name,
        sample_rate=sample_rate,
        num_channels=int(stream.get("channels", 0)),
        num_samples=None if seconds is None else round(float(seconds) * sample_rate),
    )


def _as_url(path: Path) -> str:
    # "file:" keeps a name such as "http:x" or "-i" from being taken for anything but a name.
    return f"file:{path.resolve()}"


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1].strip()[-200:] if lines else ""
