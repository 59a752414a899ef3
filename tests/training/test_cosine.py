"""The cosine distance, by hand."""

from types import SimpleNamespace

import pytest
import torch

from headwater.training.losses.cosine import CosineDistance

X = 1e-9 * torch.tensor([[[[3.0], [4.0]]], [[[0.0], [2.0]]]])  # two samples, one source, two orientations
SAMPLES = SimpleNamespace(x=X)


def test_cosine_leaves_amplitude_free_and_sees_the_sign():
    assert CosineDistance()(7 * X, SAMPLES, None).item() == pytest.approx(0.0, abs=1e-6)
    assert CosineDistance()(-X, SAMPLES, None).item() == pytest.approx(2.0)
    across = torch.tensor([[[[-4.0], [3.0]]], [[[0.0], [1.0]]]])
    assert CosineDistance()(across, SAMPLES, None).item() == pytest.approx(0.5)


def test_samples_without_sources_are_no_trouble():
    estimate = torch.zeros_like(X).requires_grad_()
    value = CosineDistance()(estimate, SimpleNamespace(x=torch.zeros_like(X)), None)
    value.backward()
    assert value == 1
    assert torch.isfinite(estimate.grad).all()
