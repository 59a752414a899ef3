"""4LCNN: four convolutional layers on a topography, for cortical and subcortical sources (Yokoyama et al.)."""

from __future__ import annotations

from typing import Any, Self

import mne
import numpy as np
import torch
from torch import nn
from typing_extensions import override

from headwater._utils.settings import BelowOne
from headwater.forward.leadfield import LeadField
from headwater.networks.base import BoundNetwork, Network
from headwater.networks.base.fixed import check_sizes
from headwater.networks.base.sizes import ImageShape, Repeats, Size, Width, affordable
from headwater.networks.inputs.standardized import StandardizedMaps
from headwater.networks.inputs.topomap import sensor_images, topographic_images
from headwater.solvers.inputs.whitening import whiten


class FourLayerCNN(Network):
    """Four-layered convolutional network (section V.B.5, figure 2).

    Topography -> 4 x (convolution 3 x 3, batch normalisation, ReLU) -> dropout -> fully connected. The 21,632 neurons
    of the fully connected layer in the publication are 26 x 26 pixels times 32 filters. The outputs are one number for
    each cortical source, along the normal, and three for each subcortical source (section V.B.3: triplets of orthogonal
    dipoles).

    Parameters
    ----------
    n_outputs : int
    n_images : int
        Number of topographies: one for each sensor type (two for planar gradiometers).
    shape : tuple of two int
        Height and width of a topography, in pixels.
    filters : int
    dropout : float
    interpolation : str
        As for `headwater.networks.inputs.topomap.topographic_projection`.
    """

    @affordable
    def __init__(
        self,
        *,
        n_outputs: Size,
        n_images: Repeats = 1,
        shape: ImageShape = (26, 26),
        filters: Width = 32,
        dropout: BelowOne = 0.3,
        interpolation: str = "bilinear",
    ) -> None:
        super().__init__()
        self.n_outputs, self.n_images, self.shape = n_outputs, n_images, shape
        self.filters, self.dropout, self.interpolation = filters, dropout, interpolation
        layers = [convolution(n_images if layer == 0 else filters, filters) for layer in range(4)]
        connected = nn.Linear(filters * shape[0] * shape[1], n_outputs)
        # Start without activity: most sources are inactive, and random weights of many inputs would predict activity.
        nn.init.zeros_(connected.weight)
        nn.init.zeros_(connected.bias)
        self.layers = nn.Sequential(*layers, nn.Dropout(dropout), nn.Flatten(), connected)

    @classmethod
    @override
    def for_leadfield(cls, leadfield: LeadField, n_times: int = 1, **config: Any) -> Self:
        """Create a network for the good channels and the sources of a lead field; each time point is a sample."""
        sources, _ = dipoles(leadfield)
        n_images = int(sensor_images(leadfield.good().info).max()) + 1
        return cls(**{"n_outputs": len(sources), "n_images": n_images, **config})

    def bind(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> BoundFourLayerCNN:
        """Compute the matrices from channels to topographies and from outputs to sources.

        Any montage can be used, because the inputs are topographies. The sources must be those of the training.
        """
        return BoundFourLayerCNN(self, leadfield, noise_cov)


class BoundFourLayerCNN(BoundNetwork):
    """4LCNN bound to one lead field; it predicts currents relative to the largest one."""

    network: FourLayerCNN
    pixels: torch.Tensor
    source: torch.Tensor
    direction: torch.Tensor

    def __init__(
        self, network: FourLayerCNN, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None
    ) -> None:
        white = whiten(leadfield, noise_cov)
        super().__init__(network, white.leadfield)
        source, direction = dipoles(leadfield)
        images = topographic_images(white.leadfield.info, network.shape, network.interpolation)
        check_sizes(network, n_outputs=len(source), n_images=len(images))
        self.maps = StandardizedMaps(white)
        self._keep("pixels", images)
        self.register_buffer("source", torch.as_tensor(source), persistent=False)
        self._keep("direction", direction)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Predict relative currents, shape (batch, n_sources, n_orient, n_times), per time point."""
        images = torch.einsum("bc,ipc->bip", self.maps(y), self.pixels).unflatten(2, self.network.shape)
        moments = self.network.layers(images).float()[:, :, None] * self.direction
        x = moments.new_zeros(len(moments), self.leadfield.n_sources, self.leadfield.n_orient)
        return x.index_add(1, self.source, moments).unflatten(0, (len(y), y.shape[2])).permute(0, 2, 3, 1)

    def currents(self, y: torch.Tensor) -> torch.Tensor:
        """Scale the relative currents to explain the data; in A m."""
        return self.maps.restored(self(y), y)


def convolution(n_in: int, n_out: int) -> nn.Sequential:
    """Return one of the four layers, with zero padding of the image."""
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, padding=1), nn.BatchNorm2d(n_out), nn.ReLU())


def dipoles(leadfield: LeadField) -> tuple[np.ndarray, np.ndarray]:
    """Return the dipoles of a lead field: one along the normal of each cortical source, three for each other source.

    Returns
    -------
    source : int array of shape (n_dipoles,)
    direction : array of shape (n_dipoles, n_orient)
        In head coordinates; 1 for fixed orientations, which are along ``leadfield.normals``.
    """
    everywhere = np.arange(leadfield.n_sources)
    if leadfield.n_orient == 1:
        return everywhere, np.ones((leadfield.n_sources, 1))
    count = np.where(leadfield.cortical, 1, 3)
    source = np.repeat(everywhere, count)
    axis = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
    return source, np.where(leadfield.cortical[source, np.newaxis], leadfield.normals[source], np.eye(3)[axis])
