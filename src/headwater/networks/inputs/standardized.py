"""Maps of zero mean and unit variance for each time point, and the conversion of relative to absolute currents."""

from __future__ import annotations

import numpy as np
import torch
from mne.proj import make_projector

from headwater.networks.base.fixed import Fixed, amplitude, check_data, check_finite
from headwater.solvers.inputs.whitening import Whitened


class StandardizedMaps(Fixed):
    """Standardisation of the sensor data for networks that estimate each time point separately.

    Computations use single precision even if the network runs in half precision, whose range does not include typical
    values in V, T and A m.

    Parameters
    ----------
    white : Whitened
        Lead field of the good channels with all projections, and its whitener.
    """

    centering: torch.Tensor
    average: torch.Tensor
    whitener: torch.Tensor
    gain: torch.Tensor

    def __init__(self, white: Whitened) -> None:
        super().__init__()
        leadfield = white.leadfield
        kinds = np.array(leadfield.ch_types)
        same = kinds[:, np.newaxis] == kinds
        average = same / same.sum(axis=1, keepdims=True)
        projector = make_projector(leadfield.info["projs"], leadfield.ch_names)[0]
        self._keep("centering", (np.eye(len(kinds)) - average) @ projector)
        self._keep("average", average)
        self._keep("whitener", white.whitener)
        self._keep("gain", white.gain.reshape(len(white.gain), -1))

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Apply projections and standardise each time point to zero mean and unit variance per sensor type.

        Parameters
        ----------
        y : float tensor of shape (batch, n_channels, n_times)
            In V, T and T/m.

        Returns
        -------
        maps : float tensor of shape (batch * n_times, n_channels)
            Zero where there is no signal.
        """
        check_data(y, len(self.average))
        with torch.autocast(y.device.type, enabled=False):
            centred = y.transpose(1, 2).flatten(0, 1) @ self.centering.T
            deviation = (centred.square() @ self.average.T).sqrt()
        return centred / torch.where(deviation > 0, deviation, torch.ones_like(deviation))

    def restored(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Scale relative currents to explain the whitened data best, per time point.

        Parameters
        ----------
        x : float tensor of shape (batch, n_sources, n_orient, n_times)
            Currents up to a factor.
        y : float tensor of shape (batch, n_channels, n_times)

        Returns
        -------
        currents : float tensor of shape (batch, n_sources, n_orient, n_times)
            In A m.
        """
        check_finite(y)
        with torch.autocast(y.device.type, enabled=False):
            seen, data = self.gain @ x.flatten(1, 2), self.whitener @ y
        return amplitude(seen, data, over=1)[:, None] * x
