"""The weighted Hausdorff distance: its formula, its limits, and what makes it smaller."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from headwater._utils.errors import InputError
from headwater.training.losses.hausdorff import WeightedHausdorff

# Five sources on a line of 4 cm: the largest distance is 0.04 m.
POS = np.array([[0.01 * i, 0.0, 0.0] for i in range(5)])
BOUND = SimpleNamespace(leadfield=SimpleNamespace(pos=POS))


def truth(*active: int) -> SimpleNamespace:
    coefficients = torch.zeros(1, 5)
    coefficients[0, list(active)] = 1.0
    return SimpleNamespace(coefficients=coefficients)


def one_hot(*active: int) -> torch.Tensor:
    return truth(*active).coefficients


def test_formula():
    p, exponent = np.array([0.1, 0.9, 0.2, 0.0, 0.5]), -1.5
    d = np.abs(np.arange(5)[:, None] - np.array([1, 3])) / 4
    weighted = p[:, None] * d + (1 - p[:, None])
    expected = (p * d.min(1)).sum() / p.sum() + (((weighted**exponent).mean(0)) ** (1 / exponent)).mean()
    loss = WeightedHausdorff(exponent=exponent)(torch.tensor(p, dtype=torch.float32)[None], truth(1, 3), BOUND)
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def test_the_distance_grows_with_that_of_the_peak():
    losses = [WeightedHausdorff()(one_hot(peak), truth(0), BOUND).item() for peak in range(5)]
    assert np.allclose(losses[0], 0, atol=1e-4)
    assert (np.diff(losses) > 0.2).all()


def test_steep_exponents_approach_the_minimum():
    prediction, mean_of_nearest = one_hot(0), (0.25 + 0.75) / 2
    loss = WeightedHausdorff(exponent=-500.0)(prediction, truth(1, 3), BOUND).item()
    assert loss == pytest.approx(0.25 + mean_of_nearest, abs=0.01)


def test_a_missed_source_costs_and_so_does_a_map_of_everything():
    loss = WeightedHausdorff()
    exact = loss(one_hot(0, 4), truth(0, 4), BOUND)
    assert loss(one_hot(0), truth(0, 4), BOUND) > exact + 0.3
    assert loss(torch.ones(1, 5), truth(0, 4), BOUND) > exact + 0.15


def test_empty_maps_have_a_gradient_that_points_to_the_sources():
    prediction = torch.full((1, 5), 1e-4, requires_grad=True)
    WeightedHausdorff()(prediction, truth(1), BOUND).backward()
    assert torch.isfinite(prediction.grad).all()
    assert prediction.grad.argmin() == 1


def test_a_map_for_each_time_counts_as_their_mean():
    first, second = one_hot(1), one_hot(3)
    both = WeightedHausdorff()(torch.stack([first, second], dim=2), truth(1), BOUND)
    alone = [WeightedHausdorff()(one, truth(1), BOUND) for one in (first, second)]
    assert both.item() == pytest.approx((alone[0] + alone[1]).item() / 2, rel=1e-5)


def test_samples_without_active_sources():
    some = SimpleNamespace(coefficients=torch.cat([one_hot(1), torch.zeros(1, 5)]))
    prediction = torch.cat([one_hot(2), one_hot(4)])
    expected = WeightedHausdorff()(one_hot(2), truth(1), BOUND)
    assert WeightedHausdorff()(prediction, some, BOUND).item() == pytest.approx(expected.item())
    with pytest.raises(InputError, match="No sample has a source"):
        WeightedHausdorff()(one_hot(2), truth(), BOUND)


def test_parameters_are_checked():
    with pytest.raises(InputError, match="threshold: it should be greater than 0"):
        WeightedHausdorff(threshold=0.0)
    with pytest.raises(InputError, match="exponent: it should be less than 0"):
        WeightedHausdorff(exponent=1.0)
