"""A level that mixtures are brought to before the network sees them."""

import dataclasses

import numpy as np
import pytest
import torch
from fake_networks import randomise
from signals import gaussian

import zoo
from zoo.errors import SpecError, WeightsError
from zoo.networks.builder import load_into
from zoo.networks.inputs import QUIETEST_INPUT_DBFS
from zoo.separation.backends import openvino as openvino_backend
from zoo.separation.separator import Separator
from zoo.specs.loading import load_spec
from zoo.training.initial_weights import read_initial_weights
from zoo.weights.checkpoints import write_safetensors

LOW_BAND = {"n_fft": 1024, "hop_length": 256, "num_bins": 256, "num_subbands": 2, "width": 6}
SMALL = {"stft.n_fft": 256, "stft.hop_length": 128, "unet.width": 4, "low_band": LOW_BAND}
LEVEL = -14.0


def build(**overrides):
    torch.manual_seed(0)
    return randomise(zoo.build("lightsaft_tfctdf_tiny", overrides=SMALL | overrides))


def dbfs(signal):
    return 20 * torch.log10(signal.square().mean(dim=(-2, -1), keepdim=True).sqrt())


@pytest.fixture(scope="module")
def network():
    return build(input_level_dbfs=LEVEL)


@pytest.fixture(scope="module")
def plain(network):
    unlevelled = dataclasses.replace(network.spec, input_level_dbfs=None)
    return load_into(zoo.build(unlevelled), network.state_dict()).eval()


@torch.no_grad()
def test_a_louder_mixture_gives_the_same_louder(network, plain):
    mixture = gaussian(1, 2, 9000, level=0.05)
    for gain in (0.1, 7.0):
        torch.testing.assert_close(network(gain * mixture), gain * network(mixture))
    # The bias of a convolution is what makes this more than a matter of course.
    assert not torch.allclose(plain(7.0 * mixture), 7.0 * plain(mixture), rtol=0.01)


@torch.no_grad()
def test_each_mixture_of_a_batch_is_seen_at_the_level_and_given_back_at_its_own(network, plain):
    mixtures = gaussian(3, 2, 9000, level=0.05) * torch.tensor([0.03, 1.0, 4.0])[:, None, None]
    gains = 10 ** ((LEVEL - dbfs(mixtures)) / 20)
    expected = plain(mixtures * gains) / gains[:, None]
    torch.testing.assert_close(network(mixtures), expected)
    alone = torch.cat([network(mixture[None]) for mixture in mixtures])
    torch.testing.assert_close(network(mixtures), alone)
    shared = network.decode(network.encode(mixtures), sources=["bass", "drums"])
    torch.testing.assert_close(shared, network(mixtures, sources=["bass", "drums"]))


@torch.no_grad()
def test_near_silence_is_not_brought_up_to_the_level(network, plain):
    floor, mixture = 10 ** (QUIETEST_INPUT_DBFS / 20), gaussian(1, 2, 9000, level=0.05)
    mixture *= 0.01 * floor / mixture.square().mean().sqrt()
    gain = 10 ** (LEVEL / 20) / floor
    torch.testing.assert_close(network(mixture), plain(mixture * gain) / gain)
    assert torch.isfinite(network(torch.zeros(1, 2, 9000))).all()


@pytest.mark.parametrize("gain", [0.05, 1e-3, 1e-5])
@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_a_separator_keeps_levels_however_quiet_the_song(network, backend, gain):
    if backend == "openvino" and not openvino_backend.is_installed():
        pytest.skip("the optional backend is not installed")
    separator = Separator(network, device="cpu", backend=backend, precision="float32")
    song = gaussian(1, 2, 60_000, level=0.05)[0].numpy()
    loud, quiet = (
        separator(((factor * song).astype(np.float32), network.sample_rate))
        for factor in (1.0, gain)
    )
    for name in network.sources:
        scale = np.sqrt(np.mean(loud.stems[name] ** 2))
        difference = quiet.stems[name] / gain - loud.stems[name]
        assert np.sqrt(np.mean(difference**2)) < 1e-4 * scale


def test_weights_made_without_a_level_can_start_a_network_with_one(network, plain, tmp_path):
    unlevelled, levelled = tmp_path / "unlevelled.safetensors", tmp_path / "levelled.safetensors"
    write_safetensors(unlevelled, plain.state_dict(), spec=plain.spec)
    write_safetensors(levelled, network.state_dict(), spec=network.spec)
    state = read_initial_weights(network.spec, str(unlevelled)).state
    assert state.keys() == network.state_dict().keys()
    with pytest.raises(WeightsError, match=r"input_level_dbfs: -14\.0, not None"):
        read_initial_weights(plain.spec, str(levelled))
    with pytest.raises(WeightsError, match="input_level_dbfs"):
        zoo.build(plain.spec, weights=str(levelled))


def test_the_level_survives_plain_data_and_is_that_of_the_low_band_too(network, plain):
    assert load_spec(network.spec.to_dict()) == network.spec
    assert "input_level_dbfs" not in plain.spec.to_dict()
    assert network.spec.low_band_spec.input_level_dbfs == LEVEL


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("loud", "input_level_dbfs: must be a number, got str 'loud'"),
        (3, "input_level_dbfs: must be between -60 and 0, got 3"),
        (float("nan"), "input_level_dbfs: must be a finite number, got nan"),
        (True, "input_level_dbfs: must be a number, got bool"),
    ],
)
def test_what_is_no_level_is_refused(value, message):
    with pytest.raises(SpecError, match=message):
        load_spec("lightsaft_tfctdf_tiny", overrides={"input_level_dbfs": value})
