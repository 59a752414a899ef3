"""The angle between predicted and true currents."""

from __future__ import annotations

import torch
from typing_extensions import override

from headwater.networks.base import BoundNetwork
from headwater.simulation.samples import Samples
from headwater.training.losses.base import Loss


class CosineDistance(Loss):
    """One minus the cosine of the angle between predicted and true currents of a sample, whatever the amplitude.

    Samples without sources score 1.
    """

    @override
    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Compare currents of shape (batch, n_sources, n_orient, n_times), in A m."""
        x = samples.x.flatten(1)
        unit = x.abs().amax(1, keepdim=True)
        unit = torch.where(unit > 0, unit, 1.0)  # squares of currents in A m nearly underflow in single precision
        estimate, x = prediction.flatten(1) / unit, x / unit
        length = estimate.norm(dim=1) * x.norm(dim=1)
        return (1 - (estimate * x).sum(1) / length.clamp(min=torch.finfo(x.dtype).tiny)).mean()
