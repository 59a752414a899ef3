"""The difference of maps, by hand."""

from types import SimpleNamespace

import pytest
import torch

from headwater.training.losses.coefficients import CoefficientCrossEntropy, CoefficientL1

SAMPLES = SimpleNamespace(coefficients=torch.tensor([[0.0, 1.0, 0.5], [0.0, 0.0, 0.25]]))


def test_mean_absolute_difference():
    prediction = torch.tensor([[0.1, 1.0, 0.5], [0.0, 0.3, 0.05]])
    assert CoefficientL1()(prediction, SAMPLES, None).item() == pytest.approx((0.1 + 0.3 + 0.2) / 6)


def test_a_map_for_each_time_is_compared_with_the_same_truth():
    prediction = torch.stack([SAMPLES.coefficients, SAMPLES.coefficients + 0.5], dim=2)
    assert CoefficientL1()(prediction, SAMPLES, None).item() == pytest.approx(0.25)


def test_cross_entropy_is_least_at_the_truth_and_pulls_by_the_difference():
    logits = torch.tensor([[-2.0, 1.0, 0.5], [0.0, -9.0, 2.0]], requires_grad=True)
    CoefficientCrossEntropy()(torch.sigmoid(logits), SAMPLES, None).backward()
    assert torch.allclose(logits.grad, (torch.sigmoid(logits) - SAMPLES.coefficients).detach() / 6, atol=1e-6)
