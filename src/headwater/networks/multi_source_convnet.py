"""ConvNet for several simultaneous sources: convolutions over time, one coefficient per source (Buda et al.)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Self

import mne
import numpy as np
import torch
from torch import nn

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.networks.base import BoundNetwork, Network
from headwater.networks.base.fixed import check_sizes
from headwater.networks.base.sizes import Kernel, Size, Widths, affordable
from headwater.networks.inputs.scaled_sensors import ScaledSensors
from headwater.networks.outputs.restore import currents_from_map, start_quiet
from headwater.solvers.inputs.whitening import whiten

POOL = 2


class MultiSourceConvNet(Network):
    """Blocks of convolution over time, batch normalisation, ReLU and average pooling; then fully connected layers.

    Buda et al., section II-C: 51 channels, 50 time points (0.2 s at 250 Hz), kernels of width 3, 8196 outputs in
    [0, 1]. The number of blocks, their widths, the pooling by 2 and the hidden layer are not stated there; the defaults
    are our choice.

    Parameters
    ----------
    n_channels, n_sources : int
        Sizes of the lead field, without bad channels.
    n_times : int
        Length of a time window.
    filters : tuple of int
        Filters of each block; each block halves the number of time points.
    kernel_size : int
    hidden : tuple of int
        Units of the fully connected layers before the outputs.
    """

    @affordable
    def __init__(
        self,
        *,
        n_channels: Size,
        n_sources: Size,
        n_times: Size = 50,
        filters: Widths = (128, 256, 256),
        kernel_size: Kernel = 3,
        hidden: Widths = (1024,),
    ) -> None:
        super().__init__()
        self.n_channels, self.n_sources, self.n_times = n_channels, n_sources, n_times
        self.filters, self.kernel_size, self.hidden = filters, kernel_size, hidden
        pooled = n_times // POOL ** len(filters)
        if pooled < 1:
            raise InputError(
                f"{len(filters)} blocks with pooling need at least {POOL ** len(filters)} time points, but n_times is "
                f"{n_times}; raise n_times, or use fewer filters."
            )
        blocks: list[nn.Module] = []
        for inputs, outputs in pairwise((n_channels, *filters)):
            blocks += [
                nn.Conv1d(inputs, outputs, kernel_size, padding="same"),
                nn.BatchNorm1d(outputs),
                nn.ReLU(),
                nn.AvgPool1d(POOL),
            ]
        sizes = (filters[-1] * pooled, *hidden)
        dense: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in pairwise(sizes):
            dense += [nn.Linear(inputs, outputs), nn.ReLU()]
        last = nn.Linear(sizes[-1], n_sources)
        start_quiet(last)
        self.layers = nn.Sequential(*blocks, *dense, last)

    @classmethod
    def for_leadfield(cls, leadfield: LeadField, n_times: int = 50, **config: Any) -> Self:
        """Create a network with the sizes of a lead field, for time windows of this length."""
        n_channels = leadfield.good().n_channels
        return cls(n_channels=n_channels, n_sources=leadfield.n_sources, n_times=n_times, **config)

    def bind(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> BoundMultiSource:
        """Check the sizes and compute the scaling of the channels.

        The coefficients use only the bad channels and the projections of the noise covariance; the network is adapted
        to the noise of its training. The currents are computed from whitened data.
        """
        return BoundMultiSource(self, leadfield, noise_cov)


class BoundMultiSource(BoundNetwork):
    """The network bound to one lead field; it predicts coefficients, from which currents are fitted to the data."""

    network: MultiSourceConvNet
    whitener: torch.Tensor
    gain: torch.Tensor

    def __init__(
        self, network: MultiSourceConvNet, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None
    ) -> None:
        white = whiten(leadfield, noise_cov)
        check_sizes(network, n_channels=white.leadfield.n_channels, n_sources=leadfield.n_sources)
        super().__init__(network, white.leadfield, network.n_times)
        self.sensors = ScaledSensors(white.leadfield)
        self._keep("whitener", white.whitener)
        self._keep("gain", white.gain)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Predict coefficients in [0, 1], shape (batch, n_sources)."""
        if y.shape[2] != self.n_times:
            raise InputError(
                f"The windows have {y.shape[2]} time points and the network takes {self.n_times}; cut the data."
            )
        return torch.sigmoid(self.network.layers(self.sensors(y, windows=True)[0]).float())

    def currents(self, y: torch.Tensor) -> torch.Tensor:
        """Compute the currents that explain the window best for the coefficients (see `currents_from_map`)."""
        return currents_from_map(self(y), y, self.whitener, self.gain)
