import argparse
import json
import re
import struct
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from av.stream import Disposition
from fake_networks import Gains
from mutagen.mp4 import MP4

import zoo
from zoo.audio import AUDIO_FORMATS, Tags, open_audio, read_audio, read_tags
from zoo.audio.tags import write_tags
from zoo.cli.separate_command import add_arguments
from zoo.separation.result import SeparationResult

RATE = 44100
SOURCES = ("vocals", "drums", "bass", "other")
# The atom of "The Easton Ellises - Falcon 69.stem.mp4", which Native Instruments published and
# stempeg ships, but for the two effects, which are on in it.
PUBLISHED = json.loads(
    '{"mastering_dsp": {"compressor": {"ratio": 3, "output_gain": 0.5, "enabled": false, '
    '"threshold": 0, "attack": 0.003000000026077032, "input_gain": 0.5, '
    '"release": 0.300000011920929, "hp_cutoff": 300, "dry_wet": 50}, "limiter": '
    '{"release": 0.05000000074505806, "threshold": 0, "ceiling": -0.3499999940395355, '
    '"enabled": false}}, "version": 1, "stems": [{"color": "#009E73", "name": "Drums"}, '
    '{"color": "#D55E00", "name": "Bass"}, {"color": "#CC79A7", "name": "Other"}, '
    '{"color": "#56B4E9", "name": "Vocals"}]}'
)


def make(*, sources=SOURCES, channels=2, peak=0.5, rate=RATE, num_samples=70_001, tags=None):
    """Return a result of independent noises in a band that every encoder keeps."""
    random = np.random.default_rng(3)
    noise = random.normal(size=(len(sources) + 1, channels, num_samples))
    spectrum = np.fft.rfft(noise)
    frequencies = np.fft.rfftfreq(num_samples, 1 / rate)
    spectrum[..., (frequencies < 200) | (frequencies > 4000)] = 0
    signals = np.fft.irfft(spectrum, num_samples)
    signals *= peak / np.abs(signals).max(axis=(1, 2), keepdims=True) / len(sources)
    *stems, residual = signals.astype(np.float32)
    return SeparationResult(
        stems=dict(zip(sources, stems, strict=True)),
        residual=0.01 * residual,
        sample_rate=rate,
        name="A song.mp3",
        model="net",
        weights="given",
        tags=tags or Tags(),
    )


def decode(path, *, by="handler_name"):
    """Return the tracks of a file by their names, each as long as its edit list says."""
    tracks = {}
    with av.open(path) as container:
        streams = list(container.streams.audio)
    for index, stream in enumerate(streams):
        with av.open(path) as container:
            frames = [frame.to_ndarray() for frame in container.decode(audio=index)]
            stream = container.streams.audio[index]
            if not stream.codec_context.format.is_planar:
                frames = [frame.reshape(-1, stream.channels).T for frame in frames]
            signal = np.concatenate(frames, axis=1)
            if signal.dtype == np.int32:
                signal = signal / 2.0**31
            tracks[stream.metadata[by]] = signal[:, : stream.duration]
    return tracks


def boxes(content):
    offset = 0
    while offset < len(content):
        size, kind = struct.unpack(">I4s", content[offset : offset + 8])
        yield kind, content[offset + 8 : offset + size]
        offset += size


def inside(content, *path):
    for kind in path:
        content = dict(boxes(content))[kind]
    return content


def snr_db(expected, found):
    return 10 * np.log10((expected**2).sum() / ((expected - found) ** 2).sum())


def best_lag(expected, found, reach=3000):
    size = 2 ** int(np.ceil(np.log2(expected.shape[1] + reach)))
    spectrum = np.fft.rfft(found[0], size) * np.fft.rfft(expected[0], size).conj()
    correlation = np.fft.irfft(spectrum, size)
    lags = np.r_[0 : reach + 1, -reach:0]
    return int(lags[np.argmax(correlation[lags])])


@pytest.mark.parametrize(("name", "least_snr"), [("stem", 20), ("stem_alac", 80)])
def test_a_stem_file_holds_the_song_and_its_stems_in_step(tmp_path, name, least_snr):
    result = make()
    saved = result.save(tmp_path, format=name)
    path = tmp_path / "A song.stem.mp4"
    assert saved.paths == dict.fromkeys(["mixture", *SOURCES], path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    tracks = decode(path)
    assert list(tracks) == ["mixture", "drums", "bass", "other", "vocals"]
    for track, expected in {"mixture": result.mixture, **result.stems}.items():
        assert tracks[track].shape == expected.shape
        assert best_lag(expected, tracks[track]) == 0
        assert snr_db(expected, tracks[track]) > least_snr


def test_the_layout_is_the_published_one_byte_by_byte(tmp_path):
    make(tags=Tags(title="Falcon", cover=b"\x89PNG\r\n\x1a\n" + bytes(99))).save(
        tmp_path, format="stem"
    )
    path = tmp_path / "A song.stem.mp4"
    content = path.read_bytes()
    kinds = [kind for kind, _ in boxes(content)]
    assert kinds == [b"ftyp", b"free", b"mdat", b"moov"]
    assert inside(content, b"ftyp")[:4] == b"M4A "
    movie = list(boxes(inside(content, b"moov")))
    assert [kind for kind, _ in movie] == [b"mvhd", *[b"trak"] * 5, b"udta"]
    headers = [inside(box, b"tkhd") for kind, box in movie if kind == b"trak"]
    assert [int.from_bytes(header[1:4], "big") for header in headers] == [1, 0, 0, 0, 0]
    assert [struct.unpack(">H", header[34:36]) for header in headers] == [(0,)] * 5
    assert [struct.unpack(">H", header[36:38]) for header in headers] == [(0x100,)] * 5
    user_data = [kind for kind, _ in boxes(movie[-1][1])]
    assert user_data == [b"meta", b"stem"]
    assert json.loads(inside(content, b"moov", b"udta", b"stem")) == PUBLISHED
    tags = MP4(path).tags
    assert (tags["TAUT"], tags["\xa9nam"]) == (["STEM"], ["Falcon"])


def test_edit_lists_take_away_what_the_encoder_adds(tmp_path):
    make().save(tmp_path, format="stem")
    movie = boxes(inside((tmp_path / "A song.stem.mp4").read_bytes(), b"moov"))
    edits = [inside(box, b"edts", b"elst") for kind, box in movie if kind == b"trak"]
    assert [struct.unpack(">IIIi", edit[:16]) for edit in edits] == [(0, 1, 70_001, 1024)] * 5


def test_other_four_stems_keep_their_order_and_get_names(tmp_path):
    names = ("guitar", "piano", "string_section", "voice")
    make(sources=names).save(tmp_path, format="stem_alac")
    path = tmp_path / "A song.stem.mp4"
    assert list(decode(path)) == ["mixture", *names]
    stems = json.loads(inside(path.read_bytes(), b"moov", b"udta", b"stem"))["stems"]
    assert [stem["name"] for stem in stems] == ["Guitar", "Piano", "String Section", "Voice"]


def test_mono_songs_sound_from_both_sides_of_a_stem_file(tmp_path):
    result = make(channels=1)
    result.save(tmp_path, format="stem_alac")
    for name, track in decode(tmp_path / "A song.stem.mp4").items():
        expected = {"mixture": result.mixture, **result.stems}[name]
        np.testing.assert_allclose(track, np.repeat(expected, 2, axis=0), atol=2**-22)


def test_one_gain_holds_for_the_song_and_its_stems(tmp_path):
    result = make(peak=12.0)
    saved = result.save(tmp_path, format="mka")
    peaks = [np.abs(signal).max() for signal in (result.mixture, *result.stems.values())]
    assert saved.peak == pytest.approx(max(peaks), rel=1e-6)
    assert saved.gain == pytest.approx(1 / max(peaks), rel=1e-6)
    for name, track in decode(tmp_path / "A song.mka", by="title").items():
        expected = saved.gain * {"mixture": result.mixture, **result.stems}[name]
        np.testing.assert_allclose(track, expected, atol=2**-22)


@pytest.mark.parametrize("sources", [("vocals", "no_vocals"), SOURCES])
def test_matroska_holds_any_stems_without_loss(tmp_path, sources):
    result = make(sources=sources)
    result.save(tmp_path, format="mka", residual=True)
    tracks = decode(tmp_path / "A song.mka", by="title")
    assert list(tracks) == ["mixture", *sources, "residual"]
    for name, track in tracks.items():
        expected = {"mixture": result.mixture, "residual": result.residual, **result.stems}[name]
        np.testing.assert_allclose(track, expected, rtol=0, atol=2**-23)
    with av.open(tmp_path / "A song.mka") as container:
        defaults = [s.disposition & Disposition.default for s in container.streams.audio]
    assert [bool(flag) for flag in defaults] == [True] + [False] * (len(sources) + 1)


def test_stem_files_of_other_numbers_of_stems_are_refused_before_any_work(tmp_path):
    with pytest.raises(zoo.AudioError, match=r"stem holds exactly 4 stems, got 2 \(a, b\); mka"):
        make(sources=("a", "b")).save(tmp_path / "new", format="stem")
    network = Gains()
    song = (np.zeros((2, RATE), np.float32), RATE)
    with pytest.raises(zoo.AudioError, match="exactly 4 stems"):
        zoo.separate(song, tmp_path, model=network, format="stem", two_stems="vocals")
    assert network.shapes == []
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize(
    ("name", "rate", "expected_rate"),
    [
        ("opus", 44_100, 48_000),
        ("mp3", 96_000, 48_000),
        ("m4a", 192_000, 96_000),
        ("stem_alac", 96_000, 48_000),
        ("stem_alac", 22_050, 44_100),
        ("ogg", 384_000, 192_000),
        ("alac", 192_000, 192_000),
        ("mka", 192_000, 192_000),
    ],
)
def test_stems_are_resampled_to_the_nearest_rate(tmp_path, name, rate, expected_rate):
    time = np.arange(rate // 2) / rate
    tone = 0.2 * np.stack([np.sin(2 * np.pi * 1000 * time)] * 2).astype(np.float32)
    result = make(rate=rate)
    stems = dict.fromkeys(SOURCES, tone)
    result = SeparationResult(
        stems=stems, residual=0 * tone, sample_rate=rate, name="a", model="net", weights="given"
    )
    saved = result.save(tmp_path, format=name)
    assert saved.sample_rate == expected_rate
    with av.open(saved.paths["bass"]) as container:
        assert container.streams.audio[0].rate == expected_rate
        frames = [frame.to_ndarray() for frame in container.decode(audio=0)]
        planar = container.streams.audio[0].codec_context.format.is_planar
    signal = np.concatenate([f if planar else f.reshape(-1, 2).T for f in frames], axis=1)[0]
    assert len(signal) / expected_rate == pytest.approx(0.5, abs=0.05)
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal))))
    loudest = np.argmax(spectrum) * expected_rate / len(signal)
    assert loudest == pytest.approx(1000, abs=3)


def test_resampling_is_said_before_the_work_and_the_work_succeeds(tmp_path, caplog):
    network = Gains()
    messages_at_work = []
    forward = network.forward

    def watched(mixture, *, sources):
        messages_at_work.append(caplog.text)
        return forward(mixture, sources=sources)

    network.forward = watched
    song = (0.1 * np.ones((2, 96_000), np.float32), 96_000)
    zoo.separate(song, tmp_path, model=network, format="mp3")
    said = "mp3 holds no 96000 Hz; the stems are resampled to 48000 Hz"
    assert messages_at_work
    assert all(said in text for text in messages_at_work)
    assert soundfile.info(tmp_path / "vocals.mp3").samplerate == 48_000


@pytest.mark.parametrize("name", ["stem", "stem_alac", "mka"])
def test_our_reader_finds_every_track_whole(tmp_path, name):
    result = make()
    path = result.save(tmp_path, format=name).paths["mixture"]
    order = SOURCES if name == "mka" else ("drums", "bass", "other", "vocals")
    for stream, track in enumerate(["mixture", *order]):
        with open_audio(path, stream=stream) as reader:
            found = np.concatenate(list(reader.blocks()), axis=1)
        expected = {"mixture": result.mixture, **result.stems}[track]
        assert found.shape == expected.shape
        assert best_lag(expected, found) == 0
        assert snr_db(expected, found) > 20


@pytest.mark.parametrize("name", AUDIO_FORMATS)
def test_our_reader_returns_as_many_samples_as_were_written(tmp_path, name):
    result = make(rate=48_000)
    found, rate = read_audio(next(iter(result.save(tmp_path, format=name).paths.values())))
    assert (found.shape, rate) == (result.residual.shape, 48_000)


@pytest.mark.parametrize("name", ["opus", "m4a", "alac", "flac"])
def test_files_of_one_stem_come_back_in_step_and_whole(tmp_path, name):
    result = make(rate=48_000)
    saved = result.save(tmp_path, format=name)
    for stem, path in saved.paths.items():
        with av.open(path) as container:
            stream = container.streams.audio[0]
            planar = stream.codec_context.format.is_planar
            frames = [frame.to_ndarray() for frame in container.decode(stream)]
        found = np.concatenate([f if planar else f.reshape(-1, 2).T for f in frames], axis=1)
        found = found / 2.0**31 if found.dtype == np.int32 else found
        expected = result.stems[stem]
        # FFmpeg drops what the edit list of an AAC file cuts off at its start, but not at its end.
        assert 0 <= found.shape[1] - expected.shape[1] < (1024 if name == "m4a" else 1)
        assert best_lag(expected, found) == 0
        assert snr_db(expected, found[:, : expected.shape[1]]) > 10


def test_the_tags_of_a_song_reach_its_stems(tmp_path):
    song = tmp_path / "Café.flac"
    soundfile.write(song, 0.1 * np.ones((RATE, 2)), RATE)
    tags = Tags(artist="Band", cover=b"\xff\xd8\xff" + bytes(100))
    write_tags(song, tags)
    zoo.separate(song, tmp_path / "a", model=Gains(), format="m4a")
    assert read_tags(tmp_path / "a" / "bass.m4a") == Tags(
        title="Café (bass)", artist="Band", cover=tags.cover
    )
    with song.open("rb") as file:
        result = zoo.Separator(Gains())(file)
    result.save(tmp_path / "b", format="stem_alac")
    assert read_tags(tmp_path / "b" / "Café.stem.mp4") == Tags(
        title="Café", artist="Band", cover=tags.cover
    )
    zoo.separate((np.zeros((2, RATE), np.float32), RATE), tmp_path / "c", model=Gains())
    assert read_tags(tmp_path / "c" / "bass.wav") == Tags()


def test_a_failure_leaves_no_part_of_a_stem_file(tmp_path):
    (tmp_path / "A song.stem.mp4").mkdir()
    with pytest.raises(zoo.AudioError, match=r"cannot write .*A song\.stem\.mp4"):
        make().save(tmp_path, format="stem_alac")
    assert [path.name for path in tmp_path.iterdir()] == ["A song.stem.mp4"]


def test_unknown_formats_are_told_all_names(tmp_path):
    with pytest.raises(zoo.UnknownNameError) as caught:
        make().save(tmp_path, format="stems")
    assert all(name in str(caught.value) for name in AUDIO_FORMATS)


def test_the_docs_and_the_command_line_list_every_format():
    docs = Path(__file__).parents[1] / "docs" / "separation.md"
    rows = [line for line in docs.read_text().splitlines() if line.startswith("| `")]
    listed = {row.split("|")[1].strip(" `"): row for row in rows}
    assert list(listed) == list(AUDIO_FORMATS)
    for name, row in listed.items():
        audio_format = AUDIO_FORMATS[name]
        cells = [cell.strip() for cell in row.split("|")[2:-1]]
        assert cells[0] == f"`{audio_format.extension}`"
        assert cells[1] == audio_format.description
        assert cells[2] == _rates(audio_format)
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert set(AUDIO_FORMATS) <= set(re.findall(r"\w+", parser.format_help()))


def _rates(audio_format):
    if len(audio_format.sample_rates) in (1, 2):
        return " or ".join(f"{rate / 1000:g} kHz" for rate in audio_format.sample_rates)
    return f"up to {max(audio_format.sample_rates or (audio_format.max_sample_rate,)) / 1000:g} kHz"
