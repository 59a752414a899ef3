"""Differences between a predicted map of activity and the true one."""

from __future__ import annotations

import torch
from typing_extensions import override

from headwater.networks.base import BoundNetwork
from headwater.simulation.samples import Samples
from headwater.training.losses.base import Loss


class CoefficientL1(Loss):
    """Mean absolute difference to the coefficients in [0, 1], over sources and samples (Buda et al., section II-C).

    It is minimised by the median: 0 wherever a source is more likely inactive. A network that cannot yet distinguish
    sources therefore learns to predict zeros, where a sigmoid has hardly any gradient; begin with
    `CoefficientCrossEntropy`.
    """

    @override
    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Compare a map of shape (batch, n_sources), or one per time point, (batch, n_sources, n_times)."""
        maps, coefficients = _alike(prediction, samples)
        return (maps - coefficients).abs().mean()


class CoefficientCrossEntropy(Loss):
    """Binary cross-entropy with the coefficients in [0, 1], mean over sources and samples.

    It is minimised by the mean. Its gradient with respect to the input of a sigmoid is the difference of output and
    target, which does not saturate.
    """

    @override
    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Compare a map of shape (batch, n_sources), or one per time point, (batch, n_sources, n_times)."""
        maps, coefficients = _alike(prediction, samples)
        with torch.autocast(maps.device.type, enabled=False):  # PyTorch refuses this loss in half precision
            return torch.nn.functional.binary_cross_entropy(maps.float(), coefficients)


def _alike(prediction: torch.Tensor, samples: Samples) -> tuple[torch.Tensor, torch.Tensor]:
    """Return maps and coefficients, both (batch, n_sources, n_times)."""
    maps = prediction.reshape(*prediction.shape[:2], -1)
    return maps, samples.coefficients[:, :, None].expand_as(maps)
