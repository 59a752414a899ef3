"""ConvNet for several sources: the paper's shapes, learning, invariance, currents, refusals."""

import pytest
import torch

from headwater._utils.errors import InputError
from headwater.networks.multi_source_convnet import MultiSourceConvNet
from headwater.simulation.presets import MULTI_SOURCE
from headwater.simulation.simulator import simulate
from headwater.training.losses.coefficients import CoefficientCrossEntropy, CoefficientL1

SMALL = {"filters": (32, 32), "hidden": (64,)}


@pytest.fixture
def network(fixed_leadfield) -> MultiSourceConvNet:
    torch.manual_seed(0)
    return MultiSourceConvNet.for_leadfield(fixed_leadfield, **SMALL)


@pytest.fixture(scope="module")
def samples(fixed_leadfield):
    return simulate(fixed_leadfield, MULTI_SOURCE, n=8, seed=0)


def test_the_papers_shapes():
    """Section II-C: 51 channels and 50 times in, 8196 coefficients out."""
    network = MultiSourceConvNet(n_channels=51, n_sources=8196).eval()
    assert network.layers(torch.zeros(1, 51, 50)).shape == (1, 8196)
    convolutions = [layer for layer in network.layers if isinstance(layer, torch.nn.Conv1d)]
    assert {layer.kernel_size for layer in convolutions} == {(3,)}


def test_shapes_configuration_and_saving(network, fixed_leadfield, samples):
    bound = network.bind(fixed_leadfield).eval().requires_grad_(False)
    n_sources = fixed_leadfield.n_sources
    assert bound.n_times == 50
    assert bound(samples.y).shape == (8, n_sources)
    assert ((bound(samples.y) >= 0) & (bound(samples.y) <= 1)).all()
    assert bound.currents(samples.y).shape == (8, n_sources, 1, 50)
    other = MultiSourceConvNet(**network.config)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.bind(fixed_leadfield).eval()(samples.y), bound(samples.y))
    assert set(network.state_dict()) == {name.removeprefix("network.") for name in bound.state_dict()}


@pytest.mark.parametrize("factor", [1e-6, 1e3])
def test_coefficients_do_not_depend_on_the_unit_and_currents_do(network, fixed_leadfield, samples, factor):
    bound = network.bind(fixed_leadfield).eval().requires_grad_(False)
    assert torch.allclose(bound(factor * samples.y), bound(samples.y), atol=1e-5)
    currents = bound.currents(samples.y)
    close = 1e-4 * float(currents.abs().max())
    assert torch.allclose(bound.currents(factor * samples.y) / factor, currents, rtol=1e-3, atol=close)


def test_a_batch_is_its_samples(network, fixed_leadfield, samples):
    bound = network.bind(fixed_leadfield).eval().requires_grad_(False)
    alone = torch.cat([bound.currents(one[None]) for one in samples.y])
    together = bound.currents(samples.y)
    assert torch.allclose(alone, together, rtol=1e-3, atol=1e-4 * float(together.abs().max()))


def test_currents_rank_sources_as_coefficients_do(network, fixed_leadfield, samples):
    bound = network.bind(fixed_leadfield).eval().requires_grad_(False)
    rms = bound.currents(samples.y).square().mean((2, 3)).sqrt()
    assert torch.allclose(
        rms / rms.amax(1, keepdim=True), bound(samples.y) / bound(samples.y).amax(1)[:, None], atol=1e-3
    )


def test_it_learns_a_batch_and_all_parameters_take_part(network, fixed_leadfield, samples):
    bound, loss = network.bind(fixed_leadfield), CoefficientCrossEntropy()
    optimizer = torch.optim.Adam(bound.parameters(), 1e-3)
    for step in range(120):
        optimizer.zero_grad()
        loss(bound(samples.y), samples, bound).backward()
        if step == 0:
            assert all(parameter.grad.any() for parameter in network.parameters())
        optimizer.step()
    empty = samples.coefficients.mean()
    assert CoefficientL1()(bound(samples.y), samples, bound) < 0.05 * empty


def test_what_does_not_fit_is_refused(network, fixed_leadfield, free_leadfield, samples):
    with pytest.raises(InputError, match="142 sources instead of 141"):
        network.bind(free_leadfield)
    with pytest.raises(InputError, match="30 channels instead of 32"):
        network.bind(fixed_leadfield.pick(fixed_leadfield.ch_names[:30]))
    with pytest.raises(InputError, match="49 time points and the network takes 50"):
        network.bind(fixed_leadfield)(samples.y[:, :, :49])
    with pytest.raises(InputError, match="at least 8 time points"):
        MultiSourceConvNet(n_channels=32, n_sources=5, n_times=7)
