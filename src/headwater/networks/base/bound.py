"""A network on one lead field."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import nn

from headwater.forward.leadfield import LeadField
from headwater.networks.base.fixed import Fixed


class BoundNetwork(Fixed, ABC):
    """A network, and all that it needs of one lead field, as buffers that move to a device with it.

    Training compares what ``forward`` returns; source localization calls ``currents``.

    Parameters
    ----------
    network : Network
        A `headwater.networks.Network`.
    leadfield : LeadField
        The channels the network takes, without bad ones, with all projections in its ``info``.
    n_times : int
        Length of the time windows that the network takes; 1: each time point separately.
    """

    def __init__(self, network: nn.Module, leadfield: LeadField, n_times: int = 1) -> None:
        super().__init__()
        self.network = network
        self.leadfield = leadfield
        self.n_times = n_times

    @abstractmethod
    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Predict what the network is trained on: currents, coefficients, logits, waveforms of regions.

        Parameters
        ----------
        y : float tensor of shape (batch, n_channels, n_times)
            In V, T and T/m.
        """

    @abstractmethod
    def currents(self, y: torch.Tensor) -> torch.Tensor:
        """Estimate currents in A m, shape (batch, n_sources, n_orient, n_times).

        k times the data give k times the currents, for positive k.
        """
