import logging
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn
from waiting import PATIENCE

import zoo
from tests.fake_networks import TINY, Gains, randomise
from zoo.separation.backends import openvino as openvino_backend
from zoo.separation.backends.openvino import OpenVinoUNet
from zoo.separation.backends.openvino_core import compile_network
from zoo.separation.separator import Separator

pytest.importorskip("openvino", reason="the optional backend is not installed")

SMALL = {"stft.n_fft": 512, "stft.hop_length": 256, "unet.width": 4}
QUICK = ("lightsaft_tfctdf_tiny", "lasaft_v2_light", "tfc_tdf_unet")


def randomised(spec, **options):
    torch.manual_seed(0)
    return randomise(zoo.build(spec, **options))


def noise(num_samples, *, batch=1):
    generator = torch.Generator().manual_seed(0)
    return torch.rand((batch, 2, num_samples), generator=generator) - 0.5


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name in zoo.list_models()
    ],
)
@torch.inference_mode()
def test_every_network_computes_the_same_through_openvino(name):
    network = randomised(name, overrides=SMALL if name != "lightsaft_tfctdf_tiny" else None)
    mixture = noise(40_000, batch=2)
    expected = [network(mixture), network(mixture[:1], sources=network.sources[-1:])]
    network.unet = OpenVinoUNet(network, precision=torch.float32)
    estimates = [network(mixture), network(mixture[:1], sources=network.sources[-1:])]
    for estimate, reference in zip(estimates, expected, strict=True):
        error = (estimate - reference).square().mean() / reference.square().mean()
        assert float(error) < 1e-8


@torch.inference_mode()
def test_scales_come_before_linear_layers_over_frequency():
    # Behind them, the compiler computes the layer in float32 where bfloat16 is asked for.
    network = randomised("lightsaft_tfctdf_tiny")
    mixture = noise(40_000)
    expected = network(mixture)
    unet = network.unet = OpenVinoUNet(network, precision=torch.float32)
    estimate = network(mixture)
    assert float((estimate - expected).square().mean() / expected.square().mean()) < 1e-10
    (request,) = unet._requests.values()
    compiled = request.get_compiled_model().get_runtime_model()
    layers = [node.get_rt_info()["layerType"].value for node in compiled.get_ops()]
    # All that is no layer with weights: a modulation and a mix of latent sources a decoder stage.
    assert layers.count("MatMul") == 2 * network.spec.unet.depth
    assert layers.count("FullyConnected") >= 2 * network.spec.unet.depth


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("shape", [(4, 4), (2, 4, 4), (2, 4, 4, 4)])
def test_a_norm_behind_any_product_stays_that_norm(shape, transposed):
    from openvino import Model
    from openvino import opset13 as ops

    numbers = np.random.default_rng(0)
    x, weights = (numbers.standard_normal(size, np.float32) for size in (shape, (4, 4)))
    gamma, beta, mean, variance = numbers.uniform(0.5, 2.0, (4, 4)).astype(np.float32)
    entry = ops.parameter(shape)
    product = ops.matmul(entry, ops.constant(weights), transposed, False)
    model = Model([ops.batch_norm_inference(product, gamma, beta, mean, variance, 1e-5)], [entry])
    (estimate,) = compile_network(model, torch.float32).infer([x]).values()
    expected = nn.functional.batch_norm(
        torch.from_numpy((x.swapaxes(-1, -2) if transposed else x) @ weights),
        *map(torch.from_numpy, (mean, variance, gamma, beta)),
    )
    np.testing.assert_allclose(estimate, expected.numpy(), rtol=0, atol=1e-5)


def test_auto_takes_it_on_a_cpu_and_torch_for_foreign_networks():
    network = randomised(TINY)
    assert Separator(network, device="cpu").backend == "openvino"
    assert Separator(network, device="cpu", backend="torch").backend == "torch"
    assert Separator(Gains(), device="cpu").backend == "torch"
    with pytest.raises(ValueError, match="not Gains"):
        Separator(Gains(), device="cpu", backend="openvino")
    with pytest.raises(ValueError, match="unknown backend 'tensorrt'"):
        Separator(network, device="cpu", backend="tensorrt")


def test_without_the_package_torch_runs(monkeypatch):
    monkeypatch.setattr(openvino_backend, "is_installed", lambda: False)
    assert Separator(randomised(TINY), device="cpu").backend == "torch"
    with pytest.raises(ValueError, match="pip install openvino"):
        Separator(randomised(TINY), device="cpu", backend="openvino")


def test_both_backends_separate_alike():
    network = randomised(TINY)
    song = (noise(100_000)[0].numpy(), 44100)
    stems = [
        Separator(network, device="cpu", precision="float32", backend=backend)(song).stems
        for backend in ("torch", "openvino")
    ]
    for name in network.sources:
        np.testing.assert_allclose(stems[0][name], stems[1][name], rtol=0, atol=2e-6)


@torch.inference_mode()
def test_converted_networks_are_kept_and_damage_is_mended(tmp_path, caplog, monkeypatch):
    mixture = noise(20_000)
    network = randomised(TINY)
    expected = network(mixture)

    def run():
        ready = randomised(TINY)
        ready.unet = OpenVinoUNet(ready, precision=torch.float32, cache=tmp_path)
        return ready(mixture)

    def refuse(*arguments):
        raise AssertionError("converted again")

    run()
    (model,) = tmp_path.rglob("*.xml")
    assert model.relative_to(tmp_path).parts[1:] == ("4", "unet.xml")
    with monkeypatch.context() as patched:
        patched.setattr(OpenVinoUNet, "_convert", refuse)
        torch.testing.assert_close(run(), expected, rtol=0, atol=1e-6)
    model.write_text("<broken")
    torch.testing.assert_close(run(), expected, rtol=0, atol=1e-6)
    assert "converting the network again" in caplog.text
    assert not list(tmp_path.rglob("*.partial"))


@torch.inference_mode()
def test_other_weights_are_another_cache_entry(tmp_path):
    for seed in range(2):
        torch.manual_seed(seed)
        network = zoo.build(TINY).eval()
        network.unet = OpenVinoUNet(network, precision=torch.float32, cache=tmp_path)
        network(noise(20_000), sources=["bass"])
    assert len(list(tmp_path.iterdir())) == 2


@torch.inference_mode()
def test_a_cache_that_cannot_be_written_is_done_without(tmp_path):
    (tmp_path / "file").write_text("x")
    network = randomised(TINY)
    expected = network(noise(20_000))
    network.unet = OpenVinoUNet(network, precision=torch.float32, cache=tmp_path / "file")
    torch.testing.assert_close(network(noise(20_000)), expected, rtol=0, atol=1e-6)


class Unknown(nn.Module):
    """Holds an operation that OpenVINO's converter does not know."""

    def forward(self, x):
        return torch.special.bessel_j0(x)


@torch.inference_mode()
def test_what_openvino_does_not_know_runs_through_torch_with_a_warning(caplog):
    network = randomised(TINY)
    network.unet.entry.append(Unknown())
    expected = network(noise(20_000))
    unet = network.unet
    network.unet = OpenVinoUNet(network, precision=torch.float32, may_fall_back=True)
    with caplog.at_level(logging.WARNING):
        torch.testing.assert_close(network(noise(20_000)), expected)
        torch.testing.assert_close(network(noise(20_000)), expected)
    assert caplog.text.count("OpenVINO cannot run this network") == 1
    network.unet = unet
    network.unet = OpenVinoUNet(network, precision=torch.float32)
    with pytest.raises(RuntimeError, match="use the backend 'torch'"):
        network(noise(20_000))


TWO_ENGINES_AND_A_SIGNAL = """
import signal
import torch
import zoo
from zoo.separation.backends.openvino import OpenVinoUNet

def engine():
    network = zoo.build("lightsaft_tfctdf_tiny").eval()
    network.unet = OpenVinoUNet(network, precision=torch.float32)
    with torch.inference_mode():
        network(torch.zeros(1, 2, 20_000))
    return network

signal.signal(signal.SIGINT, lambda *_: print("handled"))
first, second = engine(), engine()
del first
del second
signal.raise_signal(signal.SIGINT)
"""


def test_signals_are_handled_after_engines_have_gone():
    command = [sys.executable, "-c", TWO_ENGINES_AND_A_SIGNAL]
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert (run.returncode, run.stdout) == (0, "handled\n"), run.stderr
