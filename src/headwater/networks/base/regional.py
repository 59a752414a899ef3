"""Networks that predict the waveform of each brain region, and what they need to know of a lead field."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Self

import mne
import numpy as np
import torch
from mne.proj import make_projector
from scipy import sparse

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.networks.base import BoundNetwork, Network
from headwater.networks.base.fixed import amplitude, check_data, check_finite, check_sizes
from headwater.simulation.currents import by_columns
from headwater.solvers.inputs.whitening import whiten


class RegionalNetwork(Network):
    """A network from sensors to the waveforms of regions: DeepSIF and its successors.

    Attributes
    ----------
    n_channels : int
        Of networks that see the channels as they are.
    n_regions : int
        994 in the papers, which divide the cortex of fsaverage5.
    n_times : int
        Length of the windows it is trained on. Every length can be predicted.
    by_source : bool
        Whether each source of the lead field is a region of its own, as in the papers, whose lead fields have one
        source per region; otherwise ``region_ids`` and ``region_names`` of the lead field say what the regions are.
    """

    n_channels: int
    n_regions: int
    n_times: int
    by_source: bool

    @classmethod
    def for_leadfield(cls, leadfield: LeadField, n_times: int = 500, **config: Any) -> Self:
        """Make a network for the good channels and the regions of a lead field."""
        n_regions = region_members(leadfield, config.get("by_source", False)).shape[0]
        return cls(n_channels=leadfield.good().n_channels, n_regions=n_regions, n_times=n_times, **config)

    def inputs(self, leadfield: LeadField) -> np.ndarray:
        """Return the matrix from channels to what the network sees, shape (n_inputs, n_channels): here the identity.

        Parameters
        ----------
        leadfield : LeadField
            Of good channels. One that does not fit the network is refused.
        """
        check_sizes(self, n_channels=leadfield.n_channels)
        return np.eye(leadfield.n_channels)

    @abstractmethod
    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Turn inputs (batch, n_inputs, n_times) of unit power into waveforms (batch, n_regions, n_times)."""

    def bind(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> BoundRegional:
        """Make the network ready for one lead field of one type of sensors.

        Of the noise covariance only bad channels and projections are used: the papers do not whiten.
        """
        return BoundRegional(self, leadfield, noise_cov)


class BoundRegional(BoundNetwork):
    """A network that predicts waveforms of regions, on one lead field.

    Parameters
    ----------
    network : RegionalNetwork
    leadfield : LeadField
        Fixed orientation, or sources that have normals: waveforms are currents along them.
    noise_cov : mne.Covariance | array of shape (n_channels, n_channels) | None

    Attributes
    ----------
    inputs : float tensor of shape (n_inputs, n_channels)
        Projections (the average reference among them), then ``network.inputs``.
    region : long tensor of shape (n_sources,)
        0 for sources of no region, whose ``direction`` is 0.
    direction : float tensor of shape (n_sources, n_orient)
        Of positive currents.
    averaging : float tensor of shape (n_regions, n_sources, n_orient)
        From currents to the mean of each region, the regional currents nearest to them in the least-squares sense.
    topographies : float tensor of shape (n_channels, n_regions)
        What the sensors see of a region whose sources all have a current of 1 A m.
    """

    network: RegionalNetwork
    inputs: torch.Tensor
    region: torch.Tensor
    direction: torch.Tensor
    averaging: torch.Tensor
    topographies: torch.Tensor

    def __init__(
        self, network: RegionalNetwork, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None
    ) -> None:
        leadfield = whiten(leadfield, noise_cov).leadfield
        super().__init__(network, leadfield, network.n_times)
        if len(set(leadfield.ch_types)) > 1:
            raise InputError(
                f"{type(network).__name__} takes one type of sensors, and the lead field has "
                f"{', '.join(sorted(set(leadfield.ch_types)))}; pick one of them."
            )
        member, direction = region_members(leadfield, network.by_source), _directions(leadfield)
        check_sizes(network, n_regions=member.shape[0])
        projector = make_projector(leadfield.info["projs"], leadfield.ch_names)[0]
        size, known = member.sum(1), member.sum(0)
        seen = projector @ np.einsum("cso,so->cs", leadfield.gain, direction)
        mean = member.toarray() / np.maximum(size, 1)[:, np.newaxis]
        self._keep("inputs", network.inputs(leadfield) @ projector)
        self.register_buffer("region", torch.as_tensor(member.argmax(0), dtype=torch.long), persistent=False)
        self._keep("direction", direction * known[:, np.newaxis])
        self._keep("averaging", mean[:, :, np.newaxis] * direction)
        self.averaging = by_columns(self.averaging)
        self._keep("topographies", (member @ seen.T).T)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Predict the waveform of each region, (batch, n_regions, n_times); the largest of a sample is to be 1.

        Each sample is scaled so that the mean square of what the network sees is 1. All around the network is computed
        in single precision, also where it runs in half: volts, teslas and ampere metres are out of the latter's range.
        """
        check_data(y, self.inputs.shape[1])
        with torch.autocast(y.device.type, enabled=False):
            z = self.inputs @ _over(y, y.abs().amax((1, 2), keepdim=True))  # peaks of 1, whose squares do not vanish
            z = _over(z, z.square().mean((1, 2), keepdim=True).sqrt())
        return self.network(z).float()

    def currents(self, y: torch.Tensor) -> torch.Tensor:
        """Give all sources of a region its waveform, along their normals, and restore the amplitude.

        The network predicts the waveforms of regions relative to each other. The one missing factor per time window is
        that which explains the data best.
        """
        check_finite(y)
        waveforms = self(y)
        with torch.autocast(y.device.type, enabled=False):
            waveforms = amplitude(self.topographies @ waveforms, y, over=(1, 2)) * waveforms
        return waveforms[:, self.region, None] * self.direction[:, :, None]


def region_members(leadfield: LeadField, by_source: bool) -> sparse.csr_array:
    """Return which source lies in which region: 1 or 0, shape (n_regions, n_sources); regions may be empty."""
    if by_source:
        return sparse.eye_array(leadfield.n_sources, format="csr")
    known = np.flatnonzero(leadfield.region_ids >= 0)
    if not len(known):
        raise InputError(
            "The lead field names no regions, whose waveforms are to be predicted; make it from a head with regions, "
            "or let each source be one (by_source=True)."
        )
    shape = (len(leadfield.region_names), leadfield.n_sources)
    return sparse.csr_array((np.ones(len(known)), (leadfield.region_ids[known], known)), shape=shape)


def _directions(leadfield: LeadField) -> np.ndarray:
    """Direction of positive currents, shape (n_sources, n_orient)."""
    if leadfield.n_orient == 1:
        return np.ones((leadfield.n_sources, 1))
    if not leadfield.cortical.all():
        raise InputError(
            "Waveforms of regions are currents along the normals of the cortex, and this lead field has sources in a "
            "volume; give one with space='cortex'."
        )
    return leadfield.normals


def _over(values: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Divide; zero over zero is zero."""
    return values / torch.where(scale > 0, scale, torch.ones_like(scale))
