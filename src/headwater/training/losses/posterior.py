"""A loss on posteriors, which scores the location of their mean and the agreement of their width with the error."""

from __future__ import annotations

import math

import torch

from headwater._utils.errors import InputError
from headwater.networks.base import BoundNetwork
from headwater.networks.relevance import BoundRelevanceNet, Posterior
from headwater.simulation.samples import Samples
from headwater.training.losses.base import Loss
from headwater.training.losses.currents import Transport


class PosteriorScore(Loss):
    """`Transport` of the posterior mean, plus the continuous ranked probability score of the posterior.

    The score of a component is that of its Gaussian marginal (Gneiting & Raftery 2007, equation 21). It is proper: the
    expected score is lowest for the true mean and standard deviation. In the limit of zero standard deviation it is the
    absolute error. The sum over components is relative to that of the true currents and estimated from random sources,
    half of them drawn in proportion to the true currents and half from all sources.

    Parameters
    ----------
    weight : float
        Weight of the transport distance within `Transport`.
    earlier : float
        Weight of `Transport` after each of the earlier updates, so that each update is trained directly.
    score : float
        Weight of the score.
    n_sources : int
        Random sources per batch.
    """

    def __init__(self, *, weight: float = 1.0, score: float = 0.3, earlier: float = 0.3, n_sources: int = 48) -> None:
        self.weight, self.score, self.earlier, self.n_sources = weight, score, earlier, n_sources
        self._transport = Transport(weight=weight)

    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Return the mean over the batch."""
        if not isinstance(bound, BoundRelevanceNet):
            raise InputError("The posterior score needs a network that has a posterior, such as RelevanceNet.")
        with torch.autocast(prediction.device.type, enabled=False):
            found = [bound.posterior(samples.y, logs) for logs in prediction.unbind(1)]
            moved = [self._transport(one.mean, samples, bound) for one in found]
            return moved[-1] + self.earlier * sum(moved[:-1]) + self.score * self._score(found[-1], samples.x)

    def _score(self, posterior: Posterior, true: torch.Tensor) -> torch.Tensor:
        size = true.norm(dim=2).mean(2)
        size = size / size.sum(1, keepdim=True)
        density = 0.5 / size.shape[1] + 0.5 * size.mean(0)
        chosen = torch.multinomial(density, self.n_sources, replacement=True)
        scores = crps(true[:, chosen], posterior.mean[:, chosen], posterior.sd(chosen)[..., None])
        weights = 1 / (self.n_sources * density[chosen])
        return ((scores.sum((2, 3)) * weights).sum(1) / true.abs().sum((1, 2, 3))).mean()


def crps(true: torch.Tensor, mean: torch.Tensor, sd: torch.Tensor) -> torch.Tensor:
    """Score Gaussian marginals, in the unit of the currents; the lower, the better."""
    z = (true - mean) / sd
    density = torch.exp(-0.5 * z.square()) / math.sqrt(2 * math.pi)
    return sd * (z * torch.erf(z / math.sqrt(2)) + 2 * density - 1 / math.sqrt(math.pi))
