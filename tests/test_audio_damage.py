"""Damage is an error with its place, or silence of its length: never a shift, never unsaid."""

import io
import re

import numpy as np
import pytest
import soundfile
from media import chirp, encode, place_of

from zoo.audio import open_audio
from zoo.errors import AudioError

RATE = 44_100
SONG = chirp(6, RATE)
FASTSTART = {"movflags": "faststart"}
COMPRESSED = {
    "m4a": {"container": "mp4", "codec": "aac", "options": FASTSTART},
    "alac.m4a": {"container": "mp4", "codec": "alac", "options": FASTSTART},
    "mka": {"container": "matroska", "codec": "flac"},
    "pcm.mkv": {"container": "matroska", "codec": "pcm_s16le"},
    "wma": {"container": "asf", "codec": "wmav2", "bit_rate": 128_000},
    "wv": {"container": "wv", "codec": "wavpack"},
    "tta": {"container": "tta", "codec": "tta"},
    "avi": {"container": "avi", "codec": "pcm_s16le"},
    "ac3": {"container": "ac3", "codec": "ac3", "bit_rate": 192_000},
    "aac": {"container": "adts", "codec": "aac"},
    "oga": {"container": "ogg", "codec": "flac"},
    "mp3": {"container": "mp3", "codec": "libmp3lame"},
    "flac": {"container": "flac", "codec": "flac"},
    "mp3.wav": {"container": "wav", "codec": "libmp3lame"},
    "adpcm.wav": {"container": "wav", "codec": "adpcm_ms"},
}
BARE = {
    "wav": {"format": "WAV"},
    "rf64": {"format": "RF64"},
    "w64": {"format": "W64"},
    "au": {"format": "AU"},
    "aiff": {"format": "AIFF"},
    "caf": {"format": "CAF"},
    "ogg": {"format": "OGG", "subtype": "VORBIS"},
}


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    made = {name: encode(SONG, rate=RATE, **how) for name, how in COMPRESSED.items()}
    for name, how in BARE.items():
        file = io.BytesIO()
        soundfile.write(file, SONG.T, RATE, **how)
        made[name] = file.getvalue()
    for name, container in (("webm", "webm"), ("opus", "ogg")):
        song = chirp(6, 48_000)
        made[name] = encode(song, rate=48_000, container=container, codec="libopus")
    return made


def read(content: bytes, *, keep_going: bool = False):
    """Return the samples and the warnings."""
    file = io.BytesIO(content)
    file.name = "song.bin"
    with open_audio(file, keep_going=keep_going) as reader:
        return np.concatenate(list(reader.blocks()), axis=1), reader.warnings


@pytest.mark.parametrize("name", [*COMPRESSED, *BARE, "webm", "opus"])
def test_a_file_cut_off_in_the_middle_is_an_error_with_what_is_there(files, name):
    content = files[name]
    with pytest.raises(AudioError, match=r"song\.bin: the file is cut off") as caught:
        read(content[: len(content) // 2])
    found = re.search(r"ends after (\d+\.\d\d) s", str(caught.value))
    assert found is not None
    assert float(found[1]) == pytest.approx(3, abs=0.6)
    samples, warnings = read(content[: len(content) // 2], keep_going=True)
    assert samples.shape[1] / (48_000 if name in ("webm", "opus") else RATE) == pytest.approx(
        float(found[1]), abs=0.01
    )
    assert "the file is cut off" in warnings


@pytest.mark.parametrize("name", ["m4a", "mov"])
def test_a_file_cut_off_before_its_index_says_so(name):
    content = encode(SONG, rate=RATE, container="mp4" if name == "m4a" else "mov", codec="aac")
    with pytest.raises(AudioError, match=r"song\.bin: the file is cut off.* 0\.00 s"):
        read(content[: len(content) // 2])


PLACED = ["alac.m4a", "m4a", "mka", "wv", "tta", "oga", "mp3", "flac", "ogg"]


@pytest.mark.parametrize("name", PLACED)
def test_damage_in_the_middle_is_an_error_with_its_place(files, name):
    content = bytearray(files[name])
    middle = len(content) // 2
    content[middle : middle + 3000] = np.random.default_rng(3).bytes(3000)
    with pytest.raises(AudioError, match=r"song\.bin: damaged: .*(at \d\.\d\d s|at byte \d+)"):
        read(bytes(content))


@pytest.mark.parametrize("name", PLACED)
def test_damage_may_become_silence_of_its_length(files, name):
    whole, _ = read(files[name])
    content = bytearray(files[name])
    middle = len(content) // 2
    content[middle : middle + 3000] = np.random.default_rng(3).bytes(3000)
    samples, warnings = read(bytes(content), keep_going=True)
    assert samples.shape == whole.shape
    assert warnings
    assert place_of(samples, SONG, start=30_000) == place_of(whole, SONG, start=30_000)
    if name != "mka":  # its damage reaches to the next cluster, which there is none of here
        assert place_of(samples, SONG, start=240_000) == place_of(whole, SONG, start=240_000)


@pytest.mark.parametrize("name", ["flac", "oga", "ogg", "mp3", "wv", "webm"])
def test_bytes_that_are_missing_are_noticed(files, name):
    content = files[name]
    middle = len(content) // 2
    with pytest.raises(AudioError, match=r"song\.bin: (damaged|the file is cut off)"):
        read(content[:middle] + content[middle + 5000 :])


@pytest.mark.parametrize("name", ["flac", "oga", "ogg", "mp3", "wv"])
def test_missing_bytes_may_become_silence_of_their_length(files, name):
    whole, _ = read(files[name])
    content = files[name]
    middle = len(content) // 2
    samples, warnings = read(content[:middle] + content[middle + 5000 :], keep_going=True)
    assert samples.shape == whole.shape
    assert place_of(samples, SONG, start=240_000) == 0
    assert any(re.search(r" at [23]\.\d\d s", warning) for warning in warnings)


def test_an_ogg_page_that_was_dropped_is_noticed(files):
    content = files["ogg"]
    pages = [match.start() for match in re.finditer(b"OggS", content)]
    first, second = pages[len(pages) // 2], pages[len(pages) // 2 + 1]
    with pytest.raises(AudioError, match=r"pages are missing at \d\.\d\d s"):
        read(content[:first] + content[second:])


def test_damage_in_an_avi_is_never_filled(files):
    content = bytearray(files["avi"])
    middle = len(content) // 2
    content[middle : middle + 6000] = np.random.default_rng(3).bytes(6000)
    for keep_going in (False, True):
        with pytest.raises(AudioError, match=r"song\.bin: damaged: no chunk begins at byte"):
            read(bytes(content), keep_going=keep_going)


@pytest.mark.parametrize(
    ("how", "exact"),
    [
        ({"container": "matroska", "codec": "pcm_s16le"}, True),
        ({"container": "matroska", "codec": "flac"}, True),
        ({"container": "mp4", "codec": "alac"}, True),
        ({"container": "mp4", "codec": "aac"}, False),
        ({"container": "matroska", "codec": "aac"}, False),
    ],
    ids=["pcm.mkv", "mka", "alac.m4a", "m4a", "aac.mkv"],
)
def test_a_gap_in_the_time_stamps_is_silence(how, exact):
    samples, warnings = read(encode(SONG, rate=RATE, gap=(2.0, 4.0), **how))
    whole, _ = read(encode(SONG, rate=RATE, **how))
    assert samples.shape == whole.shape
    assert np.abs(samples[:, round(2.2 * RATE) : round(3.8 * RATE)]).max() < 1e-3
    for start in (30_000, 200_000, 240_000):
        assert place_of(samples, SONG, start=start) == place_of(whole, SONG, start=start)
    assert len(warnings) == 1
    assert re.fullmatch(r"\d\.\d\d s are missing at 2\.\d\d s, they are silent", warnings[0])
    if exact:
        assert samples.shape == SONG.shape


def test_warnings_are_logged_with_the_files_name(caplog):
    read(encode(SONG, rate=RATE, container="mp4", codec="alac", gap=(2.0, 4.0)))
    (told,) = [record.getMessage() for record in caplog.records if record.name.startswith("zoo.")]
    assert told.startswith("song.bin:")
