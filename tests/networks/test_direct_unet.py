"""Direct inversion: the paper's sizes, equivariance, learning by heart, refusals."""

import mne
import numpy as np
import pytest
import torch

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.forward.sphere import sphere_eeg
from headwater.networks.direct_unet import DirectUNet
from headwater.networks.inputs.topomap import HEAD_CENTER, sensor_positions
from headwater.networks.layers.unet1d import AttentionGate
from headwater.simulation.distributions import Integers, Uniform
from headwater.simulation.noise import White
from headwater.simulation.presets import Preset
from headwater.simulation.simulator import simulate
from headwater.simulation.spatial import BinaryPatches
from headwater.simulation.spatial.geometry import Euclidean
from headwater.training.losses.maps import BinaryCrossEntropy

N_SOURCES = 75
SMALL = {"width": 8, "depth": 2, "stages": 3}


@pytest.fixture(scope="module")
def leadfield() -> LeadField:
    """Radial sources in a spherical shell."""
    info = mne.create_info(mne.channels.make_standard_montage("biosemi32").ch_names, 100.0, "eeg")
    info.set_montage("biosemi32")
    normals = np.random.default_rng(1).normal(size=(N_SOURCES, 3))
    normals[:, 2] = np.abs(normals[:, 2])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    pos = 0.07 * normals
    gain = sphere_eeg(
        sensor_positions(info) - HEAD_CENTER, pos, np.array([0.08, 0.085, 0.09]), np.array([0.3, 0.006, 0.3])
    )
    return LeadField.from_arrays(gain, pos + HEAD_CENTER, info=info, normals=normals)


@pytest.fixture
def network(leadfield) -> DirectUNet:
    torch.manual_seed(0)
    return DirectUNet.for_leadfield(leadfield, **SMALL)


@pytest.fixture(scope="module")
def samples(leadfield):
    sources = BinaryPatches(n_sources=Integers(1, 3), radius_mm=Uniform(15.0, 30.0), metric=Euclidean())
    return simulate(leadfield, Preset(name="tiny", sources=sources, noise=White(40.0)), 8, seed=2)


def test_447_inputs_become_15684_logits():
    network = DirectUNet(width=2, stages=3)
    assert network.logits(torch.randn(2, 447)).shape == (2, 15_684)
    assert network.correction.lengths == [1961, 3921, 7842, 15_684]


@pytest.mark.parametrize(("n_channels", "n_sources", "stages"), [(61, 1283, 4), (8, 3, 2), (17, 100, 0)])
def test_every_pair_of_sizes_fits(n_channels, n_sources, stages):
    network = DirectUNet(n_channels=n_channels, n_sources=n_sources, width=2, stages=stages)
    assert network.logits(torch.randn(2, n_channels)).shape == (2, n_sources)


def test_attention_lets_the_decoder_close_a_skip():
    gate = AttentionGate(4)
    skip, decoded = torch.randn(2, 4, 9), torch.randn(2, 4, 9)
    assert (gate(skip, decoded).abs() <= skip.abs()).all()
    with torch.no_grad():
        gate.weight.weight.zero_()
        gate.weight.bias.fill_(-50.0)
    assert torch.allclose(gate(skip, decoded), torch.zeros_like(skip))


def test_the_configuration_makes_the_network_again(network, leadfield, samples):
    again = DirectUNet(**network.config)
    again.load_state_dict(network.state_dict())
    one, other = (net.bind(leadfield).eval()(samples.y) for net in (network, again))
    assert torch.equal(one, other)
    assert not set(network.state_dict()) ^ {
        name.removeprefix("network.") for name in network.bind(leadfield).state_dict()
    }


def test_shapes_and_scale(network, leadfield, samples):
    bound = network.bind(leadfield).eval()
    y = samples.y.repeat(1, 1, 2)
    with torch.no_grad():
        logits, currents = bound(y), bound.currents(y)
        assert logits.shape == (8, N_SOURCES, 2)
        assert currents.shape == (8, N_SOURCES, 1, 2)
        for factor in (1e-3, 250.0):
            torch.testing.assert_close(bound(factor * y), logits, rtol=1e-3, atol=1e-4)
            torch.testing.assert_close(bound.currents(factor * y), factor * currents, rtol=1e-3, atol=1e-15)
        assert not bound.currents(torch.zeros_like(y)).any()


def test_batches_are_loops(network, leadfield, samples):
    bound = network.bind(leadfield).eval()
    with torch.no_grad():
        looped = torch.cat([bound(samples.y[i : i + 1]) for i in range(len(samples))])
        torch.testing.assert_close(bound(samples.y), looped, rtol=1e-4, atol=1e-5)


def test_every_parameter_learns_and_one_batch_is_learned_by_heart(network, leadfield, samples):
    bound = network.bind(leadfield).train()
    loss = BinaryCrossEntropy()
    optimizer = torch.optim.Adam(bound.parameters(), lr=1e-2)
    losses = []
    for step in range(120):
        optimizer.zero_grad()
        losses.append(loss(bound(samples.y), samples, bound))
        losses[-1].backward()
        if step == 0:
            assert all(one.grad is not None and one.grad.any() for one in bound.parameters())
        optimizer.step()
    assert losses[-1] < 0.05 * losses[0]
    with torch.no_grad():
        found = bound(samples.y)[:, :, 0] > 0
    assert (found == (samples.coefficients > 0.5)).float().mean() > 0.98


def test_what_does_not_fit_is_refused(network, leadfield):
    with pytest.raises(InputError, match="20 channels instead of 32"):
        network.bind(leadfield.pick(leadfield.ch_names[:20]))
    other = LeadField.from_arrays(
        leadfield.gain[:, :50], leadfield.pos[:50], info=leadfield.info, normals=leadfield.normals[:50]
    )
    with pytest.raises(InputError, match="50 sources instead of 75"):
        network.bind(other)
    with pytest.raises(InputError, match="NaN"):
        network.bind(leadfield, np.full((32, 32), np.nan))
    with pytest.raises(InputError, match="lower depth"):
        DirectUNet(n_channels=4, n_sources=10, depth=3)


def test_an_empty_batch_is_empty_and_impossible_data_are_refused(network, leadfield, samples):
    bound = network.bind(leadfield).eval()
    assert bound.currents(torch.zeros(0, 32, 2)).shape == (0, N_SOURCES, 1, 2)
    with pytest.raises(InputError, match="takes \\(batch, 32, n_times\\)"):
        bound(samples.y[:, :20])
    with pytest.raises(InputError, match="NaN"):
        bound.currents(torch.full_like(samples.y, torch.nan))


def test_half_precision_keeps_microvolts(network, leadfield, samples):
    bound = network.bind(leadfield).eval()
    with torch.no_grad():
        exact = bound.currents(samples.y)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = bound.currents(samples.y)
    assert rounded.dtype == torch.float32
    assert (rounded - exact).norm() < 0.1 * exact.norm()
