"""4LCNN: the paper's size, dipoles told from sources, equivariance, learning, refusals, MEG."""

import mne
import numpy as np
import pytest
import torch
from scipy import sparse
from scipy.spatial import cKDTree

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.forward.sphere import sphere_eeg
from headwater.networks.four_layer_cnn import FourLayerCNN, dipoles
from headwater.networks.inputs.topomap import HEAD_CENTER, sensor_positions
from headwater.simulation.noise import White
from headwater.simulation.presets import SUBCORTICAL, Preset
from headwater.simulation.simulator import simulate
from headwater.training.losses.maps import RootMeanSquareError

N_CORTICAL, N_DEEP = 60, 12
SMALL = {"shape": (9, 9), "filters": 8}


@pytest.fixture(scope="module")
def leadfield() -> LeadField:
    """Free sources in a sphere: a shell with radial normals, and some deep ones without a normal."""
    info = mne.create_info(mne.channels.make_standard_montage("biosemi32").ch_names, 100.0, "eeg")
    info.set_montage("biosemi32")
    rng = np.random.default_rng(1)
    towards = rng.normal(size=(N_CORTICAL + N_DEEP, 3))
    towards[:, 2] = np.abs(towards[:, 2])
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    pos = np.r_[0.07 * towards[:N_CORTICAL], 0.03 * towards[N_CORTICAL:]]
    gain = sphere_eeg(
        sensor_positions(info) - HEAD_CENTER, pos, np.array([0.08, 0.085, 0.09]), np.array([0.3, 0.006, 0.3])
    )
    neighbours = cKDTree(pos).query(pos, 4)[1][:, 1:]
    adjacency = np.zeros((len(pos), len(pos)))
    np.put_along_axis(adjacency, neighbours, 1.0, axis=1)
    normals = np.r_[towards[:N_CORTICAL], np.zeros((N_DEEP, 3))]
    regions = ["sheet"] * N_CORTICAL + ["deep"] * N_DEEP
    return LeadField.from_arrays(
        gain,
        pos + HEAD_CENTER,
        info=info,
        normals=normals,
        regions=regions,
        adjacency=sparse.csr_array(np.maximum(adjacency, adjacency.T)),
    )


def stirred(network: FourLayerCNN) -> FourLayerCNN:
    """Give a network, which begins with no activity anywhere, some."""
    torch.nn.init.normal_(network.layers[-1].weight, std=0.01)
    return network


@pytest.fixture
def network(leadfield) -> FourLayerCNN:
    torch.manual_seed(0)
    return stirred(FourLayerCNN.for_leadfield(leadfield, **SMALL))


@pytest.fixture(scope="module")
def samples(leadfield):
    preset = Preset(name="tiny", sources=SUBCORTICAL.sources, noise=White(30.0))
    return simulate(leadfield, preset, 6, seed=3)


def test_as_many_parameters_as_the_paper_implies():
    n_outputs = 1000
    first, others = 32 * (9 + 1), 3 * 32 * (32 * 9 + 1)
    normalisation = 4 * 2 * 32
    assert FourLayerCNN(n_outputs=n_outputs).n_parameters == first + others + normalisation + 21_633 * n_outputs
    (connected,) = (one for one in FourLayerCNN(n_outputs=3).modules() if isinstance(one, torch.nn.Linear))
    assert connected.in_features == 21_632


def test_an_untrained_network_is_quiet(leadfield, samples):
    bound = FourLayerCNN.for_leadfield(leadfield, **SMALL).bind(leadfield)
    assert not bound.currents(samples.y).any()


def test_the_configuration_makes_the_network_again(network):
    again = FourLayerCNN(**network.config)
    again.load_state_dict(network.state_dict())
    y = torch.randn(2, 1, 9, 9)
    assert torch.equal(again.eval().layers(y), network.eval().layers(y))


def test_cortical_sources_have_one_dipole_and_deep_ones_three(leadfield):
    source, direction = dipoles(leadfield)
    assert len(source) == N_CORTICAL + 3 * N_DEEP
    assert np.array_equal(direction[:N_CORTICAL], leadfield.normals[:N_CORTICAL])
    assert np.array_equal(direction[N_CORTICAL:], np.tile(np.eye(3), (N_DEEP, 1)))
    source, direction = dipoles(_fixed(leadfield))
    assert np.array_equal(source, np.arange(leadfield.n_sources))
    assert direction.shape == (leadfield.n_sources, 1)


def _fixed(leadfield: LeadField) -> LeadField:
    """The same sources, all along an axis."""
    return LeadField.from_arrays(
        leadfield.gain[:, :, 0],
        leadfield.pos,
        info=leadfield.info,
        normals=np.tile([1.0, 0, 0], (len(leadfield.pos), 1)),
    )


def test_shapes_and_directions(network, leadfield, samples):
    bound = network.bind(leadfield).eval()
    y = samples.y.repeat(1, 1, 3)
    with torch.no_grad():
        relative, currents = bound(y), bound.currents(y)
    assert relative.shape == currents.shape == (6, leadfield.n_sources, 3, 3)
    along = np.einsum("bsxt,sx->bst", relative.numpy(), leadfield.normals)[:, :N_CORTICAL]
    assert np.allclose(
        relative.numpy()[:, :N_CORTICAL], along[:, :, None] * leadfield.normals[:N_CORTICAL, :, None], atol=1e-6
    )
    torch.testing.assert_close(relative[..., 0], relative[..., 2])
    assert not set(network.state_dict()) ^ {name.removeprefix("network.") for name in bound.state_dict()}


def test_data_times_k_give_the_same_map_and_currents_times_k(network, leadfield, samples):
    bound = network.bind(leadfield).eval()
    with torch.no_grad():
        for factor in (1e-3, 250.0):
            torch.testing.assert_close(bound(factor * samples.y), bound(samples.y), rtol=1e-4, atol=1e-6)
            torch.testing.assert_close(
                bound.currents(factor * samples.y), factor * bound.currents(samples.y), rtol=1e-3, atol=1e-15
            )
        assert bound(samples.y).any()
        offset = bound.currents(samples.y + 1e-5)
        torch.testing.assert_close(offset, bound.currents(samples.y), rtol=1e-2, atol=1e-12)
        assert not bound.currents(torch.zeros_like(samples.y)).any()


def test_the_size_is_what_explains_the_data(network, leadfield):
    bound = network.bind(leadfield).eval()
    x = torch.randn(2, leadfield.n_sources, 3, 1)
    y = torch.einsum("csx,bsxt->bct", torch.as_tensor(leadfield.gain, dtype=torch.float32), 3e-9 * x)
    torch.testing.assert_close(bound.maps.restored(x, y), 3e-9 * x, rtol=1e-4, atol=0.0)


def test_batches_are_loops(network, leadfield, samples):
    bound = network.bind(leadfield).eval()
    with torch.no_grad():
        looped = torch.cat([bound(samples.y[i : i + 1]) for i in range(len(samples))])
        torch.testing.assert_close(bound(samples.y), looped, rtol=1e-4, atol=1e-6)


def test_every_parameter_learns_and_one_batch_is_learned_by_heart(leadfield, samples):
    torch.manual_seed(0)
    bound = FourLayerCNN.for_leadfield(leadfield, dropout=0.0, **SMALL).bind(leadfield).train()
    loss = RootMeanSquareError()
    optimizer = torch.optim.Adam(bound.parameters(), lr=3e-3, betas=(0.5, 0.999))
    losses = []
    for _ in range(150):
        optimizer.zero_grad()
        losses.append(loss(bound(samples.y), samples, bound))
        losses[-1].backward()
        optimizer.step()
    weights = [one for name, one in bound.named_parameters() if not name.endswith("0.bias")]  # lost in normalisation
    assert all(one.grad.any() for one in weights)
    assert losses[-1] < 0.2 * losses[0]
    with torch.no_grad():
        error = (bound.currents(samples.y) - samples.x).norm() / samples.x.norm()
    assert error < 0.3


def test_other_sources_and_broken_covariances_are_refused(network, leadfield):
    with pytest.raises(InputError, match="72 dipoles instead of 96"):
        network.bind(_fixed(leadfield))
    with pytest.raises(InputError, match="NaN"):
        network.bind(leadfield, np.full((32, 32), np.nan))


def test_another_montage_of_the_same_sources_will_do(network, leadfield, samples):
    some = leadfield.pick(leadfield.ch_names[:20])
    bound = network.bind(some).eval()
    assert bound(samples.y[:, :20]).shape == (6, leadfield.n_sources, 3, 1)


def test_bad_channels_are_left_out(network, leadfield):
    leadfield = leadfield.pick(leadfield.ch_names[::-1])
    leadfield.info["bads"] = leadfield.ch_names[:2]
    assert network.bind(leadfield).leadfield.ch_names == leadfield.ch_names[2:]


def test_meg_has_a_topography_for_each_kind_of_sensor(leadfield):
    rng = np.random.default_rng(2)
    kinds = {"mag": 1, "grad": 2}
    info = mne.create_info([f"{kind}{i}" for i in range(10) for kind in ("mag", "grad", "other")], 100.0, "mag")
    towards = rng.normal(size=(10, 3))
    towards[:, 2] = np.abs(towards[:, 2])
    places = 0.1 * towards / np.linalg.norm(towards, axis=1, keepdims=True) + HEAD_CENTER
    info.set_channel_types(
        {name: "grad" for name in info.ch_names if not name.startswith("mag")}, on_unit_change="ignore"
    )
    for number, channel in enumerate(info["chs"]):
        channel["loc"][:3] = places[number // 3]
    with info._unlock():
        info["dev_head_t"] = mne.transforms.Transform("meg", "head", np.eye(4))
    gain = 1e-6 * rng.normal(size=(30, 5, 3))
    meg = LeadField.from_arrays(gain, rng.normal(size=(5, 3)) * 0.02 + HEAD_CENTER, info=info)
    both = stirred(FourLayerCNN.for_leadfield(meg, **SMALL))
    assert both.n_images == sum(kinds.values())
    cov = np.diag(np.where(np.array(meg.ch_types) == "mag", 1e-15, 1e-13) ** 2)
    bound = both.bind(meg, cov).eval()
    y = 1e-12 * torch.randn(2, 30, 1)
    with torch.no_grad():
        currents = bound.currents(y)
        torch.testing.assert_close(bound.currents(1e-2 * y), 1e-2 * currents, rtol=1e-3, atol=0.0)
    assert currents.shape == (2, 5, 3, 1)
    assert torch.isfinite(currents).all()
    assert currents.any()


def test_an_empty_batch_is_empty_and_impossible_data_are_refused(network, leadfield, samples):
    bound = network.bind(leadfield).eval()
    assert bound.currents(torch.zeros(0, 32, 2)).shape == (0, leadfield.n_sources, 3, 2)
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
