"""Losses of maps against their formulas."""

import math

import numpy as np
import pytest
import torch

from headwater.simulation.currents import DenseCurrents
from headwater.simulation.samples import Samples, Truth
from headwater.training.losses.maps import BinaryCrossEntropy, RootMeanSquareError


@pytest.fixture
def samples() -> Samples:
    """Two samples of four sources, one of them active."""
    x = torch.zeros(2, 4, 1, 1)
    x[0, 1], x[1, 3] = 2e-9, -4e-9
    nothing = torch.zeros(2, 1)
    truth = Truth(torch.tensor([[1], [3]]), nothing, nothing, torch.zeros(2, 1, 3), nothing, nothing)
    return Samples(torch.zeros(2, 5, 1), DenseCurrents(x), truth, 100.0)


@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0])
def test_knowing_nothing_costs_log_2_and_the_truth_nothing(samples, balance):
    loss = BinaryCrossEntropy(balance=balance)
    assert loss(torch.zeros(2, 4, 1), samples, None).item() == pytest.approx(math.log(2))
    right = 40 * (2 * samples.coefficients[:, :, None] - 1)
    assert loss(right, samples, None).item() == pytest.approx(0, abs=1e-6)


def test_balanced_a_miss_costs_as_much_as_three_false_alarms(samples):
    t = samples.coefficients[:, :, None]
    silent, alarm = torch.full_like(t, -5.0), torch.full_like(t, 5.0)
    assert BinaryCrossEntropy()(silent, samples, None) == pytest.approx(BinaryCrossEntropy()(alarm, samples, None))
    plain = BinaryCrossEntropy(balance=0.0)
    assert plain(alarm, samples, None) > 2 * plain(silent, samples, None)


def test_cross_entropy_is_its_formula(samples):
    z = torch.randn(2, 4, 1, dtype=torch.float64)
    p, t = torch.sigmoid(z).numpy(), samples.coefficients[:, :, None].double().numpy()
    w = math.sqrt((1 - t).sum() / t.sum())
    expected = -np.sum(w * t * np.log(p) + (1 - t) * np.log(1 - p)) / np.sum(w * t + 1 - t)
    assert BinaryCrossEntropy(balance=0.5)(z.float(), samples, None).item() == pytest.approx(expected, rel=1e-5)


def test_root_mean_square_error_is_relative_to_the_peak(samples):
    loss = RootMeanSquareError()
    right = torch.zeros(2, 4, 1, 1)
    right[0, 1], right[1, 3] = 1.0, -1.0
    assert loss(right, samples, None).item() == pytest.approx(0, abs=1e-15)
    assert loss(torch.zeros_like(right), samples, None).item() == pytest.approx(0.5)  # sqrt(1 / 4) in both
    prediction = right.clone().requires_grad_()
    loss(prediction, samples, None).backward()
    assert torch.isfinite(prediction.grad).all()
