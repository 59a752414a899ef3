"""Sensor data as networks of one lead field take them: referenced, without unit and of unit power."""

from __future__ import annotations

import numpy as np
import torch
from mne.proj import make_projector

from headwater.forward.leadfield import LeadField
from headwater.networks.base.fixed import Fixed, check_data


class ScaledSensors(Fixed):
    """Project, divide each type of sensor by its sensitivity, and bring every sample to a root mean square of 1.

    After the division, data have the size of the currents that would explain them if all sources were active
    independently. EEG has zero mean and unit variance over channels, as Yokoyama et al. (4LCNN, section V.B.5) have it.

    Parameters
    ----------
    leadfield : LeadField
        Without bad channels, with all projections (the average reference too) in its ``info``.
    """

    matrix: torch.Tensor

    def __init__(self, leadfield: LeadField) -> None:
        super().__init__()
        projector = make_projector(leadfield.info["projs"], leadfield.ch_names)[0]
        power = ((projector @ leadfield.matrix) ** 2).sum(1)
        types = np.array(leadfield.ch_types)
        sensitivity = np.array([np.sqrt(power[types == kind].mean()) for kind in types])
        self._keep("matrix", projector / sensitivity[:, np.newaxis])

    def forward(self, y: torch.Tensor, *, windows: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """Return standardised data and what they were divided by.

        Parameters
        ----------
        y : float tensor of shape (batch, n_channels, n_times)
            In V, T and T/m.
        windows : bool
            Whether a sample is a time window; otherwise it is a time point.

        Returns
        -------
        standard : float tensor of shape (batch, n_channels, n_times)
        size : float tensor of shape (batch, 1, n_times) or (batch, 1, 1)
            In A m; 0 where the data are.
        """
        check_data(y, self.matrix.shape[0])
        over = (1, 2) if windows else 1
        with torch.autocast(y.device.type, enabled=False):  # volts and teslas are out of the range of half precision
            currents = self.matrix @ y
            peak = currents.abs().amax(over, keepdim=True)
            currents = currents / torch.where(peak > 0, peak, 1.0)  # so that squares do not vanish
            size = currents.square().mean(over, keepdim=True).sqrt()
            return currents / torch.where(size > 0, size, 1.0), size * peak
