"""Networks that predict the waveform of each brain region, and the quantities of a lead field that they need."""

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
    """A network that maps sensor data to waveforms of regions: DeepSIF and its successors.

    Attributes
    ----------
    n_channels : int
        Number of channels; only for networks whose inputs are the channels.
    n_regions : int
        994 in the publications, which parcellate the cortex of fsaverage5.
    n_times : int
        Length of the time windows for training. Predictions are possible for any length.
    by_source : bool
        Whether each source of the lead field is a region, as in the publications, whose lead fields have one source
        per region. Otherwise ``region_ids`` and ``region_names`` of the lead field define the regions.
    """

    n_channels: int
    n_regions: int
    n_times: int
    by_source: bool

    @classmethod
    def for_leadfield(cls, leadfield: LeadField, n_times: int = 500, **config: Any) -> Self:
        """Create a network for the good channels and the regions of a lead field."""
        n_regions = region_members(leadfield, config.get("by_source", False)).shape[0]
        return cls(n_channels=leadfield.good().n_channels, n_regions=n_regions, n_times=n_times, **config)

    def inputs(self, leadfield: LeadField) -> np.ndarray:
        """Return the matrix from channels to network inputs, shape (n_inputs, n_channels); by default the identity.

        Parameters
        ----------
        leadfield : LeadField
            Lead field of the good channels. If its sizes differ from those of the network, an error is raised.
        """
        check_sizes(self, n_channels=leadfield.n_channels)
        return np.eye(leadfield.n_channels)

    @abstractmethod
    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Map inputs (batch, n_inputs, n_times) of unit power to waveforms (batch, n_regions, n_times)."""

    def bind(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> BoundRegional:
        """Bind the network to one lead field with a single sensor type.

        Only the bad channels and the projections of the noise covariance are used: the publications do not whiten.
        """
        return BoundRegional(self, leadfield, noise_cov)


class BoundRegional(BoundNetwork):
    """A network that predicts waveforms of regions, bound to one lead field.

    Parameters
    ----------
    network : RegionalNetwork
    leadfield : LeadField
        Lead field with fixed orientations, or with normals for all sources: waveforms are currents along the normals.
    noise_cov : mne.Covariance | array of shape (n_channels, n_channels) | None

    Attributes
    ----------
    inputs : float tensor of shape (n_inputs, n_channels)
        Matrix that applies the projections (including the average reference) and ``network.inputs``.
    region : long tensor of shape (n_sources,)
        Region of each source; 0 for sources outside of all regions, whose ``direction`` is 0.
    direction : float tensor of shape (n_sources, n_orient)
        Direction of positive currents.
    averaging : float tensor of shape (n_regions, n_sources, n_orient)
        Matrix from currents to the mean of each region, their least-squares approximation by regional currents.
    topographies : float tensor of shape (n_channels, n_regions)
        Topography of each region, for a current of 1 A m in all of its sources.
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
                f"{type(network).__name__} takes one type of sensors, but the lead field has "
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
        """Predict the waveform of each region, (batch, n_regions, n_times), relative to a maximum of 1 per sample.

        Each sample is scaled so that the mean square of the network inputs is 1. The scaling uses single precision even
        if the network runs in half precision, whose range does not include typical values in V, T and A m.
        """
        check_data(y, self.inputs.shape[1])
        with torch.autocast(y.device.type, enabled=False):
            z = self.inputs @ _over(
                y, y.abs().amax((1, 2), keepdim=True)
            )  # peaks of 1, so that squares do not underflow
            z = _over(z, z.square().mean((1, 2), keepdim=True).sqrt())
        return self.network(z).float()

    def currents(self, y: torch.Tensor) -> torch.Tensor:
        """Assign the waveform of a region to all its sources, along their normals, and restore the amplitude.

        The network predicts relative waveforms. The common factor of a time window is fitted to the data by least
        squares.
        """
        check_finite(y)
        waveforms = self(y)
        with torch.autocast(y.device.type, enabled=False):
            waveforms = amplitude(self.topographies @ waveforms, y, over=(1, 2)) * waveforms
        return waveforms[:, self.region, None] * self.direction[:, :, None]


def region_members(leadfield: LeadField, by_source: bool) -> sparse.csr_array:
    """Return a matrix that is 1 where a source lies in a region, shape (n_regions, n_sources); regions may be empty."""
    if by_source:
        return sparse.eye_array(leadfield.n_sources, format="csr")
    known = np.flatnonzero(leadfield.region_ids >= 0)
    if not len(known):
        raise InputError(
            "The lead field has no regions, but the network predicts waveforms of regions; compute it for a head with "
            "regions, or treat each source as a region (by_source=True)."
        )
    shape = (len(leadfield.region_names), leadfield.n_sources)
    return sparse.csr_array((np.ones(len(known)), (leadfield.region_ids[known], known)), shape=shape)


def _directions(leadfield: LeadField) -> np.ndarray:
    """Return the direction of positive currents, shape (n_sources, n_orient)."""
    if leadfield.n_orient == 1:
        return np.ones((leadfield.n_sources, 1))
    if not leadfield.cortical.all():
        raise InputError(
            "Waveforms of regions are currents along the normals of the cortex, but this lead field has sources in a "
            "volume; use one with space='cortex'."
        )
    return leadfield.normals


def _over(values: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """Divide; zero divided by zero is zero."""
    return values / torch.where(scale > 0, scale, torch.ones_like(scale))
