"""Single instants as maps of zero mean and unit variance, and the way back from relative to absolute currents."""

from __future__ import annotations

import numpy as np
import torch
from mne.proj import make_projector
from torch import nn

from headwater._utils.errors import InputError
from headwater.solvers.inputs.whitening import Whitened


class StandardizedMaps(nn.Module):
    """What a network that looks at one instant at a time needs to know of the sensors.

    Everything is computed in single precision, also where the network runs in half: volts, teslas and ampere metres are
    out of the latter's range.

    Parameters
    ----------
    white : Whitened
        The lead field's good channels with all projections, and their noise.
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

    def _keep(self, name: str, values: np.ndarray) -> None:
        self.register_buffer(name, torch.as_tensor(values, dtype=torch.float32), persistent=False)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Project, and give each instant zero mean and unit variance over the sensors of each type.

        Parameters
        ----------
        y : float tensor of shape (batch, n_channels, n_times)
            In V, T and T/m.

        Returns
        -------
        maps : float tensor of shape (batch * n_times, n_channels)
            Zero where there is no signal.
        """
        if y.ndim != 3 or y.shape[1] != len(self.average):
            raise InputError(
                f"The data have shape {tuple(y.shape)}; this network was bound to a lead field and takes "
                f"(batch, {len(self.average)}, n_times)."
            )
        with torch.autocast(y.device.type, enabled=False):
            centred = y.transpose(1, 2).flatten(0, 1) @ self.centering.T
            deviation = (centred.square() @ self.average.T).sqrt()
        return centred / torch.where(deviation > 0, deviation, torch.ones_like(deviation))

    def restored(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Give relative currents the size that explains the data best, at each instant.

        The least squares of the whitened data ``y`` and what is seen of the currents, ``a L x``, are at
        ``a = <L x, y> / <L x, L x>``.

        Parameters
        ----------
        x : float tensor of shape (batch, n_sources, n_orient, n_times)
            Up to a factor.
        y : float tensor of shape (batch, n_channels, n_times)

        Returns
        -------
        currents : float tensor of shape (batch, n_sources, n_orient, n_times)
            In A m.
        """
        if not torch.isfinite(y).all():
            raise InputError("The data have values that are NaN or infinite; mark those channels as bad.")
        with torch.autocast(y.device.type, enabled=False):
            seen, data = self.gain @ x.flatten(1, 2), self.whitener @ y
        power = seen.square().sum(1)
        factor = (seen * data).sum(1) / torch.where(power > 0, power, torch.ones_like(power))
        return factor[:, None, None] * x
