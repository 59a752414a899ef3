"""What networks that predict waveforms of regions share, run over all of them."""

import inspect
from dataclasses import replace

import mne
import numpy as np
import pytest
import torch

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.forward.make import make_leadfield
from headwater.head.sensors import montage_info
from headwater.head.template import template_head
from headwater.networks.base.regional import RegionalNetwork
from headwater.networks.cnn_transformer import CNNTransformer
from headwater.networks.deepsif import DeepSIF
from headwater.networks.gru_dual_path import GRUDualPath

N_TIMES = 12
SMALL = {
    CNNTransformer: {"shape": (5, 6), "channels": (3, 4), "d_model": 16, "feedforward": 32, "n_layers": 2},
    DeepSIF: {"hidden": 24, "n_layers": 2},
    GRUDualPath: {"hidden": 24, "cells": 8},
}


@pytest.fixture(scope="module")
def leadfield() -> LeadField:
    """16 electrodes, 1284 sources normal to the cortex; a tenth of them lies in no region."""
    head = template_head()
    info = montage_info(head, "biosemi16")
    return make_leadfield(head, info, space="cortex", spacing="ico3", method="sphere", orient="fixed")


@pytest.fixture(params=SMALL, ids=lambda kind: kind.__name__)
def kind(request) -> type[RegionalNetwork]:
    return request.param


@pytest.fixture
def network(kind, leadfield) -> RegionalNetwork:
    torch.manual_seed(0)
    return kind.for_leadfield(leadfield, N_TIMES, **SMALL[kind]).eval()


@pytest.fixture
def y(leadfield) -> torch.Tensor:
    """Three samples of noise in V, with an offset common to all electrodes."""
    generator = torch.Generator().manual_seed(1)
    return 1e-6 * torch.randn(3, leadfield.n_channels, N_TIMES, generator=generator) + 3e-6


def test_configuration_is_keywords_and_makes_the_network_again(kind, network):
    parameters = inspect.signature(kind).parameters.values()
    assert all(each.kind is each.KEYWORD_ONLY and each.default is not each.empty for each in parameters)
    assert all(network.config[name] == value for name, value in SMALL[kind].items())
    again = kind(**network.config)
    again.load_state_dict(network.state_dict())
    assert again.n_parameters == network.n_parameters


def test_shapes_and_parameters_alone_in_the_state(network, leadfield, y):
    bound = network.bind(leadfield)
    assert bound.n_times == N_TIMES
    assert bound(y).shape == (3, 68, N_TIMES)
    currents = bound.currents(y)
    assert currents.shape == (3, 1284, 1, N_TIMES)
    assert currents.dtype == torch.float32
    assert {f"network.{name}" for name in network.state_dict()} == set(bound.state_dict())


def test_state_goes_round(kind, network, leadfield, y):
    other = kind(**network.config).eval()
    assert not torch.equal(other.bind(leadfield)(y), network.bind(leadfield)(y))
    other.load_state_dict(network.state_dict())
    assert torch.equal(other.bind(leadfield)(y), network.bind(leadfield)(y))


@pytest.mark.parametrize("n_times", [1, 5, 30])
def test_windows_of_other_lengths_are_taken(network, leadfield, n_times):
    y = 1e-6 * torch.randn(2, leadfield.n_channels, n_times)
    assert network.bind(leadfield).currents(y).shape[-1] == n_times


def test_gradient_reaches_every_parameter(network, leadfield, y):
    bound = network.bind(leadfield).train()
    bound(y).square().sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in network.parameters())


@pytest.mark.parametrize("factor", [1e-3, 250.0])
def test_scale_of_the_data_is_that_of_the_currents_alone(network, leadfield, y, factor):
    bound = network.bind(leadfield)
    assert torch.allclose(bound(factor * y), bound(y), atol=1e-5)
    assert torch.allclose(bound.currents(factor * y), factor * bound.currents(y), rtol=1e-3, atol=1e-4 * factor * 1e-9)


def test_reference_does_not_matter(network, leadfield, y):
    bound = network.bind(leadfield)
    assert torch.allclose(bound.currents(y - y[:, :1]), bound.currents(y), rtol=1e-3, atol=1e-12)


def test_batches_are_loops(network, leadfield, y):
    bound = network.bind(leadfield)
    looped = torch.cat([bound.currents(sample[None]) for sample in y])
    assert torch.allclose(bound.currents(y), looped, rtol=1e-3, atol=1e-13)


def test_silence_has_no_currents(network, leadfield, y):
    assert not network.bind(leadfield).currents(torch.zeros_like(y)).any()


def test_currents_are_those_of_the_regions_that_explain_the_data_best(network, leadfield, y):
    bound = network.bind(leadfield)
    currents = bound.currents(y)[:, :, 0]
    region = torch.as_tensor(leadfield.region_ids)
    assert not currents[:, region < 0].any()
    waveforms, inside = bound(y), currents[:, region >= 0]
    shape = waveforms[:, region[region >= 0]]
    ratio = (inside * shape).sum((1, 2)) / shape.square().sum((1, 2))
    assert torch.allclose(inside, ratio[:, None, None] * shape, rtol=1e-3, atol=1e-13)
    gain = torch.as_tensor(leadfield.gain[:, :, 0], dtype=torch.float32)
    seen = gain @ currents
    seen = seen - seen.mean(1, keepdim=True)
    rest = y - y.mean(1, keepdim=True) - seen  # the residual of a least-squares fit is orthogonal to the fit
    cosine = (rest * seen).sum((1, 2)) / (rest.flatten(1).norm(dim=1) * seen.flatten(1).norm(dim=1))
    assert (cosine.abs() < 1e-3).all()


def test_free_orientation_is_along_the_normals(network, leadfield, y):
    gain = leadfield.gain * leadfield.normals  # three orientations that see nothing but the normal's part
    free = network.bind(replace(leadfield, gain=gain)).currents(y)
    assert free.shape == (3, 1284, 3, N_TIMES)
    fixed = network.bind(leadfield).currents(y)
    assert torch.allclose(free, fixed * torch.as_tensor(leadfield.normals, dtype=torch.float32)[:, :, None], rtol=1e-3)


def test_each_source_can_be_a_region(kind, leadfield, y):
    network = kind.for_leadfield(leadfield, N_TIMES, by_source=True, **SMALL[kind]).eval()
    nameless = replace(leadfield, region_ids=np.full(1284, -1), region_names=())
    bound = network.bind(nameless)
    assert bound(y).shape == (3, 1284, N_TIMES)
    ratio = bound.currents(y)[:, :, 0] / bound(y)
    assert torch.allclose(ratio, ratio[:, :1, :1].expand_as(ratio), rtol=1e-3)


def test_bad_channels_and_projections_are_left_out(kind, leadfield, y):
    info = leadfield.info.copy()
    info["bads"] = [leadfield.ch_names[3]]
    flawed = replace(leadfield, info=info)
    network = kind.for_leadfield(flawed, N_TIMES, **SMALL[kind]).eval()
    good = [name for name in leadfield.ch_names if name != leadfield.ch_names[3]]
    bound = network.bind(flawed)
    assert bound.leadfield.ch_names == good
    picked = y[:, [leadfield.ch_names.index(name) for name in good]]
    assert torch.allclose(bound.currents(picked), network.bind(leadfield.pick(good)).currents(picked))
    direction = np.random.default_rng(0).normal(size=15)
    direction -= direction.mean()
    direction /= np.linalg.norm(direction)
    data = {"nrow": 1, "ncol": 15, "row_names": None, "col_names": good, "data": direction[np.newaxis]}
    projection = mne.Projection(active=False, data=data, desc="artifact", kind=1)
    covariance = mne.Covariance(np.eye(15), good, bads=info["bads"], projs=[projection], nfree=1)
    bound = network.bind(leadfield, covariance)
    artifact = 1e-5 * torch.as_tensor(direction, dtype=torch.float32)[:, None]
    assert torch.allclose(bound(picked + artifact), bound(picked), atol=1e-3)


def test_lead_fields_without_regions_or_with_others_are_refused(kind, network, leadfield):
    nameless = replace(leadfield, region_ids=np.full(1284, -1), region_names=())
    with pytest.raises(InputError, match="has no regions"):
        kind.for_leadfield(nameless, N_TIMES)
    with pytest.raises(InputError, match="has no regions"):
        network.bind(nameless)
    fewer = replace(
        leadfield, region_ids=np.where(leadfield.region_ids == 67, -1, leadfield.region_ids),
        region_names=leadfield.region_names[:-1],
    )  # fmt: skip
    with pytest.raises(InputError, match="67 regions instead of 68"):
        network.bind(fewer)


def test_sources_without_normals_are_refused(network, leadfield):
    volume = replace(leadfield, gain=np.repeat(leadfield.gain, 3, axis=2), normals=np.zeros((1284, 3)))
    with pytest.raises(InputError, match="along the normals of the cortex"):
        network.bind(volume)


def test_several_types_of_sensors_are_refused(network, leadfield):
    info = leadfield.info.copy().set_channel_types(dict.fromkeys(leadfield.ch_names[:4], "mag"), verbose="error")
    covariance = mne.Covariance(np.eye(16), leadfield.ch_names, bads=[], projs=[], nfree=1)
    with pytest.raises(InputError, match="one type of sensors, but the lead field has eeg, mag"):
        network.bind(replace(leadfield, info=info), covariance)


def test_data_that_are_not_numbers_or_of_other_channels_are_refused(network, leadfield, y):
    bound = network.bind(leadfield)
    broken = y.clone()
    broken[1, 2, 3] = torch.nan
    with pytest.raises(InputError, match="NaN"):
        bound.currents(broken)
    with pytest.raises(InputError, match=r"\(batch, 16, n_times\)"):
        bound(y[:, :10])
