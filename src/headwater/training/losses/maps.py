"""Losses of networks that map single time points: states of sources, or relative currents."""

from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from typing_extensions import override

from headwater._utils.settings import AtLeastZero, checked
from headwater.networks.base import BoundNetwork
from headwater.simulation.samples import Samples
from headwater.training.losses.base import Loss


class BinaryCrossEntropy(Loss):
    """Cross-entropy of predicted log-odds (batch, n_sources, n_times) and the activity of each source.

    The few active sources weigh ``w = (sum (1 - t) / sum t)^balance`` times as much as the others, with the
    coefficients t of the batch,

        - sum (w t log p + (1 - t) log(1 - p)) / sum (w t + 1 - t)

    so that log-odds of zero score log 2 whatever the weight. Ojaroudi et al. mention the cross-entropy and the class
    imbalance (table 2, section 5), but no remedy.

    Parameters
    ----------
    balance : float
        1: active and inactive sources have the same total weight; 0: all sources have the same weight.
    """

    @checked
    def __init__(self, *, balance: AtLeastZero = 1.0) -> None:
        self.balance = balance

    @override
    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Compare with ``samples.coefficients``."""
        target = samples.coefficients[:, :, None].expand_as(prediction)
        active = target.mean()
        weight = ((1 - active) / active) ** self.balance
        loss = binary_cross_entropy_with_logits(prediction, target, pos_weight=weight)
        return loss / (weight * active + 1 - active)


class RootMeanSquareError(Loss):
    """Root of the mean square error of relative currents (batch, n_sources, n_orient, n_times), per sample.

    The ground truth is relative to the largest current of the sample, as if all seeds had an amplitude of 1 (Yokoyama
    et al., sections V.B.4 and V.B.5).
    """

    @override
    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Compare with ``samples.x`` over its peak."""
        x = samples.x
        peak = x.norm(dim=2).amax((1, 2))[:, None, None, None]
        square = (prediction - x / peak).square().mean((1, 2, 3))
        return square.clamp(min=torch.finfo(square.dtype).tiny).sqrt().mean()
