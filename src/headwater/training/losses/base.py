"""The contract of losses."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch

from headwater.networks.base import BoundNetwork
from headwater.simulation.samples import Samples


class Loss(ABC):
    """Compares the prediction of a network with the ground truth."""

    @abstractmethod
    def __call__(self, prediction: torch.Tensor, samples: Samples, bound: BoundNetwork) -> torch.Tensor:
        """Return the mean over the batch, a scalar.

        Parameters
        ----------
        prediction : float tensor
            ``bound(samples.y)``.
        samples : Samples
        bound : BoundNetwork
        """
