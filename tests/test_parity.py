"""Every published network, built from its spec, computes what the published code computes."""

import numpy as np
import pytest
import torch
from reference import NAMES, Reference

import zoo
from zoo.networks.builder import load_into
from zoo.networks.info import count_parameters
from zoo.weights.adapters import adapt_state_dict

TOLERANCE = 1e-4  # of the RMS of the reference array


@pytest.fixture(scope="module", params=NAMES)
def published(request):
    """A reference and our network with its weights."""
    reference = Reference.load(request.param)
    network = zoo.build(request.param)
    return reference, load_into(network, adapt_state_dict(reference.state_dict(), network.spec))


def relative_error(ours: np.ndarray, theirs: np.ndarray) -> float:
    return float(np.sqrt(np.mean((ours - theirs) ** 2) / np.mean(theirs**2)))


def test_all_twelve_published_networks_are_here():
    assert len(NAMES) == 12
    assert set(NAMES) <= set(zoo.list_models())


def test_outputs_match_the_reference(published):
    reference, network = published
    indices = sorted(int(key[-1]) for key in reference.arrays if key.startswith("separate"))
    sources = [network.sources[index] for index in indices]
    with torch.no_grad():
        estimates = network(reference.mixture(), sources=sources)
    assert estimates.shape == (1, len(indices), 2, reference.samples)
    for position, index in enumerate(indices):
        ours = estimates[0, position].T[:: reference.thinning].numpy()
        assert relative_error(ours, reference.arrays[f"separate_{index}"]) < TOLERANCE


def test_spectrogram_estimate_matches_the_reference(published):
    reference, network = published
    spectrogram = network.stft(reference.mixture())
    condition = network.embedding.weight[:1] if network.embedding is not None else None
    with torch.no_grad():
        estimate = network.unet(spectrogram, condition)
    assert relative_error(estimate[0, :, ::4, ::16].numpy(), reference.arrays["spec_0"]) < TOLERANCE


def test_parameter_count_matches_the_reference(published):
    reference, network = published
    assert count_parameters(network) == reference.trainable_parameters


def test_a_name_that_no_published_network_has_is_refused():
    spec = zoo.build("lightsaft_tfctdf_tiny").spec
    with pytest.raises(zoo.WeightsError, match=r"no rule for 'spec2spec\.surprise'"):
        adapt_state_dict({"spec2spec.surprise": torch.zeros(1)}, spec)


def test_weights_of_another_network_are_refused_with_the_names():
    theirs = Reference.load("lightsaft").state_dict()
    network = zoo.build("lightsaft_tfctdf")
    with pytest.raises(zoo.WeightsError, match=r"do not fit lightsaft_tfctdf: .* missing"):
        load_into(network, adapt_state_dict(theirs, network.spec))


def test_wrapper_prefixes_are_taken_off():
    reference = Reference.load("tfc_tdf_unet")
    wrapped = {f"module.{key}": tensor for key, tensor in reference.state_dict().items()}
    spec = zoo.load_spec("tfc_tdf_unet")
    assert (
        adapt_state_dict(wrapped, spec).keys()
        == adapt_state_dict(reference.state_dict(), spec).keys()
    )
