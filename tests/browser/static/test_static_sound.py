"""The static page gives the same samples as the Python engine."""

import numpy as np
import pytest
import soundfile
import soxr
from signals import chirp, noise, write

from zoo.audio import read_audio
from zoo.browser import build_site, serve_site
from zoo.browser.songs import SITE_SONGS
from zoo.separation.separator import Separator

HOUSE = "lightsaft_tfctdf_small"
TINY = "lightsaft_tfctdf_tiny"
MOST_RMS = 1e-3  # of the stem's own level
MOST_BYTES, MOST_BYTES_WITHOUT_RUNTIME = 30e6, 6e6


def reference(model, samples, rate):
    # Not OpenVINO, which fills the last chunk up with silence, so that its last seconds differ.
    separator = Separator(model, precision="float32", backend="torch", device="cpu", pitches=1)
    return separator((samples, rate)).stems


def rms(signal):
    return np.sqrt(np.mean(np.square(signal)))


def assert_equal(got, wanted):
    assert got.keys() == wanted.keys()
    for name, stem in wanted.items():
        assert got[name].shape == stem.shape
        assert rms(got[name] - stem) <= MOST_RMS * rms(stem), name


def excerpt(seconds):
    samples, rate = read_audio(SITE_SONGS[0].path)
    return samples[:, : int(seconds * rate)], rate


def test_the_whole_demo_song_by_the_house_network(packages, visit, tmp_path):
    report = build_site(tmp_path / "site")
    assert report.num_bytes < MOST_BYTES
    assert report.num_bytes - report.runtime_bytes < MOST_BYTES_WITHOUT_RUNTIME
    with serve_site(tmp_path / "site") as address:
        visitor = visit(address).arrive()
        visitor.page.click("#examples button")
        stems, rates = visitor.wait_for_stems(timeout=600_000).stems()
    samples, rate = read_audio(SITE_SONGS[0].path)
    assert rates == {rate}
    assert_equal(stems, reference(HOUSE, samples, rate))
    assert np.abs(sum(stems.values()) - samples).max() < 1e-5
    assert visitor.troubles == []


def songs(folder):
    """Songs of every kind that has a path of its own through the pipeline."""
    music, rate = excerpt(4.0)
    faster = soxr.resample(music.T, rate, 48_000).T.astype(np.float32)
    gap = music.copy()
    gap[:, rate : 2 * rate] = 0
    kinds = {
        "48 kHz": (faster, 48_000),
        "mono": (music[:1], rate),
        "22 kHz mono": (chirp(seconds=2.0, channels=1, rate=22_050), 22_050),
        "96 kHz": (chirp(seconds=1.0, rate=96_000), 96_000),
        "a silent second": (gap, rate),
        "one sample": (noise(1), rate),
    }
    return {
        name: (write(folder / f"{name}.wav", samples, song_rate), samples, song_rate)
        for name, (samples, song_rate) in kinds.items()
    }


def test_songs_of_other_rates_channels_and_lengths(address, visit, tmp_path):
    visitor = visit(address).arrive()
    for name, (path, samples, rate) in songs(tmp_path).items():
        stems, rates = visitor.bring(path).wait_for_stems().stems()
        visitor.page.wait_for_selector(f"#mixer .song:text-is('{name}')")
        assert rates == {rate}
        assert_equal(stems, reference(TINY, samples, rate))
    assert visitor.troubles == []


def test_silence_gives_silence(address, visit, tmp_path):
    silence = np.zeros((2, 50_000), np.float32)
    stems, _ = visit(address).arrive().bring(
        write(tmp_path / "silence.wav", silence)
    ).wait_for_stems().stems()  # fmt: skip
    assert len(stems) == 4
    assert all(stem.shape == silence.shape and not stem.any() for stem in stems.values())


@pytest.mark.parametrize(("suffix", "subtype"), [("flac", "PCM_24"), ("wav", "PCM_16")])
def test_other_files_of_the_same_song(address, visit, tmp_path, suffix, subtype):
    music, rate = excerpt(1.5)
    path = tmp_path / f"song.{suffix}"
    soundfile.write(path, music.T, rate, subtype=subtype)
    stems, rates = visit(address).arrive().bring(path).wait_for_stems().stems()
    decoded, _ = read_audio(path)
    assert rates == {rate}
    assert_equal(stems, reference(TINY, decoded, rate))
