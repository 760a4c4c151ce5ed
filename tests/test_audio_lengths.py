"""All that a file holds comes in, whatever its header says of its length."""

import io

import numpy as np
import pytest
import soundfile
from media import chirp, encode, place_of

from zoo.audio import open_audio
from zoo.errors import AudioError

RATE = 44_100
FIRST, SECOND = chirp(3, RATE, seed=1), chirp(2, RATE, seed=2)


def read(content: bytes, *, keep_going: bool = False):
    """Return the samples, what was known beforehand, and the warnings."""
    file = io.BytesIO(content)
    file.name = "song.bin"
    with open_audio(file, keep_going=keep_going) as reader:
        return np.concatenate(list(reader.blocks()), axis=1), reader.info, reader.warnings


def written(audio: np.ndarray, rate: int = RATE, **how: str) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, audio.T, rate, **how)
    return file.getvalue()


def check_joined(samples: np.ndarray, *, second: np.ndarray = SECOND, tolerance: int = 0):
    assert abs(samples.shape[1] - 5 * RATE) <= tolerance
    for start in (4_000, 80_000, 120_000):
        assert abs(place_of(samples, FIRST, start=start)) <= tolerance
    rest = samples[:, 3 * RATE :]
    for start in (4_000, 70_000):
        assert abs(place_of(rest, second, start=start)) <= tolerance


WAYS = {
    "vorbis": {"format": "OGG", "subtype": "VORBIS"},
    "mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III"},
    "flac": {"format": "FLAC"},
    "wav": {"format": "WAV"},
    "aiff": {"format": "AIFF"},
    "au": {"format": "AU"},
    "caf": {"format": "CAF"},
    "w64": {"format": "W64"},
}


@pytest.mark.parametrize("way", WAYS)
def test_joined_files_come_in_whole(way):
    content = written(FIRST, **WAYS[way]) + written(SECOND, **WAYS[way])
    samples, info, warnings = read(content)
    check_joined(samples)
    assert info.num_samples in (5 * RATE, None)
    assert warnings == []


@pytest.mark.parametrize(
    "how",
    [
        {"container": "wv", "codec": "wavpack"},
        {"container": "tta", "codec": "tta"},
        {"container": "mp4", "codec": "alac"},
        {"container": "matroska", "codec": "flac"},
        {"container": "ogg", "codec": "flac"},
    ],
    ids=lambda how: how["container"],
)
def test_joined_containers_come_in_whole(how):
    samples, _, _ = read(encode(FIRST, rate=RATE, **how) + encode(SECOND, rate=RATE, **how))
    check_joined(samples)


def test_chained_opus_comes_in_whole():
    first, second = chirp(3, 48_000, seed=1), chirp(2, 48_000, seed=2)
    how = {"container": "ogg", "codec": "libopus"}
    samples, info, _ = read(encode(first, rate=48_000, **how) + encode(second, rate=48_000, **how))
    assert (info.sample_rate, samples.shape) == (48_000, (2, 5 * 48_000))
    assert place_of(samples, first, start=130_000) == 0
    assert place_of(samples[:, 3 * 48_000 :], second, start=80_000) == 0


@pytest.mark.parametrize("way", ["vorbis", "flac", "mp3"])
def test_a_second_link_at_another_rate_is_resampled(way):
    second = chirp(2, 48_000, seed=2)
    samples, info, _ = read(written(FIRST, **WAYS[way]) + written(second, 48_000, **WAYS[way]))
    assert info.sample_rate == RATE
    check_joined(samples, second=SECOND, tolerance=2)


def test_a_mono_second_link_is_played_on_both_channels():
    samples, _, _ = read(written(FIRST, format="FLAC") + written(SECOND[:1], format="FLAC"))
    check_joined(samples)
    np.testing.assert_array_equal(samples[0, 3 * RATE :], samples[1, 3 * RATE :])


def test_a_stereo_link_after_a_mono_one_is_named():
    content = written(FIRST[:1], format="FLAC") + written(SECOND, format="FLAC")
    with pytest.raises(AudioError, match=r"song\.bin: 1 channels become 2 at 3\.00 s"):
        read(content)


def test_joined_files_with_tags_between_them_come_in_whole():
    tag = b"ID3\x04\0\0\0\0\x02\0" + bytes(256)
    trailer = b"TAG" + bytes(125)
    mp3 = [written(part, **WAYS["mp3"]) for part in (FIRST, SECOND)]
    check_joined(read(tag + mp3[0] + trailer + tag + mp3[1] + trailer)[0])
    flac = [written(part, **WAYS["flac"]) for part in (FIRST, SECOND)]
    check_joined(read(tag + flac[0] + tag + flac[1] + trailer)[0])


def test_an_mp3_without_length_tag_comes_in_whole():
    options = {"write_xing": "0"}
    content = encode(FIRST, rate=RATE, container="mp3", codec="libmp3lame", options=options)
    samples, info, _ = read(content)
    assert samples.shape[1] == info.num_samples
    assert samples.shape[1] % 1152 == 0
    assert 0 <= samples.shape[1] - FIRST.shape[1] < 3 * 1152
    assert place_of(samples, FIRST, start=100_000) == 1105  # an encoder's delay, and a decoder's


@pytest.mark.parametrize("num_frames", [0, 1, 50])
def test_a_length_tag_that_tells_too_little_is_not_believed(num_frames):
    content = bytearray(written(FIRST, **WAYS["mp3"]))
    place = content.index(b"Xing" if b"Xing" in content else b"Info") + 8
    content[place : place + 4] = num_frames.to_bytes(4, "big")
    samples, _, _ = read(bytes(content))
    assert 0 <= samples.shape[1] - FIRST.shape[1] < 2 * 1152
    assert place_of(samples, FIRST, start=100_000) == 0


def test_a_length_tag_that_tells_too_much_is_a_cut_off_file():
    content = bytearray(written(FIRST, **WAYS["mp3"]))
    place = content.index(b"Xing" if b"Xing" in content else b"Info") + 8
    content[place : place + 4] = (1000).to_bytes(4, "big")
    with pytest.raises(AudioError, match=r"song\.bin: .*promises 26\.\d\d s.*ends after 3\.\d\d s"):
        read(bytes(content))


def test_an_mp3_in_a_wav_comes_in():
    content = encode(FIRST, rate=RATE, container="wav", codec="libmp3lame")
    for sizes in (None, bytes(4), b"\xff" * 4):
        changed = bytearray(content)
        if sizes is not None:
            place = changed.index(b"data") + 4
            changed[4:8] = changed[place : place + 4] = sizes
        samples, _, _ = read(bytes(changed))
        assert 0 <= samples.shape[1] - FIRST.shape[1] < 3 * 1152
        assert place_of(samples, FIRST, start=100_000) == 1105


SIZES_32 = [bytes(4), b"\xff" * 4, (0x7FFF_FFFF).to_bytes(4, "little")]


@pytest.mark.parametrize("sizes", SIZES_32, ids=["zero", "ones", "2 GiB"])
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_a_wav_of_unset_size_comes_in_whole(subtype, sizes):
    content = bytearray(written(FIRST, format="WAV", subtype=subtype))
    place = content.index(b"data") + 4
    content[4:8] = content[place : place + 4] = sizes
    samples, info, _ = read(bytes(content))
    assert info.num_samples == samples.shape[1] == FIRST.shape[1]
    np.testing.assert_allclose(samples, FIRST, rtol=0, atol=2**-15)


def test_a_wav_whose_size_is_of_an_earlier_time_comes_in_whole():
    content = bytearray(written(FIRST, format="WAV", subtype="PCM_16"))
    place = content.index(b"data") + 4
    content[place : place + 4] = (4 * RATE).to_bytes(4, "little")  # after one second
    samples, _, warnings = read(bytes(content))
    np.testing.assert_allclose(samples, FIRST, rtol=0, atol=2**-15)
    assert warnings == ["more samples follow than the header knows of"]


@pytest.mark.parametrize("trailer", [b"LIST\x04\0\0\0abcd", bytes(1000), b"TAG" + bytes(125)])
def test_what_follows_the_samples_is_no_sound(trailer):
    content = written(FIRST, format="WAV", subtype="PCM_16")
    samples, _, warnings = read(content + trailer)
    assert (samples.shape, warnings) == (FIRST.shape, [])


@pytest.mark.parametrize("declared", [1000, 2**31 + 1000, 2**32 - 2**20])
def test_a_size_that_wrapped_at_4_gib_is_told_by_the_files_length(tmp_path, declared):
    # The samples of a sparse file are zeros that take no space.
    header = written(FIRST[:, :1], format="WAV", subtype="PCM_16")[:44]
    path = tmp_path / "long.wav"
    num_bytes = declared // 4 * 4 + 2**32
    path.write_bytes(header[:40] + (num_bytes % 2**32).to_bytes(4, "little"))
    with path.open("r+b") as file:
        file.truncate(44 + num_bytes)
    with open_audio(path) as reader:
        assert reader.info.num_samples == num_bytes // 4


def test_a_64_bit_wav_of_unset_size_comes_in_whole():
    content = bytearray(written(FIRST, format="RF64", subtype="PCM_16"))
    place = content.index(b"ds64") + 8
    for unset in (bytes(24), b"\xff" * 24):
        content[place : place + 24] = unset
        samples, _, _ = read(bytes(content))
        assert samples.shape == FIRST.shape


@pytest.mark.parametrize("unset", [bytes(8), b"\xff" * 8])
def test_a_wave64_of_unset_size_comes_in_whole(unset):
    content = bytearray(written(FIRST, format="W64", subtype="PCM_16"))
    place = content.index(b"data") + 16
    content[16:24] = content[place : place + 8] = unset
    samples, _, _ = read(bytes(content))
    assert samples.shape == FIRST.shape
    np.testing.assert_allclose(samples, FIRST, rtol=0, atol=2**-15)


@pytest.mark.parametrize("unset", [bytes(4), b"\xff" * 4])
@pytest.mark.parametrize("container", ["AU", "AIFF"])
def test_other_unset_sizes_come_in_whole(container, unset):
    content = bytearray(written(FIRST, format=container, subtype="PCM_16"))
    place = 8 if container == "AU" else content.index(b"SSND") + 4
    content[place : place + 4] = unset
    samples, _, _ = read(bytes(content))
    np.testing.assert_allclose(samples, FIRST, rtol=0, atol=2**-15)


def test_a_caf_of_unset_size_comes_in_whole():
    content = bytearray(written(FIRST, format="CAF", subtype="PCM_16"))
    place = content.index(b"data") + 4
    content[place : place + 8] = b"\xff" * 8
    samples, _, _ = read(bytes(content))
    assert samples.shape == FIRST.shape


def flac_of_length(num_samples: int) -> bytes:
    """Return three seconds of FLAC whose header tells another length."""
    content = bytearray(written(FIRST, format="FLAC"))
    content[21:26] = ((content[21] & 0xF0) << 32 | num_samples).to_bytes(5, "big")
    return bytes(content)


@pytest.mark.parametrize("seconds", [0.1, 3])
def test_joined_flacs_of_one_length_come_in_whole(seconds):
    parts = [chirp(seconds, RATE, seed=seed) for seed in (1, 2)]
    samples, _, _ = read(b"".join(written(part, format="FLAC") for part in parts))
    np.testing.assert_allclose(samples, np.concatenate(parts, axis=1), rtol=0, atol=2**-15)


def test_a_flac_of_unknown_length_comes_in_whole():
    samples, info, _ = read(flac_of_length(0))
    assert info.num_samples is None
    np.testing.assert_allclose(samples, FIRST, rtol=0, atol=2**-15)


def test_a_flac_that_holds_more_than_it_tells_comes_in_whole():
    samples, _, warnings = read(flac_of_length(RATE))
    np.testing.assert_allclose(samples, FIRST, rtol=0, atol=2**-15)
    assert warnings == ["the header knows of 1.00 s; 3.00 s are there"]


def test_a_flac_that_tells_more_than_it_holds_is_cut_off():
    with pytest.raises(AudioError, match=r"song\.bin: .*promises 4\.00 s.*ends after 3\.00 s"):
        read(flac_of_length(4 * RATE))
