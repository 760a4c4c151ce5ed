"""A stranger's file makes no decoder open another file, and is bounded in what it costs."""

import contextlib
import io
import struct

import av
import numpy as np
import pytest
import soundfile
from media import chirp, encode

from zoo.audio import open_audio, read_audio
from zoo.audio.decoded import DamageReport
from zoo.audio.parts import Part
from zoo.audio.pyav import decode_stream
from zoo.errors import AudioError

RATE = 44_100
SECRET = chirp(1, RATE, seed=7)


@pytest.fixture
def secret(tmp_path):
    """A file that no other file may bring in."""
    path = tmp_path / "secret.wav"
    soundfile.write(path, SECRET.T, RATE)
    assert read_audio(path)[0].shape == SECRET.shape
    return path


def playlists(secret) -> dict[str, str]:
    url = f"file://{secret}"
    return {
        "m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
        "ffconcat": f"ffconcat version 1.0\nfile '{secret}'\n",
        "subfile in m3u8": f"#EXTM3U\n#EXTINF:1,\nsubfile,,start,0,end,0,,:{secret}\n",
        "concat in m3u8": f"#EXTM3U\n#EXTINF:1,\nconcat:{secret}|{secret}\n#EXT-X-ENDLIST\n",
        "sdp": f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns={secret}\nm=audio 5004 RTP/AVP 0\n",
        "dash": f"<?xml version='1.0'?><MPD><Period><AdaptationSet><BaseURL>{url}</BaseURL>"
        "</AdaptationSet></Period></MPD>",
        "tedcaptions": '{"captions":[{"content":"a","startTime":0}]}',
        "svg": f'<svg xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="{url}"/></svg>',
    }


@pytest.mark.parametrize(
    "kind",
    [
        *("m3u8", "ffconcat", "subfile in m3u8", "concat in m3u8", "sdp", "dash"),
        *("tedcaptions", "svg"),
    ],
)
@pytest.mark.parametrize("name", ["a.mp4", "a.m3u8", "a.wav", "a"])
def test_playlists_cannot_reach_other_files(tmp_path, secret, kind, name):
    (tmp_path / name).write_text(playlists(secret)[kind])
    with pytest.raises(AudioError, match=f"{name}: not readable as audio"):
        read_audio(tmp_path / name)


@pytest.mark.parametrize(
    "trick",
    ["subfile,,start,0,end,0,,:{}", "concat:{}", "file:{}", "data:audio/wav;base64,UklGRg=="],
)
def test_names_are_only_names(secret, trick):
    with pytest.raises(AudioError, match="no such file"):
        open_audio(trick.format(secret))


@pytest.mark.parametrize("demuxer", ["hls", "concat"])
def test_even_a_playlist_demuxer_opens_nothing(secret, demuxer):
    """The second line of defence: were such a file taken for one, opening others is refused."""
    text = playlists(secret)["m3u8" if demuxer == "hls" else "ffconcat"]
    part = Part(ranges=((0, len(text)),), container=demuxer)
    report = DamageReport(name="a.mp4", keep_going=False)
    with pytest.raises(AudioError):
        decode_stream(io.BytesIO(text.encode()), part, stream_number=0, report=report)


def refer_elsewhere(movie: bytes, target: bytes) -> bytes:
    """Return a QuickTime movie whose track has its samples in another file.

    The entry "this file" of its ``dref`` box becomes an ``url `` to the target; the boxes around it
    grow by as much, and the sample table is moved to after its end.
    """
    place = movie.index(b"dref") - 4
    old_entry = movie[place + 16 : place + 28]
    assert old_entry[4:8] in (b"url ", b"alis")
    new_entry = struct.pack(">I4sI", 12 + len(target) + 1, b"url ", 0) + target + b"\0"
    grown = len(new_entry) - len(old_entry)
    changed = bytearray(movie[: place + 16] + new_entry + movie[place + 28 :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        at = movie.index(kind) - 4
        changed[at : at + 4] = (int.from_bytes(movie[at : at + 4], "big") + grown).to_bytes(
            4, "big"
        )
    return bytes(changed)


@pytest.mark.parametrize("container", ["mov", "mp4"])
def test_a_movie_whose_sound_is_elsewhere_is_refused(tmp_path, secret, container):
    movie = encode(chirp(1, RATE), rate=RATE, container=container, codec="aac")
    assert read_audio(io.BytesIO(movie))[0].shape[1] > 0
    path = tmp_path / "a.mov"
    for target in (f"file://{secret}", "secret.wav", f"subfile,,start,0,end,0,,:{secret}"):
        path.write_bytes(refer_elsewhere(movie, target.encode()))
        for keep_going in (False, True):
            with pytest.raises(AudioError, match=r"a\.mov: .*another file"):
                open_audio(path, keep_going=keep_going)


def test_a_video_decoder_is_never_used(tmp_path, monkeypatch):
    """Of a video the sound comes in, though its picture is garbage to any decoder."""
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as movie:
        picture = movie.add_stream("mpeg4", rate=25)
        picture.width = picture.height = 64
        sound = movie.add_stream("pcm_s16le", rate=RATE, layout="stereo")
        for _ in range(5):
            movie.mux(picture.encode(av.VideoFrame(64, 64, "yuv420p")))
        movie.mux(picture.encode(None))
        samples = (SECRET * 2**15).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples.T).reshape(1, -1), "s16", "stereo"
        )
        frame.sample_rate = RATE
        movie.mux(sound.encode(frame))
    read, _ = read_audio(path)
    assert read.shape == SECRET.shape
    np.testing.assert_allclose(read, SECRET, rtol=0, atol=2**-14)


def test_streams_beyond_the_limit_are_not_there():
    signals = [np.zeros((1, 2000), np.float32)] * 65
    content = encode(*signals, rate=RATE, container="matroska", codec="pcm_s16le")
    with pytest.raises(AudioError, match="64 audio streams in it"):
        open_audio(io.BytesIO(content), stream=64)


@pytest.mark.parametrize("seed", range(40))
def test_noise_after_a_known_beginning_is_an_error(seed):
    """No content makes a survey or a decoder raise anything but the error for a bad file."""
    generator = np.random.default_rng(seed)
    beginnings = [
        *(b"fLaC\0\0\0\x22", b"OggS\0\2", b"RIFF\0\0\0\0WAVEfmt ", b"RF64\xff\xff\xff\xffWAVEds64"),
        *(b"\0\0\0\x18ftypM4A ", b"\x1a\x45\xdf\xa3\x84", b"wvpk", b"TTA1\1\0", b"caff\0\1\0\0"),
        *(b"FORM\0\0\0\0AIFFCOMM", b".snd\0\0\0\x18", b"\xff\xfb\x90\x64", b"\xff\xf1\x50\x80"),
        *(
            b"\x0b\x77",
            b"RIFF\0\0\0\0AVI LIST",
            b"riff" + bytes.fromhex("2e91cf11a5d628db04c10000"),
        ),
        *(
            bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"),
            b"MAC ",
            b"MPCK",
            b"ID3\4\0\0\0\0\0\0",
        ),
    ]
    for beginning in beginnings:
        content = beginning + generator.bytes(int(generator.integers(0, 3000)))
        for keep_going in (False, True):
            with (
                contextlib.suppress(AudioError),
                open_audio(io.BytesIO(content), keep_going=keep_going, max_values=10**8) as reader,
            ):
                assert all(block.dtype == np.float32 for block in reader.blocks())


MUTATED = (
    {"container": "mp4", "codec": "aac", "options": {"movflags": "faststart"}},
    {"container": "adts", "codec": "aac"},
    {"container": "mp3", "codec": "libmp3lame"},
    {"container": "flac", "codec": "flac"},
    {"container": "matroska", "codec": "flac"},
    {"container": "mpegts", "codec": "aac"},
    {"container": "flv", "codec": "aac"},
    {"container": "wv", "codec": "wavpack"},
    {"container": "tta", "codec": "tta"},
    {"container": "avi", "codec": "pcm_s16le"},
    {"container": "w64", "codec": "pcm_s16le"},
    {"container": "caf", "codec": "alac"},
    {"container": "ac3", "codec": "ac3", "bit_rate": 192_000},
)


@pytest.mark.parametrize("how", MUTATED, ids=lambda how: how["container"])
def test_a_changed_file_is_read_or_refused(how):
    """Sizes, counts and offsets that are wrong by far cost neither memory nor the process."""
    generator = np.random.default_rng(11)
    whole = encode(chirp(0.5, RATE), rate=RATE, **how)
    for number in range(30):
        content = bytearray(whole)
        for _ in range(int(generator.integers(1, 6))):
            place = int(generator.integers(len(content) if number % 2 else min(400, len(content))))
            change = (b"\xff" * 8, bytes(4), b"\x7f" + b"\xff" * 7, generator.bytes(60), b"")
            content[place : place + 8] = change[int(generator.integers(len(change)))]
        for keep_going in (False, True):
            with (
                contextlib.suppress(AudioError),
                open_audio(
                    io.BytesIO(bytes(content)), keep_going=keep_going, max_values=10**7
                ) as reader,
            ):
                assert all(block.dtype == np.float32 for block in reader.blocks())


def test_a_header_of_many_channels_takes_no_memory():
    content = b".snd" + struct.pack(">5I", 24, 0xFFFF_FFFF, 3, RATE, 2**31) + bytes(100)
    with pytest.raises(AudioError, match="not readable as audio"):
        read_audio(io.BytesIO(content))


def test_more_channels_than_frames_are_read_with_are_refused():
    signal = np.zeros((8, 4096), np.float32)
    path = io.BytesIO(_eight_channels(signal))
    with pytest.raises(AudioError, match="got 8 channels; at most 7 can be decoded"):
        open_audio(path)


def _eight_channels(signal: np.ndarray) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as output:
        stream = output.add_stream("aac", rate=RATE, layout="7.1")
        stream.codec_context.open()
        packed = av.AudioFrame.from_ndarray(signal.T.reshape(1, -1).copy(), "flt", "7.1")
        packed.sample_rate = RATE
        resampler = av.AudioResampler(format="fltp", layout="7.1", rate=RATE, frame_size=1024)
        for frame in resampler.resample(packed):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def test_a_counter_that_jumps_by_days_is_no_silence():
    content = bytearray(encode(chirp(2, RATE), rate=RATE, container="wv", codec="wavpack"))
    blocks = [place for place in range(len(content)) if content[place : place + 4] == b"wvpk"]
    assert len(blocks) > 2
    content[blocks[-1] + 16 : blocks[-1] + 20] = (4_000_000_000).to_bytes(4, "little")
    with (
        open_audio(io.BytesIO(bytes(content)), keep_going=True) as reader,
        pytest.raises(AudioError, match=r"\d+ s are missing at 1\.\d\d s"),
    ):
        list(reader.blocks())
