"""ConvDip: sizes, both outputs, learning, other montages, MEG, refusals."""

from dataclasses import replace

import mne
import numpy as np
import pytest
import torch

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.networks.convdip import ConvDip
from headwater.simulation.presets import MULTI_SOURCE, PIUNET
from headwater.simulation.simulator import simulate
from headwater.training.losses.cosine import CosineDistance
from headwater.training.losses.currents import CurrentL2
from headwater.training.losses.hausdorff import WeightedHausdorff

SMALL = {"hidden": (64,)}


@pytest.fixture
def lead(request, free_leadfield, fixed_leadfield) -> LeadField:
    return {"free": free_leadfield, "fixed": fixed_leadfield}[request.param]


def data(n_times: int = 3, n_channels: int = 32) -> torch.Tensor:
    return 1e-6 * torch.randn(2, n_channels, n_times, generator=torch.Generator().manual_seed(0))


def test_sizes():
    """Table I of Morik et al. has 8.0 million at depth 3; the network of Hecker et al. has one hidden layer."""
    with torch.device("meta"):
        paper = ConvDip(n_sources=4819, n_orient=3, hidden=(512, 512))
        single = ConvDip(n_sources=5124)
    assert round(paper.n_parameters / 1e6, 1) == 8.0
    convolution, dense, out = 8 * 9 + 8 + 2 * 8, 8 * 7 * 11 * 512 + 512, 512 * 5124 + 5124
    assert single.n_parameters == convolution + dense + out


@pytest.mark.parametrize("lead", ["free", "fixed"], indirect=True)
@pytest.mark.parametrize("output", ["currents", "map"])
def test_shapes_configuration_and_saving(lead, output):
    torch.manual_seed(0)
    network = ConvDip.for_leadfield(lead, output=output, **SMALL)
    bound, y = network.bind(lead).eval(), data()
    assert bound.currents(y).shape == (2, lead.n_sources, lead.n_orient, 3)
    assert bound(y).shape == ((2, lead.n_sources, 3) if output == "map" else (2, lead.n_sources, lead.n_orient, 3))
    other = ConvDip(**network.config)
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.bind(lead).eval()(y), bound(y))
    assert set(network.state_dict()) == {name.removeprefix("network.") for name in bound.state_dict()}


@pytest.mark.parametrize("lead", ["free", "fixed"], indirect=True)
@pytest.mark.parametrize("output", ["currents", "map"])
def test_currents_are_in_proportion_to_the_data_and_each_time_is_seen_by_itself(lead, output):
    torch.manual_seed(0)
    bound, y = ConvDip.for_leadfield(lead, output=output, **SMALL).bind(lead).eval().requires_grad_(False), data()
    together = bound.currents(y)
    close = 1e-4 * float(together.abs().max())
    assert torch.allclose(bound.currents(1e-6 * y) * 1e6, together, rtol=1e-3, atol=close)
    for sample in range(2):
        for time in range(3):
            alone = bound.currents(y[sample : sample + 1, :, time : time + 1])[0, ..., 0]
            assert torch.allclose(alone, together[sample, ..., time], rtol=1e-3, atol=close)
    assert not bound.currents(0 * y).any()


@pytest.mark.parametrize("loss", [CurrentL2(), CosineDistance()])
def test_it_learns_the_currents_of_a_batch(free_leadfield, loss):
    samples = simulate(free_leadfield, PIUNET, n=8, seed=0)
    torch.manual_seed(0)
    bound = ConvDip.for_leadfield(free_leadfield, **SMALL).bind(free_leadfield)
    first, last = overfit(bound, loss, samples)
    assert last < 0.05 * first


def test_it_learns_the_places_of_a_batch(fixed_leadfield):
    preset = replace(MULTI_SOURCE, n_times=1, background=None)
    samples = simulate(fixed_leadfield, preset, n=8, seed=0)
    torch.manual_seed(0)
    bound = ConvDip.for_leadfield(fixed_leadfield, output="map", **SMALL).bind(fixed_leadfield)
    first, last = overfit(bound, WeightedHausdorff(), samples)
    assert last < 0.25 * first
    activity, active = bound(samples.y)[..., 0], samples.coefficients >= 0.5
    assert activity[active].mean() > 3 * activity[~active].mean()


def overfit(bound, loss, samples) -> tuple[float, float]:
    """Train on one batch; the losses before and after. All parameters must take part."""
    optimizer = torch.optim.Adam(bound.parameters(), 1e-3)
    losses = []
    for _ in range(150):
        optimizer.zero_grad()
        value = loss(bound(samples.y), samples, bound)
        value.backward()
        if not losses:
            assert all(parameter.grad.any() for parameter in bound.network.parameters())
        optimizer.step()
        losses.append(value.item())
    return losses[0], losses[-1]


def test_the_same_weights_take_another_montage(free_leadfield):
    """A missing electrode is bridged by the interpolation: the answer hardly changes."""
    samples = simulate(free_leadfield, PIUNET, n=8, seed=0)
    torch.manual_seed(0)
    network = ConvDip.for_leadfield(free_leadfield, **SMALL)
    fewer = [name for name in free_leadfield.ch_names if name != "C3"]
    keep = [free_leadfield.ch_names.index(name) for name in fewer]
    full, less = network.bind(free_leadfield).eval(), network.bind(free_leadfield.pick(fewer)).eval()
    one, other = full(samples.y).flatten(1), less(samples.y[:, keep]).flatten(1)
    assert ((one - other).norm(dim=1) < 0.4 * one.norm(dim=1)).all()


def test_planar_gradiometers_have_two_images(shared_data):
    info = mne.io.read_info(shared_data / "mne-sample" / "sample_audvis_trunc_raw_sss.fif", verbose="error")
    info = mne.pick_info(info, mne.pick_types(info, meg="grad", exclude="bads"))
    with info._unlock():
        info["projs"], info["comps"] = [], []
    gain = 1e-5 * np.random.default_rng(0).normal(size=(len(info["chs"]), 10))
    pos = 0.05 * np.random.default_rng(1).normal(size=(10, 3))
    leadfield = LeadField.from_arrays(gain, pos, info=info, normals=pos)
    network = ConvDip.for_leadfield(leadfield, **SMALL)
    assert network.n_images == 2
    y = 1e-12 * torch.randn(1, len(gain), 1, generator=torch.Generator().manual_seed(0))
    currents = network.bind(leadfield).eval().currents(y)
    assert currents.shape == (1, 10, 1, 1)
    assert torch.isfinite(currents).all()
    assert currents.any()


def test_what_does_not_fit_is_refused(free_leadfield, fixed_leadfield):
    network = ConvDip.for_leadfield(free_leadfield, **SMALL)
    with pytest.raises(InputError, match="141 sources instead of 142, 1 orientations per source instead of 3"):
        network.bind(fixed_leadfield)
    with pytest.raises(InputError, match="choose one of currents, map"):
        ConvDip(n_sources=5, output="sources")
    nowhere = LeadField.from_arrays(
        free_leadfield.gain, free_leadfield.pos, ch_names=free_leadfield.ch_names, ch_types="eeg"
    )
    with pytest.raises(InputError, match="no position"):
        network.bind(nowhere)


@pytest.mark.parametrize("output", ["currents", "map"])
def test_half_precision_keeps_physical_units(free_leadfield, output):
    torch.manual_seed(0)
    bound = ConvDip.for_leadfield(free_leadfield, output=output, **SMALL).bind(free_leadfield)
    bound, y = bound.eval().requires_grad_(False), 1e-9 * data()
    full = bound.currents(y)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = bound.currents(y)
    assert half.dtype == torch.float32
    assert (half - full).norm() < 0.03 * full.norm()
