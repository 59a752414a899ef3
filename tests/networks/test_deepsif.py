"""DeepSIF: its size, that each time is filtered by itself, that it looks back and not ahead."""

import pytest
import torch

from headwater.networks.deepsif import DeepSIF, DenseResidualBlock


@pytest.mark.parametrize("n_channels", [16, 21, 32, 64, 75])
def test_size_is_that_of_the_published_layers(n_channels):
    m, h, r = n_channels, 500, 994
    spatial = 2 * (m * m + m) + 2 * (m * h + h) + (h * h + h)  # five fully connected layers
    temporal = 3 * 4 * (h * h + h * h + h + h)  # four gates; PyTorch gives each two biases
    assert DeepSIF(n_channels=n_channels).n_parameters == spatial + temporal + h * r + r


def test_residual_blocks_pass_what_their_layers_do_not_change():
    block = DenseResidualBlock(4, 4)
    torch.nn.init.zeros_(block.layers[2].weight)
    torch.nn.init.zeros_(block.layers[2].bias)
    x = torch.rand(3, 4)
    assert torch.equal(block(x), x)


def test_the_past_counts_and_the_future_does_not():
    torch.manual_seed(0)
    network = DeepSIF(n_channels=6, n_regions=5, hidden=12, n_layers=2)
    z = torch.randn(2, 6, 10)
    changed = z.clone()
    changed[:, :, 4] += 1.0
    same = (network(changed) == network(z)).all(1).all(0)
    assert same[:4].all()
    assert not same[4:].any()
