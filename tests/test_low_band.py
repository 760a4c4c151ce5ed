"""The low band: a second network for the lowest bins of a finer transform, alone and joined."""

import dataclasses

import numpy as np
import pytest
import torch
from fake_networks import randomise
from signals import gaussian

import zoo
from zoo.errors import SpecError, WeightsError
from zoo.networks.builder import load_into
from zoo.separation.backends import openvino as openvino_backend
from zoo.separation.chunking import choose_chunking
from zoo.separation.separator import Separator
from zoo.specs.loading import load_spec
from zoo.training.initial_weights import join_low_band, read_initial_weights
from zoo.weights.checkpoints import write_safetensors
from zoo.weights.entries import WeightsEntry

LOW_BAND = {"n_fft": 1024, "hop_length": 256, "num_bins": 256, "num_subbands": 2, "width": 6}
SMALL = {"stft.n_fft": 256, "stft.hop_length": 128, "unet.width": 4, "low_band": LOW_BAND}
# A last chunk that is filled up to the length of the others ends otherwise.
ENDING = 8192


def build(**overrides):
    torch.manual_seed(0)
    return randomise(zoo.build("lightsaft_tfctdf_tiny", overrides=SMALL | overrides))


@pytest.fixture(scope="module")
def network():
    return build()


@torch.no_grad()
def test_what_both_estimate_is_added(network):
    mixture = gaussian(2, 2, 9000)
    rest = dataclasses.replace(network.spec, low_band=None)
    outer = zoo.build(rest).eval()
    state = network.state_dict()
    outer.load_state_dict({k: v for k, v in state.items() if not k.startswith("low_band.")})
    inner = zoo.build(network.spec.low_band_spec).eval()
    inner.load_state_dict(network.low_band.state_dict())
    torch.testing.assert_close(network(mixture), outer(mixture) + inner(mixture))
    alone = network(mixture, sources=["bass"])
    torch.testing.assert_close(alone, network(mixture)[:, 2:3], rtol=0, atol=1e-6)
    shared = network.decode(network.encode(mixture), sources=["bass"])
    torch.testing.assert_close(shared, alone, rtol=0, atol=1e-6)


@torch.no_grad()
def test_a_network_of_the_lowest_bins_estimates_nothing_above_them(network):
    mixture = gaussian(1, 2, 20_000)
    spectrum = torch.fft.rfft(network.low_band(mixture)).abs()
    edge = spectrum.shape[-1] // 2  # 256 of 512 bins
    assert float(spectrum[..., edge + 300 :].max()) < 1e-2 * float(spectrum[..., :edge].max())
    limited = network.low_band.limit_band(mixture)
    kept, cut = torch.fft.rfft(limited), torch.fft.rfft(mixture)
    inside = slice(200, edge - 200)
    torch.testing.assert_close(kept[..., inside], cut[..., inside], rtol=0, atol=0.5)
    assert float(kept[..., edge + 300 :].abs().max()) < 1e-2 * float(cut.abs().max())
    torch.testing.assert_close(network.limit_band(mixture), mixture, rtol=0, atol=0)


@torch.no_grad()
def test_joined_networks_estimate_their_mean_where_both_do():
    spec = load_spec("lightsaft_tfctdf_tiny", overrides=SMALL)
    outer = randomise(zoo.build(dataclasses.replace(spec, low_band=None)))
    assert spec.low_band_spec is not None
    inner = randomise(zoo.build(spec.low_band_spec))
    state = join_low_band(outer.state_dict(), inner.state_dict(), spec)
    joined = load_into(zoo.build(spec), state).eval()
    mixture = gaussian(1, 2, 20_000)
    spectra = [torch.fft.rfft(made(mixture)) for made in (joined, outer, inner)]
    low, high = slice(0, 4600), slice(5400, None)  # the low band ends at bin 5,000
    scale = float(spectra[0].abs().max())
    mean = (spectra[1] + spectra[2]) / 2
    assert float((spectra[0] - mean)[..., low].abs().max()) < 0.02 * scale
    assert float((spectra[0] - spectra[1])[..., high].abs().max()) < 0.02 * scale
    off_the_edge = dataclasses.replace(
        spec, low_band=dataclasses.replace(spec.low_band, num_bins=192)
    )
    with pytest.raises(WeightsError, match="does not end at the edge of a sub-band"):
        join_low_band(outer.state_dict(), inner.state_dict(), off_the_edge)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"low_band.hop_length": 200}, "low_band.hop_length: must be a multiple of stft.hop"),
        ({"low_band.hop_length": 512}, "at most a quarter of low_band.n_fft = 1024"),
        ({"low_band.num_bins": 600}, r"low_band: num_bins: must be between 1 and 512"),
        ({"low_band.num_bins": 130}, "low_band: unet.depth: num_bins = 130 bins in 2"),
        ({"low_band.width": 0}, "low_band: width: must be between"),
        ({"low_band.depth": 2}, "low_band.depth: unknown key 'depth'"),
        ({"low_band": {"n_fft": 1024}}, "low_band.hop_length: missing"),
        ({"low_band": 3}, "low_band: must be a mapping, got int '3'"),
        ({"chunk_frames": 12}, "low_band: chunk_frames: must be a multiple of"),
    ],
)
def test_bad_low_bands_are_refused_by_name(change, message):
    with pytest.raises(SpecError, match=message):
        load_spec("lightsaft_tfctdf_tiny", overrides=SMALL | change)


def test_costs_and_stages_count_the_low_band(network):
    info = zoo.model_info(network.spec)
    inner = zoo.model_info(network.spec.low_band_spec)
    outer = zoo.model_info(dataclasses.replace(network.spec, low_band=None))
    assert info.parameters == inner.parameters + outer.parameters
    assert info.macs_per_second == inner.macs_per_second + outer.macs_per_second
    names = [stage.name for stage in info.stages]
    assert names == [s.name for s in outer.stages] + [f"low_band.{s.name}" for s in inner.stages]
    with torch.no_grad():
        maps = network.attention(gaussian(1, 2, 9000))
    assert list(maps) == ["decoder.0", "decoder.1", "low_band.decoder.0", "low_band.decoder.1"]


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_chunks_are_not_heard_in_the_low_band(network, backend):
    if backend == "openvino" and not openvino_backend.is_installed():
        pytest.skip("the optional backend is not installed")
    song = (gaussian(1, 2, 150_000)[0].numpy(), network.sample_rate)
    kwargs = {"device": "cpu", "backend": backend, "precision": "float32"}
    whole = Separator(network, **kwargs, chunk_seconds=3.4)(song)
    cut = Separator(network, **kwargs, chunk_seconds=1.2)(song)
    for name in network.sources:
        error = (cut.stems[name] - whole.stems[name])[:, :-ENDING]
        assert np.sqrt(np.mean(error**2) / np.mean(whole.stems[name] ** 2)) < 1e-3


def test_both_backends_compute_the_low_band_alike(network):
    pytest.importorskip("openvino", reason="the optional backend is not installed")
    song = (gaussian(1, 2, 60_000)[0].numpy(), network.sample_rate)
    # One backend fills the last chunk up, so its end reaches back through all of it, faintly.
    last_chunk = choose_chunking(network.spec).chunk_length
    stems = [
        Separator(network, device="cpu", backend=backend, precision="float32")(song).stems
        for backend in ("torch", "openvino")
    ]
    for name in network.sources:
        first, second = (made[name][:, :-last_chunk] for made in stems)
        np.testing.assert_allclose(first, second, rtol=0, atol=1e-6)


def test_the_terms_of_both_go_with_what_is_joined(tmp_path):
    spec = load_spec("lightsaft_tfctdf_tiny", overrides=SMALL)
    files = {}
    for part, licence, credit in (
        (dataclasses.replace(spec, low_band=None), "CC-BY-SA-4.0", "Somebody"),
        (spec.low_band_spec, "MIT", "Another"),
    ):
        entry = WeightsEntry(
            spec=spec.name, tag="theirs", licence=licence, training_data="Songs", credits=(credit,)
        )
        path = tmp_path / f"{credit}.safetensors"
        write_safetensors(path, zoo.build(part).state_dict(), spec=part, entry=entry)
        files[credit] = str(path)
    joined = read_initial_weights(spec, files["Somebody"], low_band=files["Another"]).entry
    assert joined is not None
    assert joined.licence == "CC-BY-SA-4.0 AND MIT"
    assert joined.credits == ("Somebody", "Another")
