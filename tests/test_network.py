"""The network: shapes, conditions, sharing, lengths, bad input; and every spec that is listed."""

import contextlib

import pytest
import torch
import yaml
from signals import gaussian
from torch import nn
from torch.nn.modules import module as torch_module

import zoo
from blocks import BLOCKS, TFC, NoOptions
from zoo.networks.unet import UNet
from zoo.specs.registry import PACKAGED

ENCODES_ONCE = {
    "lightsaft_tfctdf",
    "lightsaft_tfctdf_small",
    "lightsaft_tfctdf_tiny",
    "lasaft_v2_light",
    "lasaft_v2_large",
    "tfc_tdf_unet",
    "cunet_tfc_film",
    "cunet_tfc_tdf_film",
    "cunet_tfc_gpocm",
    "cunet_tfc_tdf_gpocm",
}

ENCODES_EVERY_SOURCE = {"lightsaft", "lasaft", "lasaft_large", "cunet_tfc_lasaft_film"}
CONDITIONED = sorted((ENCODES_ONCE | ENCODES_EVERY_SOURCE) - {"tfc_tdf_unet"})

# What keeps the structure of every spec but makes it quick.
SHRUNK = {"unet.width": 3, "stft.n_fft": 512, "stft.hop_length": 256}


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return zoo.build("lightsaft_tfctdf_tiny").eval()


@pytest.mark.parametrize("name", zoo.list_models())
def test_every_listed_model_builds_runs_and_describes_itself(name):
    spec = zoo.load_spec(name)
    network = zoo.build(name, overrides=SHRUNK).eval()
    info = zoo.model_info(name)
    assert network.sources == spec.sources
    assert network.sample_rate == spec.sample_rate
    if name in ENCODES_ONCE | ENCODES_EVERY_SOURCE:
        assert network.encodes_once == (name in ENCODES_ONCE)
    assert info.parameters > 1000
    assert info.macs_per_second >= info.macs_per_second_one_source > 0
    inside = sum(stage.macs_per_second for stage in info.stages)
    assert inside == pytest.approx(info.macs_per_second, rel=0.02)
    with torch.no_grad():
        estimates = network(gaussian(1, spec.channels, 6000), sources=spec.sources[:1])
    assert estimates.shape == (1, 1, spec.channels, 6000)


def test_build_gives_train_mode_without_weights():
    assert zoo.build("lightsaft_tfctdf_tiny").training


@pytest.mark.parametrize("name", CONDITIONED)
def test_all_sources_at_once_equal_one_at_a_time(name):
    torch.manual_seed(0)
    network = zoo.build(name, overrides=SHRUNK).eval()
    mixture = gaussian(2, 2, 6000)
    with torch.no_grad():
        together = network(mixture)
        assert together.shape == (2, 4, 2, 6000)
        for index, source in enumerate(network.sources):
            alone = network(mixture, sources=[source])[:, 0]
            torch.testing.assert_close(together[:, index], alone, rtol=0, atol=1e-6)
    spread = together.std(dim=1).mean()
    assert spread > 1e-4 * together.abs().mean()


def test_four_sources_encode_once(tiny):
    calls = []
    handle = tiny.unet.middle.register_forward_hook(lambda _m, i, _o: calls.append(len(i[0])))
    with torch.no_grad():
        tiny(gaussian(2, 2, 9000))
    handle.remove()
    assert calls == [2]


def test_the_first_decoder_stage_is_shared_up_to_its_modulation(tiny):
    batches = []
    handle = tiny.unet.decoder[0].stage.local.register_forward_hook(
        lambda _m, i, _o: batches.append(len(i[0]))
    )
    with torch.no_grad():
        tiny(gaussian(1, 2, 9000))
    handle.remove()
    assert batches == [1]


def test_encode_and_decode_equal_the_call(tiny):
    mixture = gaussian(2, 2, 9001)
    with torch.no_grad():
        features = tiny.encode(mixture)
        for sources in (None, ["bass"], ["other", "vocals"]):
            torch.testing.assert_close(
                tiny.decode(features, sources=sources), tiny(mixture, sources=sources)
            )


def test_encode_is_refused_where_the_encoder_sees_the_source():
    network = zoo.build("lightsaft", overrides={"unet.width": 2}).eval()
    with pytest.raises(ValueError, match="the encoder of lightsaft depends on the source"):
        network.encode(gaussian(1, 2, 9000))


def test_order_of_sources_is_the_callers(tiny):
    mixture = gaussian(1, 2, 5000)
    with torch.no_grad():
        swapped = tiny(mixture, sources=["other", "vocals"])
        torch.testing.assert_close(swapped, tiny(mixture)[:, [3, 0]], rtol=0, atol=1e-6)


def test_one_hot_conditions_are_sources_and_soft_ones_blend(tiny):
    mixture = gaussian(2, 2, 5000)
    eye = torch.eye(4).expand(2, -1, -1)
    with torch.no_grad():
        torch.testing.assert_close(tiny(mixture, condition=eye), tiny(mixture), rtol=0, atol=1e-6)
        soft = tiny(mixture, condition=torch.full((2, 3, 4), 0.25))
    assert soft.shape == (2, 3, 2, 5000)
    torch.testing.assert_close(soft[:, 0], soft[:, 2], rtol=0, atol=1e-6)


@pytest.mark.parametrize("num_samples", [1, 2, 255, 256, 257, 1023, 1024, 5000])
def test_any_length_comes_back_at_its_length(tiny, num_samples):
    with torch.no_grad():
        assert tiny(gaussian(1, 2, num_samples)).shape == (1, 4, 2, num_samples)


@pytest.mark.parametrize("num_samples", [1, 256, 768, 769, 4000])
def test_padded_length_gives_fitting_frames(tiny, num_samples):
    padded = tiny.padded_length(num_samples)
    frames = 1 + padded // tiny.spec.stft.hop_length
    assert padded >= num_samples
    assert frames % tiny.spec.frame_multiple == 0
    assert padded > tiny.spec.stft.n_fft // 2
    assert tiny.padded_length(padded) == padded


def test_a_chunk_fills_exactly_its_frames():
    for name in zoo.list_models():
        network = zoo.build(name, overrides={"unet.width": 1})
        assert network.padded_length(network.spec.chunk_samples) == network.spec.chunk_samples


def test_masking_multiplies_the_mixture():
    network = zoo.build("lightsaft_tfctdf_tiny", overrides={"estimate": "masking"}).eval()
    with torch.no_grad():
        network.unet.exit.weight.zero_()
        network.unet.exit.bias.zero_()
        network.unet.exit.bias.view(2, 4)[:, :2] = 0.5  # (band, parts): the mask is 0.5 + 0j
        mixture = gaussian(1, 2, 4096)
        estimate = network(mixture, sources=["bass"])[:, 0]
    spectrum, expected = torch.fft.rfft(estimate), torch.fft.rfft(0.5 * mixture)
    torch.testing.assert_close(spectrum[..., :1900], expected[..., :1900], atol=2e-2, rtol=0.05)


def test_mapping_and_mask_adds_a_masked_mixture_to_the_mapping():
    override = {"estimate": "mapping_and_mask"}
    network = zoo.build("lightsaft_tfctdf_tiny", overrides=override).eval()
    mapping = zoo.build("lightsaft_tfctdf_tiny").eval()
    mixture = gaussian(1, 2, 4096)
    with torch.no_grad():
        weights = mapping.state_dict()
        for name, value in network.state_dict().items():
            if name in ("unet.exit.weight", "unet.exit.bias"):  # (band, parts): 4 and then 2
                value = value.zero_().unflatten(0, (2, 6))
                value[:, :4] = weights[name].unflatten(0, (2, 4))
            else:
                value.copy_(weights[name])
        torch.testing.assert_close(network(mixture), mapping(mixture))
        network.unet.exit.bias.view(2, 6)[:, 4:] = torch.tensor([0.5, -0.25])  # of each channel
        added = (network(mixture) - mapping(mixture))[:, 0]
    expected = torch.fft.rfft(mixture * torch.tensor([[0.5], [-0.25]]))
    spectrum = torch.fft.rfft(added)
    torch.testing.assert_close(spectrum[..., :1900], expected[..., :1900], atol=2e-2, rtol=0.05)


def test_attention_maps(tiny):
    with torch.no_grad():
        maps = tiny.attention(gaussian(2, 2, 9000), sources=["vocals", "bass"])
    assert list(maps) == ["decoder.0", "decoder.1"]
    for values in maps.values():
        assert values.shape == (2, 2, 1, 4)
        torch.testing.assert_close(values.sum(-1), torch.ones(2, 2, 1))
    assert not tiny.unet.decoder[0].stage.frequency.attention._forward_hooks


def test_attention_of_the_listening_networks_varies_over_time():
    network = zoo.build("lasaft_v2_light", overrides={"unet.width": 2}).eval()
    with torch.no_grad():
        maps = network.attention(gaussian(1, 2, 24000))
    frames = 1 + network.padded_length(24000) // 1024
    assert maps["decoder.2"].shape == (1, 4, frames, 12)


@pytest.mark.parametrize(
    ("mixture", "message"),
    [
        (gaussian(2, 4000), r"mixture must be \(B, C, N\) with C = 2, got \(2, 4000\)"),
        (gaussian(1, 1, 4000), r"got \(1, 1, 4000\)"),
        (gaussian(1, 2, 4000).double(), "must be float32, got torch.float64"),
        (torch.zeros(1, 2, 4000, dtype=torch.int16), "must be float32, got torch.int16"),
        (gaussian(1, 2, 0), "mixture is empty"),
        (gaussian(0, 2, 10), "mixture is empty"),
        (gaussian(1, 2, 10) / 0, "NaN or infinite"),
        (torch.full((1, 2, 10), float("nan")), "NaN or infinite"),
    ],
)
def test_bad_mixtures_are_refused(tiny, mixture, message):
    with pytest.raises(ValueError, match=message):
        tiny(mixture)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        (torch.zeros(1, 4), r"condition must be \(B, Q, S\) = \(1, Q, 4\), got \(1, 4\)"),
        (torch.zeros(1, 2, 3), r"got \(1, 2, 3\)"),
        (torch.zeros(2, 1, 4), r"got \(2, 1, 4\)"),
        (torch.zeros(1, 0, 4), "at least one row of finite weights"),
        (torch.full((1, 1, 4), float("inf")), "finite weights"),
    ],
)
def test_bad_conditions_are_refused(tiny, condition, message):
    with pytest.raises(ValueError, match=message):
        tiny(gaussian(1, 2, 4000), condition=condition)


def test_bad_sources_are_refused(tiny):
    mixture = gaussian(1, 2, 4000)
    with pytest.raises(zoo.UnknownNameError, match=r"unknown source .* 'vocal': did you mean"):
        tiny(mixture, sources=["vocal"])
    with pytest.raises(ValueError, match="list of at least one name, got 'vocals'"):
        tiny(mixture, sources="vocals")
    with pytest.raises(ValueError, match="at least one name"):
        tiny(mixture, sources=[])
    with pytest.raises(ValueError, match="not both"):
        tiny(mixture, sources=["vocals"], condition=torch.zeros(1, 1, 4))


def test_single_source_networks_take_no_condition():
    network = zoo.build("tfc_tdf_unet", overrides={"unet.width": 2}).eval()
    with pytest.raises(ValueError, match="takes no condition"):
        network(gaussian(1, 2, 4000), condition=torch.ones(1, 1, 1))
    with pytest.raises(zoo.UnknownNameError):
        network(gaussian(1, 2, 4000), sources=["drums"])


@contextlib.contextmanager
def spec_with_local_block(tmp_path, block, *, part):
    """Yield the file of a spec whose part has a local block that is not the zoo's."""
    BLOCKS.add("local_for_this_test", block)
    try:
        spec = yaml.safe_load((PACKAGED / "lightsaft_tfctdf_tiny.yaml").read_text())
        spec["name"] = "theirs"
        spec["unet"][part]["local"] = "local_for_this_test"
        file = tmp_path / "theirs.yaml"
        file.write_text(yaml.safe_dump(spec))
        yield file
    finally:
        del BLOCKS._entries["local_for_this_test"]


def test_a_users_block_works_by_name(tmp_path):
    class WideTFC(TFC):
        """A block of somebody else's package."""

    with spec_with_local_block(tmp_path, WideTFC, part="middle") as file:
        assert isinstance(zoo.build(file).unet.middle.local, WideTFC)


class Pointwise(nn.Conv2d):
    """A local block of somebody else's, which knows no skip."""

    role, Options, uses_condition = "local", NoOptions, False

    @classmethod
    def from_stage(cls, stage, options):
        return cls(stage.in_channels, stage.channels, 1)


class PlainTFC(TFC):
    """A TFC whose own way through knows no skip."""

    def forward(self, x):
        return super().forward(x) + 1


@pytest.mark.parametrize("block", [Pointwise, PlainTFC])
def test_a_users_local_block_gets_the_skip_among_its_channels(tmp_path, block):
    with spec_with_local_block(tmp_path, block, part="decoder") as file:
        network = zoo.build(file).eval()
    mixture = gaussian(2, 2, 9000)
    with torch.no_grad():
        alone = network(mixture, sources=["bass"])
        torch.testing.assert_close(network(mixture)[:, 2:3], alone, rtol=0, atol=1e-6)


def test_the_stage_table_counts_the_channels_of_skips():
    info = zoo.model_info("lightsaft_tfctdf")
    shapes = {stage.name: (stage.in_shape, stage.out_shape) for stage in info.stages}
    assert shapes["encoder.0"] == ((16, 128, 1024), (16, 128, 1024))
    assert shapes["decoder.3"] == ((32, 128, 1024), (16, 128, 1024))


def test_gradients_reach_every_parameter():
    network = zoo.build("lightsaft_tfctdf_tiny")
    network(gaussian(2, 2, 9000)).square().mean().backward()
    untouched = [name for name, p in network.named_parameters() if p.grad is None]
    assert untouched == []


def test_counting_one_network_hooks_no_other(monkeypatch):
    """Networks that other threads compute meanwhile must not run the counter's hooks."""
    hooked = []
    forward = UNet.forward

    def watched(self, *inputs):
        hooked.append(
            len(torch_module._global_forward_pre_hooks) + len(torch_module._global_forward_hooks)
        )
        return forward(self, *inputs)

    monkeypatch.setattr(UNet, "forward", watched)
    # A size that nothing else counts, because counts are remembered.
    zoo.model_info(zoo.load_spec("lightsaft_tfctdf_tiny", overrides={"unet.width": 6}))
    assert hooked
    assert set(hooked) == {0}
