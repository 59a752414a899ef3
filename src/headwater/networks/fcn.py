"""Fully connected network: the baseline of 3D-PIUNet (Morik et al.)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Self

import mne
import numpy as np
import torch
from torch import nn
from typing_extensions import override

from headwater.forward.leadfield import LeadField
from headwater.networks.base import BoundNetwork, Network
from headwater.networks.base.fixed import check_sizes
from headwater.networks.base.sizes import Orientations, Size, Widths, affordable
from headwater.networks.inputs.scaled_sensors import ScaledSensors
from headwater.solvers.inputs.whitening import whiten


class FCN(Network):
    """Fully connected layers with ReLU from the channels to all currents, per time point.

    Morik et al., section IV-D and table I: 61 channels, three hidden layers of 1024 units, 4819 sources in three
    directions; 17.0 million parameters.

    Parameters
    ----------
    n_channels, n_sources, n_orient : int
        Sizes of the lead field, without bad channels.
    hidden : tuple of int
        Units of the hidden layers; table I lists three layers of 512, 1024, 4096 or 16384 units, and four of 1024.
    """

    @affordable
    def __init__(
        self, *, n_channels: Size, n_sources: Size, n_orient: Orientations = 3, hidden: Widths = (1024, 1024, 1024)
    ) -> None:
        super().__init__()
        self.n_channels, self.n_sources, self.n_orient, self.hidden = n_channels, n_sources, n_orient, hidden
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise((n_channels, *hidden)):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear((n_channels, *hidden)[-1], n_sources * n_orient))

    @classmethod
    @override
    def for_leadfield(cls, leadfield: LeadField, n_times: int = 1, **config: Any) -> Self:
        """Create a network with the sizes of a lead field; each time point is a sample."""
        sizes: dict[str, Any] = {"n_sources": leadfield.n_sources, "n_orient": leadfield.n_orient}
        return cls(n_channels=leadfield.good().n_channels, **sizes, **config)

    def bind(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> BoundFCN:
        """Check the sizes and compute the scaling of the channels.

        Only the bad channels and the projections of the noise covariance are used; the network is adapted to the noise
        of its training.
        """
        return BoundFCN(self, leadfield, noise_cov)


class BoundFCN(BoundNetwork):
    """The network bound to one lead field; it predicts currents that scale with the data."""

    network: FCN

    def __init__(self, network: FCN, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None) -> None:
        leadfield = whiten(leadfield, noise_cov).leadfield
        check_sizes(
            network, n_channels=leadfield.n_channels, n_sources=leadfield.n_sources, n_orient=leadfield.n_orient
        )
        super().__init__(network, leadfield)
        self.sensors = ScaledSensors(leadfield)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Estimate currents in A m, shape (batch, n_sources, n_orient, n_times), per time point."""
        standard, size = self.sensors(y)
        currents = self.network.layers(standard.transpose(1, 2)).float().transpose(1, 2) * size
        return currents.unflatten(1, (self.network.n_sources, self.network.n_orient))

    currents = forward
