"""Differences between predicted and true currents, relative to the size of each sample."""

from __future__ import annotations

import torch

from headwater.networks.base import BoundNetwork
from headwater.simulation.samples import Samples
from headwater.training.losses.base import Loss


def _flat(prediction: torch.Tensor, samples: Samples) -> tuple[torch.Tensor, torch.Tensor]:
    """Return predicted and true currents in units of the largest true one, shape (batch, n_values).

    In A m their squares would come close to the smallest numbers of single precision.
    """
    x = samples.x.flatten(1)
    unit = x.abs().amax(1, keepdim=True)
    unit = torch.where(unit > 0, unit, 1.0)
    return prediction.flatten(1) / unit, x / unit


class NormalizedMSE(Loss):
    """Squared error over the power of the true currents, ``|x_hat - x|^2 / |x|^2`` (Morik et al., equation 7)."""

    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Compare currents of shape (batch, n_sources, n_orient, n_times), in A m."""
        estimate, x = _flat(prediction, samples)
        return ((estimate - x).square().sum(1) / _positive(x.square().sum(1))).mean()


class CosineDistance(Loss):
    """One minus the cosine of the angle between the predicted and the true currents; the amplitude is left free."""

    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Compare currents of shape (batch, n_sources, n_orient, n_times), in A m."""
        estimate, x = _flat(prediction, samples)
        return (1 - (estimate * x).sum(1) / _positive(estimate.norm(dim=1) * x.norm(dim=1))).mean()


def _positive(values: torch.Tensor) -> torch.Tensor:
    return values.clamp(min=torch.finfo(values.dtype).tiny)
