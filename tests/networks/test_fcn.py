"""FCN: the paper's sizes, learning, proportion to the data, refusals."""

from dataclasses import replace

import pytest
import torch

from headwater._utils.errors import InputError
from headwater.networks.fcn import FCN
from headwater.simulation.presets import PIUNET
from headwater.simulation.simulator import simulate
from headwater.training.losses.currents import CurrentL2

SMALL = {"hidden": (64, 64)}


@pytest.fixture
def network(free_leadfield) -> FCN:
    torch.manual_seed(0)
    return FCN.for_leadfield(free_leadfield, **SMALL)


@pytest.fixture(scope="module")
def samples(free_leadfield):
    return simulate(free_leadfield, PIUNET, n=8, seed=0)


# Table I of Morik et al., in millions with one decimal; the largest is given as 774.0, which is cut, not rounded.
@pytest.mark.parametrize(
    ("hidden", "millions"),
    [
        ((512,) * 3, 8.0),
        ((1024,) * 3, 17.0),
        ((1024,) * 4, 18.0),
        ((4096,) * 3, 93.0),
        pytest.param((16384,) * 3, 774.8),
    ],
)
def test_sizes_are_those_of_the_paper(hidden, millions):
    with torch.device("meta"):
        network = FCN(n_channels=61, n_sources=4819, hidden=hidden)
    assert round(network.n_parameters / 1e6, 1) == millions


def test_the_default_is_the_papers():
    with torch.device("meta"):
        assert FCN(n_channels=61, n_sources=4819).n_parameters == 16_981_113


def test_shapes_and_configuration(network, free_leadfield):
    bound = network.bind(free_leadfield)
    y = 1e-6 * torch.randn(2, 32, 3)
    assert bound(y).shape == bound.currents(y).shape == (2, free_leadfield.n_sources, 3, 3)
    assert network.config == {"n_channels": 32, "n_sources": free_leadfield.n_sources, "n_orient": 3, **SMALL}
    other = FCN(**network.config)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.bind(free_leadfield)(y), bound(y))
    assert set(network.state_dict()) == {
        name.removeprefix("network.") for name in bound.state_dict()
    }  # buffers of the lead field are not saved


@pytest.mark.parametrize("factor", [1e-6, 1e3])
def test_currents_are_in_proportion_to_the_data(network, free_leadfield, factor):
    bound = network.bind(free_leadfield).requires_grad_(False)
    y = 1e-6 * torch.randn(2, 32, 3)
    expected = bound.currents(y) if factor > 0 else -bound.currents(-y)
    assert torch.allclose(
        bound.currents(factor * y) / factor, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max())
    )


def test_each_time_and_sample_is_seen_by_itself(network, free_leadfield):
    bound = network.bind(free_leadfield).requires_grad_(False)
    y = 1e-6 * torch.randn(2, 32, 3)
    together = bound(y)
    close = 1e-5 * float(together.abs().max())
    for sample in range(2):
        for time in range(3):
            alone = bound(y[sample : sample + 1, :, time : time + 1])[0, ..., 0]
            assert torch.allclose(alone, together[sample, ..., time], rtol=1e-4, atol=close)


def test_it_learns_a_batch_and_all_parameters_take_part(network, free_leadfield, samples):
    bound, loss = network.bind(free_leadfield), CurrentL2()
    optimizer = torch.optim.Adam(bound.parameters(), 3e-3)
    first = loss(bound(samples.y), samples, bound)
    first.backward()
    assert all(parameter.grad.any() for parameter in network.parameters())
    for _ in range(100):
        optimizer.zero_grad()
        value = loss(bound(samples.y), samples, bound)
        value.backward()
        optimizer.step()
    assert value < 1e-3 * first


def test_silence_has_no_sources(network, free_leadfield):
    assert not network.bind(free_leadfield)(torch.zeros(1, 32, 2)).any()


def test_bad_channels_are_left_out(free_leadfield):
    info = free_leadfield.info.copy()
    info["bads"] = [free_leadfield.ch_names[4]]
    leadfield = replace(free_leadfield, info=info)
    bound = FCN.for_leadfield(leadfield, **SMALL).bind(leadfield)
    assert bound.leadfield.ch_names == [name for name in leadfield.ch_names if name not in info["bads"]]
    assert bound(torch.randn(1, 31, 1)).shape == (1, leadfield.n_sources, 3, 1)


def test_other_lead_fields_are_refused(network, free_leadfield, fixed_leadfield):
    with pytest.raises(InputError, match="30 channels instead of 32; use the lead field of its training"):
        network.bind(free_leadfield.pick(free_leadfield.ch_names[:30]))
    with pytest.raises(InputError, match="1 orientations per source instead of 3"):
        network.bind(fixed_leadfield)
