"""Finding and decoding tracks: layouts, and a named error for each way in which they are wrong."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from media import encode
from signals import noise, tone, write

from zoo.data import decode_tracks, find_tracks, require_disjoint
from zoo.data.musdb18 import VALIDATION_TRACKS, find_musdb18_tracks, is_musdb18
from zoo.data.reading import read_header, read_samples
from zoo.data.tracks import Track, TrackFile
from zoo.errors import AudioError
from zoo.training.recipe import load_recipe

SOURCES = ("vocals", "drums", "bass", "other")
STEM_ORDER = ("mixture", "drums", "bass", "other", "vocals")
RATE = 8000


def decode(root: Path, cache: Path):
    return decode_tracks(
        find_tracks(root, sources=SOURCES), cache_directory=cache, sample_rate=RATE
    )


def test_groups_formats_and_absent_sources(tmp_path):
    write(tmp_path / "a" / "one" / "vocals.wav", noise(800), RATE)
    write(tmp_path / "a" / "one" / "mixture.wav", noise(800), RATE)
    write(tmp_path / "a" / "one" / "bass.flac", noise(800), RATE)
    write(tmp_path / "two" / "drums.ogg", noise(800), RATE)
    first, second = find_tracks(tmp_path, sources=SOURCES)
    assert (first.name, first.group, sorted(first.files)) == ("a/one", "a", ["bass", "vocals"])
    assert (second.name, second.group, sorted(second.files)) == ("two", "", ["drums"])


def test_a_track_folder_itself_is_a_data_folder(tmp_path):
    write(tmp_path / "song" / "vocals.wav", noise(80), RATE)
    (track,) = find_tracks(tmp_path / "song", sources=SOURCES)
    assert track.name == "song"


def test_linked_folders_are_followed_and_loops_end(tmp_path):
    write(tmp_path / "elsewhere" / "song" / "bass.wav", noise(80), RATE)
    data = tmp_path / "data"
    write(data / "a" / "vocals.wav", noise(80), RATE)
    (data / "b").symlink_to(tmp_path / "elsewhere")
    (data / "c").symlink_to(tmp_path / "elsewhere")
    (data / "a" / "loop").symlink_to(data)
    names = [track.name for track in find_tracks(data, sources=SOURCES)]
    assert names == ["a", "b/song"]


def test_stem_files_hold_all_sources(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "A - B.stem.mp4").write_bytes(b"not decoded here")
    (track,) = find_tracks(tmp_path, sources=SOURCES)
    assert track.name == "train/A - B"
    assert {source: file.stream for source, file in track.files.items()} == {
        "vocals": 4,
        "drums": 1,
        "bass": 2,
        "other": 3,
    }


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("Vocals.wav", "vocals"),
        ("vocals .wav", "vocals"),
        ("_vocals.flac", "vocals"),
        ("vocal.wav", "vocals"),
        ("drum.mp3", "drums"),
        ("OTHER.WAV", "other"),
        ("other\uff0e.wav", "other"),
    ],
)
def test_a_file_with_almost_the_name_of_a_source_is_refused(tmp_path, name, source):
    write(tmp_path / "song" / "bass.wav", noise(80))
    (tmp_path / "song" / name).write_bytes(b"")
    with pytest.raises(AudioError, match=rf"is this {source}\?.*rename it to {source}\.") as error:
        find_tracks(tmp_path, sources=SOURCES)
    assert name in str(error.value)


def test_what_is_left_out_is_counted_with_reasons(tmp_path, caplog):
    for name in ("song/bass.wav", "song/mixture.wav", "song/guide_vocals.wav", "song/.vocals.wav"):
        write(tmp_path / name, noise(80))
    write(tmp_path / "$RECYCLE.BIN" / "old" / "vocals.wav", noise(80))
    write(tmp_path / ".trash" / "vocals.wav", noise(80))
    (tmp_path / "song" / "notes.txt").write_text("loud")
    (track,) = find_tracks(tmp_path, sources=SOURCES)
    assert (track.name, list(track.files)) == ("song", ["bass"])
    assert [record.getMessage() for record in caplog.records if record.name.startswith("zoo.")] == [
        f"{tmp_path}: tracks: 1; left out: 2 hidden, 1 in a trash folder, 1 not audio by name, "
        "1 audio files named after no source"
    ]


@pytest.mark.parametrize("extension", ["m4a", "mka", "caf", "WAV", "w64"])
def test_a_source_may_have_any_extension_that_can_be_decoded(tmp_path, extension):
    path = tmp_path / "song" / f"vocals.{extension}"
    path.parent.mkdir()
    path.write_bytes(b"")
    (track,) = find_tracks(tmp_path, sources=SOURCES)
    assert track.files["vocals"].path == path


@pytest.mark.parametrize("make", [lambda root: None, lambda root: root.mkdir()])
def test_missing_and_empty_folders_are_named(tmp_path, make):
    make(tmp_path / "data")
    with pytest.raises(AudioError, match=str(tmp_path / "data")):
        find_tracks(tmp_path / "data", sources=SOURCES)


def test_two_files_of_one_source_are_refused(tmp_path):
    write(tmp_path / "one" / "vocals.wav", noise(80), RATE)
    write(tmp_path / "one" / "vocals.flac", noise(80), RATE)
    with pytest.raises(AudioError, match=r"vocals\.flac.*vocals\.wav"):
        find_tracks(tmp_path, sources=SOURCES)


def test_decoded_samples_equal_the_files(tmp_path):
    stereo, mono = noise(1000), noise(1000, channels=1, seed=1)
    stereo[0, 3] = 1.7  # a lossy codec's overshoot is not clipped
    write(tmp_path / "data" / "one" / "vocals.wav", stereo, RATE)
    write(tmp_path / "data" / "two" / "bass.wav", mono, RATE)
    first, second = decode(tmp_path / "data", tmp_path / "cache")
    step = 1.7 / 32767
    np.testing.assert_allclose(first.files["vocals"].read(0, 1000), stereo, atol=step)
    np.testing.assert_allclose(
        second.files["bass"].read(0, 1000), np.repeat(mono, 2, axis=0), atol=step
    )


def test_outside_a_file_is_silence(tmp_path):
    samples = noise(100)
    write(tmp_path / "data" / "one" / "vocals.wav", samples, RATE)
    (track,) = decode(tmp_path / "data", tmp_path / "cache")
    chunk = track.read(SOURCES, -10, 130)
    assert chunk.shape == (4, 2, 130)
    assert not chunk[1:].any()
    assert not chunk[0, :, :10].any()
    assert not chunk[0, :, 110:].any()
    np.testing.assert_allclose(chunk[0, :, 10:110], samples, atol=1e-4)


def test_decoding_happens_once_and_again_after_a_change(tmp_path):
    path = write(tmp_path / "data" / "one" / "vocals.wav", noise(100), RATE)
    decode(tmp_path / "data", tmp_path / "cache")
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").iterdir()}
    decode(tmp_path / "data", tmp_path / "cache")
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "cache").iterdir()} == before
    write(path, noise(120), RATE)
    (track,) = decode(tmp_path / "data", tmp_path / "cache")
    assert track.num_samples == 120


@pytest.mark.parametrize(
    "content", ["", "null", "[" * 100_000, '{"peak": 1.0, "num_samples": "100", "header": {}}']
)
def test_decoding_happens_again_where_its_facts_are_broken(tmp_path, content, caplog):
    write(tmp_path / "data" / "one" / "vocals.wav", noise(100), RATE)
    (before,) = decode(tmp_path / "data", tmp_path / "cache")
    (facts,) = (tmp_path / "cache").glob("*.json")
    facts.write_text(content)
    (after,) = decode(tmp_path / "data", tmp_path / "cache")
    assert after == before
    assert "decoding its file again" in caplog.text


def test_another_rate_is_resampled_to_the_network(tmp_path):
    song = tone(440, num_samples=16000, rate=16000)
    write(tmp_path / "data" / "one" / "vocals.wav", song, 16000)
    (track,) = decode(tmp_path / "data", tmp_path / "cache")
    assert track.num_samples == 8000
    expected = tone(440, num_samples=8000, rate=8000)
    middle = track.files["vocals"].read(0, 8000)[:, 500:-500]
    np.testing.assert_allclose(middle, expected[:, 500:-500], atol=2e-4)


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (noise(999), RATE, "999 samples"),
        (noise(1000), 16000, "16000 Hz"),
        (noise(1000, channels=1), RATE, "1 ch"),
    ],
)
def test_files_of_a_track_that_disagree_are_named(tmp_path, samples, rate, message):
    write(tmp_path / "data" / "one" / "bass.wav", noise(1000), RATE)
    write(tmp_path / "data" / "one" / "vocals.wav", samples, rate)
    with pytest.raises(AudioError, match=message) as caught:
        decode(tmp_path / "data", tmp_path / "cache")
    assert "vocals.wav" in str(caught.value)
    assert "bass.wav" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"RIFF no such file", b"\x00" * 5000])
def test_corrupt_files_are_named(tmp_path, content):
    path = tmp_path / "data" / "one" / "vocals.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(AudioError, match=str(path)):
        decode(tmp_path / "data", tmp_path / "cache")


def test_samples_that_are_no_numbers_are_named(tmp_path):
    samples = noise(100)
    samples[1, 7] = np.nan
    path = write(tmp_path / "data" / "one" / "vocals.wav", samples, RATE)
    with pytest.raises(AudioError, match=str(path)):
        decode(tmp_path / "data", tmp_path / "cache")


def test_more_than_two_channels_and_no_samples_are_refused(tmp_path):
    write(tmp_path / "a" / "one" / "vocals.wav", noise(100, channels=4), RATE)
    write(tmp_path / "b" / "one" / "vocals.wav", noise(0), RATE)
    for folder, message in (("a", "4 channels"), ("b", "no audio samples")):
        with pytest.raises(AudioError, match=message):
            decode(tmp_path / folder, tmp_path / "cache")


def test_overlap_of_training_and_validation_is_refused(tmp_path):
    path = write(tmp_path / "train" / "one" / "vocals.wav", noise(100), RATE)
    copy = tmp_path / "valid" / "renamed" / "vocals.wav"
    copy.parent.mkdir(parents=True)
    shutil.copy(path, copy)
    train, valid = (find_tracks(tmp_path / part, sources=SOURCES) for part in ("train", "valid"))
    with pytest.raises(ValueError, match="renamed"):
        require_disjoint(train, valid)
    write(copy, noise(100, seed=5), RATE)
    require_disjoint(train, valid)


def make_musdb18(root: Path, *, suffix: str) -> Path:
    # One name of the validation split that the musdb package defines, and two others.
    for part, name in (
        ("train", "Leaf - Summerghost"),
        ("train", "Nobody - Song"),
        ("test", "Else - Tune"),
    ):
        for number, source in enumerate(("mixture", *SOURCES)):
            write(root / part / name / f"{source}{suffix}", noise(400, seed=number), 44100)
    return root


def test_musdb18_hq_splits_are_those_of_the_package(tmp_path):
    root = make_musdb18(tmp_path, suffix=".wav")
    assert is_musdb18(root)
    assert not is_musdb18(root / "train")
    names = {
        split: [track.name for track in find_musdb18_tracks(root, split=split)]
        for split in ("train", "valid", "test")
    }
    assert names == {
        "train": ["Nobody - Song"],
        "valid": ["Leaf - Summerghost"],
        "test": ["Else - Tune"],
    }


def test_musdb18_split_errors_are_named(tmp_path):
    root = make_musdb18(tmp_path, suffix=".wav")
    with pytest.raises(ValueError, match="'dev'"):
        find_musdb18_tracks(root, split="dev")
    shutil.rmtree(root / "train" / "Leaf - Summerghost")
    with pytest.raises(AudioError, match="valid split"):
        find_musdb18_tracks(root, split="valid")


def test_musdb18_stem_files_are_read_stream_by_stream(tmp_path):
    signals = {name: noise(3000, seed=number) for number, name in enumerate(STEM_ORDER)}
    content = encode(*signals.values(), rate=44100, container="mp4", codec="alac")
    for part, name in (("train", "Leaf - Summerghost"), ("train", "Nobody - Song"), ("test", "x")):
        (tmp_path / part).mkdir(exist_ok=True)
        (tmp_path / part / f"{name}.stem.mp4").write_bytes(content)
    (track,) = find_musdb18_tracks(tmp_path, split="valid")
    assert track.name == "Leaf - Summerghost"
    for source in SOURCES:
        header, samples = read_header(track.files[source]), read_samples(track.files[source])
        assert (header.num_samples, header.sample_rate, header.channels) == (3000, 44100, 2)
        np.testing.assert_allclose(samples.T, signals[source], rtol=0, atol=2**-15)


def test_fourteen_tracks_of_musdb18_are_kept_for_validation():
    assert len(VALIDATION_TRACKS) == 14


def test_a_broken_stem_file_is_named(tmp_path):
    path = tmp_path / "x.stem.mp4"
    path.write_bytes(b"no such container")
    track = Track(name="x", group="", files={"vocals": TrackFile(path=path, stream=4)})
    with pytest.raises(AudioError, match=r"x\.stem\.mp4 \(stream 4\)"):
        decode_tracks([track], cache_directory=tmp_path / "cache", sample_rate=44100)


HOUSE = Path(__file__).parents[2] / "shared" / "house"


@pytest.mark.skipif(not HOUSE.is_dir(), reason="the house data set is not beside the repository")
def test_the_house_data_are_what_the_recipe_takes_them_for():
    train, valid = (find_tracks(HOUSE / part, sources=SOURCES) for part in ("train", "valid"))
    assert (len(train), len(valid)) == (144, 4)
    require_disjoint(train, valid)
    groups = {track.group for track in train}
    assert groups == set(load_recipe("house_small").data.group_weights)
    assert groups == set(load_recipe("house_full").data.group_weights)
