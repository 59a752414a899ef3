"""Input of networks that belong to one lead field: referenced, dimensionless sensor data of unit power."""

from __future__ import annotations

import numpy as np
import torch
from mne.proj import make_projector

from headwater.forward.leadfield import LeadField
from headwater.networks.base.fixed import Fixed, check_data


class ScaledSensors(Fixed):
    """Apply projections, divide each sensor type by its sensitivity, and scale each sample to a root mean square of 1.

    After the division, the data have the amplitude of independent currents in all sources that would cause signals of
    this power. EEG has zero mean and unit variance over channels, as in Yokoyama et al. (4LCNN, section V.B.5).

    Parameters
    ----------
    leadfield : LeadField
        Lead field without bad channels, with all projections (including the average reference) in its ``info``.
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
        """Return standardised data and their scale.

        Parameters
        ----------
        y : float tensor of shape (batch, n_channels, n_times)
            In V, T and T/m.
        windows : bool
            Whether to scale whole time windows; otherwise each time point is scaled separately.

        Returns
        -------
        standard : float tensor of shape (batch, n_channels, n_times)
        size : float tensor of shape (batch, 1, n_times) or (batch, 1, 1)
            In A m; 0 where the data are zero.
        """
        check_data(y, self.matrix.shape[0])
        over = (1, 2) if windows else 1
        with torch.autocast(y.device.type, enabled=False):  # V and T exceed the range of half precision
            currents = self.matrix @ y
            peak = currents.abs().amax(over, keepdim=True)
            currents = currents / torch.where(peak > 0, peak, 1.0)  # so that squares do not underflow
            size = currents.square().mean(over, keepdim=True).sqrt()
            return currents / torch.where(size > 0, size, 1.0), size * peak
