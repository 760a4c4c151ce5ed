import pytest
import torch
import yaml
from torch import nn

import zoo
from benchmarks import thin_network
from benchmarks.thin_network import thin
from zoo.specs.loading import load_spec
from zoo.weights.checkpoints import write_safetensors
from zoo.weights.resolving import resolve_model

SMALL = {"unet.width": 8, "low_band.width": 6, "unet.depth": 2, "chunk_frames": 32}
THINNER = {"unet.width": 5, "low_band.width": 2, "unet.num_layers": 2}


def stage_or_layer(name):
    """Return what ties the channels of a normalisation together: its stage, or nothing else."""
    for end in (".local.layers.2.1", ".frequency."):
        if end in name:
            return name.partition(end)[0]
    return name


@pytest.fixture
def wide():
    """A network in which more channels are dead than the thinner one has room for."""
    torch.manual_seed(0)
    spec = load_spec("lightsaft_tfctdf_small", overrides=SMALL)
    network = zoo.build(spec).eval()
    for part, prefix in ((network.unet, ""), (network.low_band.unet, "low")):
        left = 2 if prefix else 5
        dead = {}
        for name, module in part.named_modules():
            if isinstance(module, nn.BatchNorm2d):
                width = module.num_features
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.5, 0.5)
                module.running_mean.uniform_(-0.1, 0.1)
                channels = dead.setdefault(stage_or_layer(name), torch.randperm(width)[left:])
                if ".local.layers.1.1" in name:
                    channels = torch.arange(width)
                if ".frequency." in name:
                    module.running_mean[channels] = 0
                with torch.no_grad():
                    module.weight[channels] = 0
                    module.bias[channels] = 0
    return network


def test_channels_and_layers_that_compute_nothing_go_first(wide, tmp_path):
    mixture = 0.1 * torch.randn(1, 2, wide.spec.chunk_samples)
    thinner = tmp_path / "thin.safetensors"
    file = write_safetensors(tmp_path / "wide.safetensors", wide.state_dict(), spec=wide.spec)
    (tmp_path / "wide.yaml").write_text(yaml.safe_dump(wide.spec.to_dict()))
    sizes = [f"--set={field}={number}" for field, number in THINNER.items()]
    thin_network.main([str(file), str(thinner), f"--model={tmp_path / 'wide.yaml'}", *sizes])
    narrow = resolve_model(thinner).network
    assert sum(p.numel() for p in narrow.parameters()) < sum(p.numel() for p in wide.parameters())
    with torch.inference_mode():
        expected, found = wide(mixture), narrow.eval()(mixture)
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_the_same_sizes_keep_every_tensor(wide):
    state = wide.state_dict()
    same = thin(dict(state), wide.spec, wide.spec)
    assert same.keys() == state.keys()
    assert all(torch.equal(same[key], state[key]) for key in state)


def test_another_change_is_refused(wide):
    deeper = load_spec(wide.spec, overrides={"unet.bottleneck_factor": 8})
    with pytest.raises(RuntimeError, match="size mismatch"):
        thin(dict(wide.state_dict()), wide.spec, deeper)
