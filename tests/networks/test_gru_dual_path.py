"""GRU dual path: its size, the product, the reach in time, the range."""

import torch

from headwater.networks.gru_dual_path import GRUDualPath


def test_size_is_that_of_the_published_layers():
    m, c, n, h = 64, 32, 1260, 256  # electrodes, cells in each direction, sources; the paper gives no h
    direct = m * h + h + h * n + n
    recurrent = 2 * 2 * 3 * (2 * c * c + c * c + c + c)  # layers, directions, gates
    temporal = m * 2 * c + 2 * c + recurrent + 2 * c * n + n
    assert GRUDualPath(n_channels=m, n_regions=n).n_parameters == direct + temporal


def test_paths_are_multiplied():
    network = GRUDualPath(n_channels=6, n_regions=5, hidden=12, cells=4).eval()
    z = torch.randn(2, 6, 10)
    direct = network.direct(z.transpose(1, 2)).transpose(1, 2)
    torch.nn.init.zeros_(network.gate[1].weight)
    torch.nn.init.zeros_(network.gate[1].bias)
    assert torch.allclose(network(z), 0.5 * direct)


def test_waveforms_have_signs_and_stay_within_one():
    torch.manual_seed(0)
    waveforms = GRUDualPath(n_channels=6, n_regions=5).eval()(100 * torch.randn(2, 6, 10))
    assert waveforms.min() < 0 < waveforms.max()
    assert waveforms.abs().max() <= 1


def test_past_and_future_count():
    torch.manual_seed(0)
    network = GRUDualPath(n_channels=6, n_regions=5, hidden=12, cells=4).eval()
    z = torch.randn(2, 6, 10)
    changed = z.clone()
    changed[:, :, 5] += 1.0
    assert not (network(changed) == network(z)).all(1).any()
