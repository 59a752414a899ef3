"""Losses on currents, by hand."""

from types import SimpleNamespace

import pytest
import torch

from headwater.training.losses.amplitude import CosineDistance, NormalizedMSE

X = 1e-9 * torch.tensor([[[[3.0], [4.0]]], [[[0.0], [2.0]]]])  # two samples, one source, two orientations
SAMPLES = SimpleNamespace(x=X)


@pytest.mark.parametrize("size", [1.0, 1e-14])
def test_mse_is_relative_to_the_power_of_each_sample(size):
    x = size * X
    estimate = x.clone()
    estimate[1, 0, 0, 0] = size * 1e-9
    loss = NormalizedMSE()(estimate, SimpleNamespace(x=x), None)
    assert loss.item() == pytest.approx((0 + 1 / 4) / 2, rel=1e-5)
    assert NormalizedMSE()(0 * x, SimpleNamespace(x=x), None).item() == pytest.approx(1.0)


def test_cosine_leaves_amplitude_free_and_sees_the_sign():
    assert CosineDistance()(7 * X, SAMPLES, None).item() == pytest.approx(0.0, abs=1e-6)
    assert CosineDistance()(-X, SAMPLES, None).item() == pytest.approx(2.0)
    across = torch.tensor([[[[-4.0], [3.0]]], [[[0.0], [1.0]]]])
    assert CosineDistance()(across, SAMPLES, None).item() == pytest.approx(0.5)


@pytest.mark.parametrize("loss", [NormalizedMSE(), CosineDistance()])
def test_samples_without_sources_are_no_trouble(loss):
    estimate = torch.zeros_like(X).requires_grad_()
    value = loss(estimate, SimpleNamespace(x=torch.zeros_like(X)), None)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(estimate.grad).all()
