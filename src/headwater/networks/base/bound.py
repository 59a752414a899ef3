"""A network bound to one lead field."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from torch import nn

from headwater.forward.leadfield import LeadField
from headwater.networks.base.fixed import Fixed

if TYPE_CHECKING:
    from headwater.networks.relevance.posterior import Posterior


class BoundNetwork(Fixed, ABC):
    """A network with the quantities of one lead field that it needs, as buffers that move to a device with it.

    The training loss uses the output of ``forward``; source localisation calls ``currents``.

    Parameters
    ----------
    network : Network
        A `headwater.networks.Network`.
    leadfield : LeadField
        Lead field of the input channels, without bad channels and with all projections in its ``info``.
    n_times : int
        Length of the time windows of the network; 1: each time point separately.
    """

    def __init__(self, network: nn.Module, leadfield: LeadField, n_times: int = 1) -> None:
        super().__init__()
        self.network = network
        self.leadfield = leadfield
        self.n_times = n_times

    @abstractmethod
    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Predict the training target: currents, coefficients, logits or waveforms of regions.

        Parameters
        ----------
        y : float tensor of shape (batch, n_channels, n_times)
            In V, T and T/m.
        """

    @abstractmethod
    def currents(self, y: torch.Tensor) -> torch.Tensor:
        """Estimate currents in A m, shape (batch, n_sources, n_orient, n_times).

        Multiplying the data by a positive factor multiplies the currents by the same factor.
        """

    def posterior(self, y: torch.Tensor) -> Posterior:
        """Return the Gaussian posterior of the currents; implemented where ``Network.has_posterior`` is true."""
        raise NotImplementedError
