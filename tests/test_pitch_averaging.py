from fractions import Fraction

import numpy as np
import pytest
import torch
from signals import noise, tone

import zoo
from tests.fake_networks import Gains, Smoothing
from zoo.separation.pitch_averaging import average_over_pitches, playing_speeds
from zoo.weights.entries import NUM_PITCHES, parse_entry
from zoo.weights.manifests import get_manifest
from zoo.weights.resolving import resolve_model

RATE = 44100


def tones(num_samples):
    """Return low tones with soft ends, which every resampler keeps as they are."""
    low = tone(110, 440, 1760, 5000, num_samples=num_samples, gains=(0.2, 0.2))
    return low * np.hanning(num_samples).astype(np.float32)


def make(network, **options):
    return zoo.Separator(network, device="cpu", **options)


def keep_below(audio, hertz):
    """Take away what is above a frequency: (K, C, L) -> (K, 1, C, L)."""
    spectrum = torch.fft.rfft(audio)
    spectrum[..., int(hertz / RATE * audio.shape[-1]) :] = 0
    return torch.fft.irfft(spectrum, n=audio.shape[-1]).unsqueeze(1)


def test_speeds_are_simple_ratios_about_a_semitone_apart():
    speeds = playing_speeds(7)
    assert speeds[:3] == (1, Fraction(17, 18), Fraction(18, 17))
    semitones = 12 * np.log2([float(speed) for speed in sorted(speeds)])
    np.testing.assert_allclose(semitones, [-3, -2, -1, 0, 1, 2, 3], atol=0.05)
    assert playing_speeds(1) == (1,)


@pytest.mark.parametrize("number", [0, 2, -1, 9, 1.5])
def test_other_numbers_of_pitches_are_refused(number):
    with pytest.raises(ValueError, match="expected 1, 3, 5 or 7"):
        make(Gains(), pitches=number)


def test_the_record_of_the_weights_says_at_how_many_pitches():
    network = zoo.build("lightsaft_tfctdf_tiny").eval()
    assert make(network).pitches == 1
    for number in NUM_PITCHES:
        record = {"licence": "MIT", "training_data": "songs", "pitches": number}
        entry = parse_entry(record, spec="lightsaft_tfctdf_tiny", tag="mine", origin="here")
        assert parse_entry(entry.to_dict(), spec=entry.spec, tag="mine", origin="there") == entry
        network.weights_entry = entry
        assert make(network).pitches == number
        assert make(network, pitches=1).pitches == 1


def test_weights_that_are_named_bring_their_record():
    entry = get_manifest("lightsaft_tfctdf_small")["house"]
    loaded = resolve_model("lightsaft_tfctdf_small", weights="house")
    assert loaded.network.weights_entry == entry
    assert loaded.pitches == entry.pitches


def test_a_network_that_does_the_same_at_every_pitch_does_the_same():
    mixture = tones(400_001)
    once = make(Gains(), chunk_seconds=3)((mixture, RATE))
    often = make(Gains(), chunk_seconds=3, pitches=5)((mixture, RATE))
    for name, stem in once.stems.items():
        assert np.abs(often.stems[name] - stem).max() < 1e-4
    np.testing.assert_allclose(sum(often.stems.values()), mixture, rtol=0, atol=1e-6)


def test_each_pitch_has_its_share_of_the_mean():
    wave = tone(1000, num_samples=200_000, gains=(1, 1)) * np.hanning(200_000)
    chunks = torch.from_numpy(wave).float()[None]

    def gain(hertz, num_pitches):
        estimates = average_over_pitches(
            lambda audio: keep_below(audio, hertz), chunks, num_pitches=num_pitches
        )
        assert estimates.shape == (1, 1, 2, 200_000)
        return float((estimates[0, 0] * chunks[0]).sum() / chunks.square().sum())

    # 1000 Hz is heard at 944, 1000 and 1059 Hz, and with five pitches at 889 and 1125 Hz too.
    assert gain(970, 1) == pytest.approx(0, abs=1e-3)
    assert gain(970, 3) == pytest.approx(1 / 3, abs=1e-3)
    assert gain(1030, 3) == pytest.approx(2 / 3, abs=1e-3)
    assert gain(1030, 5) == pytest.approx(3 / 5, abs=1e-3)
    assert gain(1200, 5) == pytest.approx(1, abs=1e-3)


def test_a_stream_gives_the_samples_of_the_whole_call():
    mixture = noise(300_000)
    separator = make(Smoothing(), pitches=3)
    whole = separator((mixture, RATE), sources=["vocals", "bass"])
    blocks = list(separator.stream((mixture, RATE), sources=["vocals", "bass"]))
    for name in ("vocals", "bass"):
        joined = np.concatenate([block.stems[name] for block in blocks], axis=-1)
        np.testing.assert_array_equal(joined, whole.stems[name])


@pytest.mark.parametrize("num_samples", [1, 700, 44_100])
def test_short_songs_and_silence(num_samples):
    silence = np.zeros((2, num_samples), dtype=np.float32)
    separator = make(Gains(), pitches=3)
    assert not any(stem.any() for stem in separator((silence, RATE)).stems.values())
    assert separator((silence + 0.1, RATE)).stems["bass"].shape == (2, num_samples)


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_a_real_network_takes_the_lengths_that_come_of_it(backend):
    if backend == "openvino":
        pytest.importorskip("openvino")
    torch.manual_seed(0)
    network = zoo.build("lightsaft_tfctdf_tiny").eval()
    mixture = noise(150_000, seed=1)
    options = {"precision": "float32", "backend": backend}
    once = make(network, **options)((mixture, RATE)).stems["vocals"]
    often = make(network, **options, pitches=3)((mixture, RATE)).stems["vocals"]
    assert often.shape == once.shape
    assert 0.3 < np.sum(often * once) / np.sum(once * once) < 1.5
    assert np.abs(often - once).max() > 1e-3 * np.abs(once).max()
