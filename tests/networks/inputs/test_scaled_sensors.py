"""Standardised data: reference, size, mixed sensors; lead fields that do not fit."""

import mne
import numpy as np
import pytest
import torch

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.networks.base.fixed import check_sizes
from headwater.networks.inputs.scaled_sensors import ScaledSensors
from headwater.solvers.inputs.whitening import whiten


@pytest.fixture
def y() -> torch.Tensor:
    return torch.as_tensor(1e-6 * np.random.default_rng(0).normal(1.0, 1.0, (3, 32, 5)), dtype=torch.float32)


def test_each_time_has_zero_mean_and_unit_variance(free_leadfield, y):
    standard, size = ScaledSensors(whiten(free_leadfield, None).leadfield)(y)
    referenced = y - y.mean(1, keepdim=True)
    assert torch.allclose(standard.mean(1), torch.zeros(3, 5), atol=1e-6)
    assert torch.allclose(standard.square().mean(1), torch.ones(3, 5), atol=1e-5)
    assert torch.allclose(standard, referenced / referenced.square().mean(1, keepdim=True).sqrt(), atol=1e-5)
    assert size.shape == (3, 1, 5)


def test_windows_keep_the_course_of_power(free_leadfield, y):
    y = y * torch.linspace(1, 9, 5)
    standard, size = ScaledSensors(whiten(free_leadfield, None).leadfield)(y, windows=True)
    power = standard.square().mean(1)
    assert torch.allclose(power.mean(1), torch.ones(3), atol=1e-5)
    assert (power[:, -1] > 20 * power[:, 0]).all()
    assert size.shape == (3, 1, 1)


def test_size_is_that_of_independent_sources(free_leadfield):
    x = 1e-9 * np.random.default_rng(1).normal(size=(free_leadfield.matrix.shape[1], 4000))
    y = torch.as_tensor(free_leadfield.matrix @ x, dtype=torch.float32)[None]
    _, size = ScaledSensors(whiten(free_leadfield, None).leadfield)(y, windows=True)
    assert size.item() == pytest.approx(1e-9, rel=0.05)


def test_silence_stays_silent(free_leadfield):
    standard, size = ScaledSensors(whiten(free_leadfield, None).leadfield)(torch.zeros(2, 32, 3))
    assert not standard.any()
    assert not size.any()


def test_types_of_sensors_count_alike(free_leadfield):
    """The same sensors in a unit 1e9 times smaller have the same data after it."""
    names = free_leadfield.ch_names
    info = mne.create_info(names, 1.0, ["mag"] * 16 + ["grad"] * 16)
    units = np.array([1.0] * 16 + [1e-9] * 16)[:, np.newaxis]
    gain, pos = free_leadfield.gain, free_leadfield.pos
    mixed, smaller = (LeadField.from_arrays(unit * gain, pos, info=info) for unit in (1.0, units[:, :, np.newaxis]))
    y = torch.randn(2, 32, 4, generator=torch.Generator().manual_seed(0))
    same = y * torch.as_tensor(units, dtype=torch.float32)
    assert torch.allclose(ScaledSensors(mixed)(y)[0], ScaledSensors(smaller)(same)[0], atol=1e-5)


def test_other_numbers_of_channels_are_refused(free_leadfield, y):
    with pytest.raises(InputError, match="have shape .3, 31, 5.*takes .batch, 32, n_times"):
        ScaledSensors(whiten(free_leadfield, None).leadfield)(y[:, :31])


def test_what_does_not_fit_is_named():
    network = torch.nn.Module()
    network.n_channels, network.n_sources = 61, 5
    check_sizes(network, n_channels=61, n_sources=5)
    with pytest.raises(InputError, match="60 channels instead of 61, 7 sources instead of 5"):
        check_sizes(network, n_channels=60, n_sources=7)
