"""Weighted Hausdorff distance between a map of activity and the set of truly active sources."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import Field

from headwater._utils.errors import InputError
from headwater._utils.settings import checked
from headwater.networks.base import BoundNetwork
from headwater.simulation.samples import Samples
from headwater.training.losses.base import Loss

TINY = 1e-6  # of distances relative to the largest, and of the sum of a map


class WeightedHausdorff(Loss):
    r"""Weighted Hausdorff distance between a map and a set of positions, the loss of ConvDip (Hecker et al. 2021).

    J. Ribera et al., "Locating objects without bounding boxes", CVPR 2019: with the map ``p`` over all
    sources ``s``, the active set ``Y`` and distances ``d``,

    ``sum_s p_s min_y d(s, y) / sum_s p_s + mean_y M_s [p_s d(s, y) + (1 - p_s) d_max]``

    where ``M`` is the generalised mean with a negative exponent, a smooth minimum. The first term penalises activity
    far from the set, the second a lack of activity near any of its members. Both are in units of ``d_max``, the
    diagonal of the bounding box of all sources.

    For a network that cannot yet distinguish sources, activity everywhere scores best, and a sigmoid hardly returns
    from there: begin with `CoefficientCrossEntropy`.

    Parameters
    ----------
    threshold : float
        Sources with at least this true coefficient belong to the set; samples without any are left out.
    exponent : float
        Exponent of the generalised mean, negative; minus infinity would give the minimum.
    """

    @checked
    def __init__(
        self,
        *,
        threshold: Annotated[float, Field(gt=0, le=1)] = 0.5,
        exponent: Annotated[float, Field(lt=0, allow_inf_nan=False)] = -9.0,
    ) -> None:
        self.threshold, self.exponent = threshold, exponent

    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Compare a map of shape (batch, n_sources), or one per time point, (batch, n_sources, n_times)."""
        maps = prediction.reshape(*prediction.shape[:2], -1)
        pos = torch.as_tensor(bound.leadfield.pos, dtype=maps.dtype, device=maps.device)
        pos = pos / (pos.amax(0) - pos.amin(0)).norm()
        active = samples.coefficients >= self.threshold
        distances = [self._distance(p, pos, y) for p, y in zip(maps, active, strict=True) if y.any()]
        if not distances:
            raise InputError(f"No sample has a source with a coefficient of at least {self.threshold}; lower it.")
        return torch.stack(distances).mean()

    def _distance(self, p: torch.Tensor, pos: torch.Tensor, active: torch.Tensor) -> torch.Tensor:
        """Distance of maps (n_sources, n_times) of one sample to its active set, a mask; mean over times."""
        distance = torch.cdist(pos, pos[active])
        astray = (p * distance.amin(1)[:, None]).sum(0) / (p.sum(0) + TINY)
        missed = [self._smooth_minimum(1 + one[:, None] * (distance - 1)).mean() for one in p.unbind(1)]
        return astray.mean() + torch.stack(missed).mean()

    def _smooth_minimum(self, values: torch.Tensor) -> torch.Tensor:
        """Generalised mean over the first axis, by logarithms, so that high powers neither underflow nor overflow."""
        logs = self.exponent * values.clamp(min=TINY).log()
        return ((logs.logsumexp(0) - math.log(len(values))) / self.exponent).exp()
