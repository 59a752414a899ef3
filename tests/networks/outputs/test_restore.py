"""Currents of a map: exact where one source explains all, in proportion to the data, faithful to the map."""

import numpy as np
import pytest
import torch

from headwater.networks.outputs.restore import currents_from_map
from headwater.solvers.inputs.whitening import whiten

N_TIMES = 20


def gain_of(leadfield) -> torch.Tensor:
    return torch.as_tensor(whiten(leadfield, None).gain, dtype=torch.float32)


def restored_from(activity: torch.Tensor, white: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
    return currents_from_map(activity, white, torch.eye(len(gain)), gain)


def courses(*shape: int) -> torch.Tensor:
    return 1e-8 * torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("n_times", [1, N_TIMES])
def test_one_fixed_source_is_restored_exactly(fixed_leadfield, n_times):
    gain = gain_of(fixed_leadfield)
    x = torch.zeros(2, gain.shape[1], 1, n_times)
    x[0, 17], x[1, 90] = courses(2, 1, n_times)
    activity = (x.square().sum((2, 3)) > 0) * 0.3
    restored = restored_from(activity, gain.flatten(1) @ x.flatten(1, 2), gain)
    assert torch.allclose(restored, x, rtol=1e-3, atol=1e-13)


def test_orientation_and_amplitude_of_a_free_source(free_leadfield):
    gain = gain_of(free_leadfield)
    errors = []
    for source in range(0, gain.shape[1], 10):
        x = torch.zeros(1, gain.shape[1], 3, 1)
        x[0, source, :, 0] = courses(free_leadfield.n_sources, 3)[source]
        activity = (x.square().sum((2, 3)) > 0).float()
        restored = restored_from(activity, gain.flatten(1) @ x.flatten(1, 2), gain)
        errors.append(((restored - x).norm() / x.norm()).item())
    assert np.median(errors) < 0.2


def test_the_map_is_kept_and_data_are_explained(fixed_leadfield):
    gain = gain_of(fixed_leadfield)
    x = torch.zeros(1, gain.shape[1], 1, N_TIMES)
    x[0, [17, 90], 0] = courses(2, N_TIMES)
    activity = 0.02 + 0.9 * (x.square().sum((2, 3)) > 0)
    y = gain.flatten(1) @ x.flatten(1, 2)
    restored = restored_from(activity, y, gain)
    rms = restored.square().mean((2, 3)).sqrt()
    assert torch.allclose(rms / rms.max(), activity / activity.max(), atol=1e-4)
    left = y - gain.flatten(1) @ restored.flatten(1, 2)
    assert left.square().sum() < 0.5 * y.square().sum()
    assert abs((left * (y - left)).sum()) < 1e-3 * y.square().sum()  # no factor would explain more
    for source in (17, 90):
        assert np.corrcoef(restored[0, source, 0], x[0, source, 0])[0, 1] > 0.9


@pytest.mark.parametrize("factor", [1e-6, 1e5])
def test_currents_are_in_proportion_to_the_data(free_leadfield, factor):
    gain = gain_of(free_leadfield)
    generator = torch.Generator().manual_seed(1)
    activity, y = torch.rand(2, gain.shape[1], generator=generator), torch.randn(2, len(gain), 3, generator=generator)
    assert torch.allclose(
        restored_from(activity, factor * y, gain) / factor, restored_from(activity, y, gain), rtol=1e-3
    )


def test_neither_an_empty_map_nor_silence_gives_currents(free_leadfield):
    gain = gain_of(free_leadfield)
    assert not restored_from(torch.zeros(1, gain.shape[1]), torch.ones(1, len(gain), 2), gain).any()
    assert not restored_from(torch.ones(1, gain.shape[1]), torch.zeros(1, len(gain), 2), gain).any()
