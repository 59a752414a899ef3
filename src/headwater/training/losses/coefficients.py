"""Differences between a predicted map of activity and the true one."""

from __future__ import annotations

import torch

from headwater.networks.base import BoundNetwork
from headwater.simulation.samples import Samples
from headwater.training.losses.base import Loss


class CoefficientL1(Loss):
    """Mean absolute difference to the coefficients in [0, 1], over sources and samples (Buda et al., section II-C)."""

    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Compare a map of shape (batch, n_sources), or one for each time, (batch, n_sources, n_times)."""
        maps = prediction.reshape(*prediction.shape[:2], -1)
        return (maps - samples.coefficients[:, :, None]).abs().mean()
