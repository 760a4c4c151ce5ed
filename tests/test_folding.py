import pytest
import torch

import zoo
from zoo.networks.folding import fold_batch_norms


@torch.no_grad()
def test_folding_keeps_the_function():
    torch.manual_seed(0)
    network = zoo.build("lightsaft_tfctdf_tiny").eval()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    mixture = torch.randn(1, 2, 20_000)
    expected = network(mixture)
    # One a layer of each TFC (2 x 5), one a resampling (4), and the entry.
    assert fold_batch_norms(network) == 15
    error = (network(mixture) - expected).square().mean() / expected.square().mean()
    assert float(error) < 1e-10


def test_a_network_in_training_is_refused():
    with pytest.raises(ValueError, match="train mode"):
        fold_batch_norms(zoo.build("lightsaft_tfctdf_tiny"))
