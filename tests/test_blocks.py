"""Every block by itself: shapes, equations, names, bad sizes."""

import math

import pytest
import torch
from torch import nn

import blocks
from blocks import (
    BLOCKS,
    TDF,
    TFC,
    Downsampling,
    FiLM,
    GPoCM,
    LaSAFT,
    LightSAFT,
    LightSAFTListening,
    LightSAFTPostNorm,
    PerStageGenerator,
    PoCM,
    Registry,
    SharedGenerator,
    UnknownNameError,
    Upsampling,
    activation,
    norm_2d,
)
from blocks.attention import mix_latent_sources
from blocks.condition import add_shared, expand_batch

FREQUENCY_BLOCKS = ["lasaft"] + [name for name in BLOCKS if name.startswith("lightsaft")]


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---- TFC


@pytest.mark.parametrize("kernel_size", [(1, 1), (3, 3), (5, 3), (3, 7)])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (8, 13)])
def test_tfc_keeps_time_and_frequency(kernel_size, size):
    tfc = TFC(3, growth_rate=4, num_layers=2, kernel_size=kernel_size)
    assert tfc(random(2, 3, *size)).shape == (2, 4, *size)


def test_tfc_kernel_is_time_by_frequency():
    tfc = TFC(1, growth_rate=1, num_layers=1, kernel_size=(5, 1), activation="identity").eval()
    x = torch.zeros(1, 1, 9, 9)
    x[0, 0, 4, 4] = 1
    with torch.no_grad():
        touched = (tfc(x) - tfc(torch.zeros_like(x))).abs() > 1e-8
    rows, columns = touched[0, 0].nonzero(as_tuple=True)
    assert set(rows.tolist()) == {2, 3, 4, 5, 6}
    assert set(columns.tolist()) == {4}


def test_tfc_layer_reads_all_layers_before_newest_first():
    tfc = TFC(2, growth_rate=3, num_layers=3).eval()
    x = random(1, 2, 4, 4)
    first = tfc.layers[0](x)
    second = tfc.layers[1](torch.cat((first, x), 1))
    third = tfc.layers[2](torch.cat((second, first, x), 1))
    torch.testing.assert_close(tfc(x), third, rtol=0, atol=0)


@pytest.mark.parametrize(("mixtures", "conditions"), [(1, 1), (1, 3), (2, 1), (2, 4)])
@pytest.mark.parametrize("training", [True, False])
def test_tfc_reads_a_skip_that_conditions_share_as_if_every_one_had_it(
    mixtures, conditions, training
):
    torch.manual_seed(0)
    tfc = TFC(5, growth_rate=4, num_layers=3, kernel_size=(3, 5)).double().train(training)
    x = random(mixtures * conditions, 3, 6, 7).double().requires_grad_()
    skip = random(mixtures, 2, 6, 7, seed=1).double().requires_grad_()
    of_every_one = torch.cat((x, expand_batch(skip, x.shape[0])), dim=1)
    results = []
    for estimate in (tfc(of_every_one), tfc(x, skip)):
        loss = (estimate * random(*estimate.shape, seed=2)).sum()
        results.append([estimate, *torch.autograd.grad(loss, [x, skip, *tfc.parameters()])])
    for concatenated, shared in zip(*results, strict=True):
        torch.testing.assert_close(shared, concatenated)


def test_tfc_convolves_a_shared_skip_once_a_mixture(monkeypatch):
    batches = []
    convolve = torch.nn.functional.conv2d

    def watch(x, weight, *args, **options):
        batches.append((x.shape[0], weight.shape[1]))
        return convolve(x, weight, *args, **options)

    monkeypatch.setattr(torch.nn.functional, "conv2d", watch)
    TFC(5, growth_rate=4, num_layers=2)(random(8, 3, 4, 4), random(2, 2, 4, 4))
    assert sorted(batches) == [(2, 2), (2, 2), (8, 3), (8, 7)]


@pytest.mark.parametrize("kernel_size", [(2, 3), (3, 0), (3,), (3, 33), [3, 3], (3.0, 3)])
def test_tfc_refuses_kernels(kernel_size):
    with pytest.raises(ValueError, match="two odd integers"):
        TFC(3, growth_rate=4, kernel_size=kernel_size)


# ---- TDF


def test_tdf_is_two_linear_layers_over_frequency():
    tdf = TDF(2, 40, bottleneck_factor=4, min_bottleneck=3, activation="identity").eval()
    x = random(1, 2, 3, 40)
    scale = 1 / (1 + tdf.squeeze[1].eps)  # two batch norms with fresh statistics
    expected = x @ tdf.squeeze[0].weight.T @ tdf.expand[0].weight.T * scale
    torch.testing.assert_close(tdf(x), expected)
    assert tdf.squeeze[0].out_features == 10


@pytest.mark.parametrize(("bins", "width"), [(1024, 64), (255, 16), (256, 16), (7, 16)])
def test_tdf_bottleneck(bins, width):
    assert TDF(1, bins).squeeze[0].out_features == width


def test_tdf_treats_frames_and_channels_alike():
    tdf = TDF(1, 9).eval()
    x = random(1, 1, 5, 9)
    torch.testing.assert_close(tdf(x)[:, :, 2:3], tdf(x[:, :, 2:3]))


def test_tdf_without_affine_norms_learns_only_the_linear_layers():
    tdf = TDF(4, 32, affine=False)
    assert [name for name, _ in tdf.named_parameters()] == ["squeeze.0.weight", "expand.0.weight"]


# ---- latent sources


@pytest.mark.parametrize("name", FREQUENCY_BLOCKS)
@pytest.mark.parametrize("bins", [24, 31])
def test_latent_source_blocks_fan_out_over_conditions(name, bins):
    block = BLOCKS[name](3, bins, condition_dim=5, num_latent_sources=4, key_dim=6).eval()
    x, condition = random(2, 3, 7, bins), random(6, 5, seed=1)
    out = block(x, condition)
    assert out.shape == (6, 3, 7, bins)
    for index in range(6):
        alone = block(x[index // 3 : index // 3 + 1], condition[index : index + 1])
        torch.testing.assert_close(out[index : index + 1], alone)


@pytest.mark.parametrize("name", FREQUENCY_BLOCKS)
def test_attention_sums_to_one(name):
    block = BLOCKS[name](3, 24, condition_dim=5, num_latent_sources=4, key_dim=6).eval()
    attention = block.attention(random(2, 3, 7, 24), random(4, 5, seed=1))
    frames = 7 if "listening" in name else 1
    assert attention.shape == (4, frames, 4)
    torch.testing.assert_close(attention.sum(-1), torch.ones(4, frames))


def test_attention_is_softmax_of_scaled_products():
    block = LaSAFT(3, 24, condition_dim=5, num_latent_sources=4, key_dim=6)
    condition = random(2, 5)
    query = block.attention.query.linear(condition)
    expected = torch.softmax(query @ block.attention.keys.keys / math.sqrt(6), -1)
    torch.testing.assert_close(block.attention(random(2, 3, 1, 24), condition)[:, 0], expected)


def test_listening_attention_varies_over_time_and_the_other_does_not():
    x, condition = random(1, 3, 7, 24), random(1, 5, seed=1)
    listening = LightSAFTListening(3, 24, condition_dim=5, num_latent_sources=4).eval()
    assert listening.attention(x, condition).std(dim=1).max() > 1e-4


def test_mix_latent_sources_is_a_weighted_sum_with_the_latent_index_slowest():
    values = torch.arange(6.0).view(1, 1, 1, 6)  # L = 2, K = 3
    attention = torch.tensor([[[0.25, 0.75]]])
    expected = torch.tensor([0.25 * 0 + 0.75 * 3, 0.25 * 1 + 0.75 * 4, 0.25 * 2 + 0.75 * 5])
    torch.testing.assert_close(mix_latent_sources(values, attention)[0, 0, 0], expected)


def test_lasaft_with_all_attention_on_one_latent_source_is_that_tdf():
    block = LaSAFT(2, 20, condition_dim=3, num_latent_sources=2, key_dim=4).eval()
    with torch.no_grad():
        block.attention.query.linear.weight.zero_()
        block.attention.query.linear.bias.fill_(1.0)
        block.attention.keys.keys.copy_(torch.tensor([[0.0, 1e4]] * 4))
    x = random(1, 2, 3, 20)
    second = block.expand(block.squeeze(x))[..., 20:]
    torch.testing.assert_close(block(x, random(1, 3)), second)


def test_the_two_arrangements_of_lightsaft():
    kwargs = {"condition_dim": 3, "num_latent_sources": 2, "key_dim": 4}
    newer = [type(layer).__name__ for layer in LightSAFT(2, 20, **kwargs).expand]
    paper = [type(layer).__name__ for layer in LightSAFTPostNorm(2, 20, **kwargs).expand]
    assert newer == ["BatchNorm2d", "Linear", "ReLU"]
    assert paper == ["Linear", "BatchNorm2d", "ReLU"]


# ---- modulation


def test_film_scales_and_shifts_channels():
    x = random(1, 2, 3, 4)
    out = FiLM(2)(x, torch.tensor([[2.0, -1.0]]), torch.tensor([[0.5, 0.0]]))
    torch.testing.assert_close(out[0, 0], 2 * x[0, 0] + 0.5)
    torch.testing.assert_close(out[0, 1], -x[0, 1])


def test_pocm_is_a_point_wise_convolution():
    x, weight, bias = random(2, 3, 4, 5), random(2, 9, seed=1), random(2, 3, seed=2)
    out = PoCM(3)(x, weight, bias)
    for index in range(2):
        kernel = weight[index].view(3, 3).T[..., None, None]
        expected = nn.functional.conv2d(x[index : index + 1], kernel, bias[index])
        torch.testing.assert_close(out[index : index + 1], expected)


def test_gpocm_gates_by_the_sigmoid_of_pocm():
    x, weight, bias = random(2, 3, 4, 5), random(2, 9, seed=1), random(2, 3, seed=2)
    expected = x * torch.sigmoid(PoCM(3)(x, weight, bias))
    torch.testing.assert_close(GPoCM(3)(x, weight, bias), expected)


@pytest.mark.parametrize("name", ["film", "pocm", "gpocm"])
def test_modulations_fan_out(name):
    modulation = BLOCKS[name](3)
    weight, bias = random(4, modulation.num_weights), random(4, modulation.num_biases)
    x = random(2, 3, 5, 6)
    torch.testing.assert_close(
        modulation(x, weight, bias), modulation(x.repeat_interleave(2, 0), weight, bias)
    )


def test_expand_batch_refuses_what_cannot_be_shared_out():
    assert expand_batch(torch.tensor([[1], [2]]), 4).flatten().tolist() == [1, 1, 2, 2]
    with pytest.raises(ValueError, match="5 conditions cannot be shared out to 2"):
        expand_batch(torch.zeros(2, 1), 5)


@pytest.mark.parametrize("mixtures", [1, 2, 6])
def test_what_conditions_share_is_added_to_each(mixtures):
    x, shared = random(6, 3, 2), random(mixtures, 3, 2, seed=1)
    torch.testing.assert_close(add_shared(x, shared), x + expand_batch(shared, 6))


def test_what_cannot_be_shared_out_is_not_added():
    with pytest.raises(ValueError, match="5 conditions cannot be shared out to 2"):
        add_shared(torch.zeros(5, 1), torch.zeros(2, 1))


# ---- generators


def test_per_stage_generator_sizes():
    weight, bias = PerStageGenerator(8, num_weights=9, num_biases=3)(random(4, 8))
    assert (weight.shape, bias.shape) == ((4, 9), (4, 3))


def test_shared_generator_serves_every_stage_in_order():
    generator = SharedGenerator(8, num_weights=[4, 9], num_biases=[2, 3]).eval()
    made = generator(random(5, 8))
    assert [(w.shape[1], b.shape[1]) for w, b in made] == [(4, 2), (9, 3)]
    widths = [m.out_features for m in generator.dense if isinstance(m, nn.Linear)]
    assert widths == [16, 32, 64]


def test_shared_generator_of_film_has_no_norm_on_its_heads():
    generator = SharedGenerator(8, num_weights=[4], num_biases=[4], normalise=False)
    assert len(generator.weight_head) == 1


# ---- resampling


@pytest.mark.parametrize("size", [(8, 12), (9, 13)])
def test_downsampling_halves_and_upsampling_doubles(size):
    x = random(1, 3, *size)
    down = Downsampling(3, activation="relu")(x)
    assert down.shape == (1, 3, size[0] // 2, size[1] // 2)
    assert Upsampling(3)(down).shape == (1, 3, size[0] // 2 * 2, size[1] // 2 * 2)
    assert float(down.detach().min()) >= 0


# ---- names


@pytest.mark.parametrize("name", ["Relu", "leakyrelu", None, "", "sigmod"])
def test_unknown_activation_raises_and_lists(name):
    with pytest.raises(UnknownNameError, match=r"unknown activation .* Known: celu"):
        activation(name)


def test_unknown_norm_suggests_the_closest():
    with pytest.raises(UnknownNameError, match="did you mean 'batchnorm2d'"):
        norm_2d("batchnorm", 4)


@pytest.mark.parametrize("name", ["celu", "identity", "leaky_relu", "silu", "prelu"])
def test_known_activations_build(name):
    assert activation(name)(torch.zeros(2)).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("block", [TFC, TDF, LaSAFT, LightSAFT])
def test_blocks_refuse_unknown_activations(block):
    sizes = {"growth_rate": 4} if block is TFC else {"num_bins": 20}
    condition = {"condition_dim": 3} if block in (LaSAFT, LightSAFT) else {}
    with pytest.raises(UnknownNameError, match="unknown activation 'rleu': did you mean 'relu'"):
        block(4, **sizes, **condition, activation="rleu")


@pytest.mark.parametrize("value", [0, -1, 2.0, True, "4"])
def test_sizes_must_be_positive_integers(value):
    with pytest.raises(ValueError, match="must be a positive integer"):
        TDF(value, 20)


def test_registry_refuses_duplicates_and_stays_as_it_was():
    registry = Registry("thing")
    registry.add("one", 1)
    with pytest.raises(ValueError, match="already registered"):
        registry.add("one", 2)
    for bad in ["One", "a b", "", 3, "../x"]:
        with pytest.raises(ValueError, match="lower-case identifier"):
            registry.add(bad, 2)
    assert dict.fromkeys(registry) == {"one": None}
    assert registry["one"] == 1
    with pytest.raises(UnknownNameError, match="unknown thing 'on': did you mean 'one'"):
        registry["on"]
    with pytest.raises(UnknownNameError):
        registry[["unhashable"]]


def test_an_alias_finds_its_entry_and_is_not_listed():
    registry = Registry("thing")
    registry.add("one", 1, aliases=("uno",))
    assert ("uno" in registry, registry["uno"], registry.names()) == (True, 1, ["one"])
    for name, aliases in (("uno", ()), ("two", ("one",)), ("two", ("uno",)), ("two", ("A",))):
        with pytest.raises(ValueError, match=r"already registered|lower-case identifier"):
            registry.add(name, 2, aliases=aliases)
    assert list(registry) == ["one"]


def test_every_public_name_is_there():
    assert all(hasattr(blocks, name) for name in blocks.__all__)
