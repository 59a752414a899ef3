"""ConvDip: one convolution over the topography and a fully connected layer (Hecker et al. 2021).

L. Hecker et al., "ConvDip: A convolutional neural network for better EEG source imaging", Front. Neurosci. 15 (2021)
569918. Morik et al. (section IV-D) and Yokoyama et al. (4LCNN) use it as a baseline.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Self

import mne
import numpy as np
import torch
from torch import nn
from typing_extensions import override

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.networks.base import BoundNetwork, Network
from headwater.networks.base.fixed import check_sizes
from headwater.networks.base.sizes import ImageShape, Orientations, Repeats, Size, Width, Widths, affordable
from headwater.networks.inputs.scaled_sensors import ScaledSensors
from headwater.networks.inputs.topomap import sensor_images, topographic_images
from headwater.networks.outputs.restore import currents_from_map, start_quiet
from headwater.solvers.inputs.whitening import whiten

OUTPUTS = ("currents", "map")


class ConvDip(Network):
    """A convolution of 3 x 3 pixels over the scalp, fully connected layers, and one output per source or direction.

    The sensor positions affect only the image, so other channels can be used with the same sources.

    Parameters
    ----------
    n_sources, n_orient : int
        Sizes of the lead field.
    n_images : int
        Number of images: one for EEG, more for several sensor types (see `topographic_images`).
    shape : tuple of two int
        Height and width of the images.
    filters : int
    hidden : tuple of int
        Units of the fully connected layers between the convolution and the outputs. Two layers of 512 units give the
        8.0 million parameters that Morik et al. state for 4819 sources (table I).
    output : str
        ``"currents"``: predicts currents and is trained on amplitudes. ``"map"``: predicts the relative activity of
        each source and is trained on positions (weighted Hausdorff distance).
    interpolation : str
        ``"bilinear"``, ``"bicubic"`` or ``"rbf"``; not stated in the publication.
    """

    @affordable
    def __init__(
        self,
        *,
        n_sources: Size,
        n_orient: Orientations = 1,
        n_images: Repeats = 1,
        shape: ImageShape = (7, 11),
        filters: Width = 8,
        hidden: Widths = (512,),
        output: str = "currents",
        interpolation: str = "bilinear",
    ) -> None:
        super().__init__()
        if output not in OUTPUTS:
            raise InputError(f"ConvDip has no output {output!r}; choose one of {', '.join(OUTPUTS)}.")
        self.n_sources, self.n_orient, self.n_images = n_sources, n_orient, n_images
        self.shape, self.filters, self.hidden = shape, filters, hidden
        self.output, self.interpolation = output, interpolation
        sizes = (filters * shape[0] * shape[1], *hidden)
        layers: list[nn.Module] = [
            nn.Conv2d(n_images, filters, kernel_size=3, padding=1),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
            nn.Flatten(),
        ]
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        last = nn.Linear(sizes[-1], n_sources * (1 if output == "map" else n_orient))
        if output == "map":
            start_quiet(last)
        self.layers = nn.Sequential(*layers, last)

    @classmethod
    @override
    def for_leadfield(cls, leadfield: LeadField, n_times: int = 1, **config: Any) -> Self:
        """Create a network with the sizes of a lead field; each time point is a sample."""
        sizes: dict[str, Any] = {"n_sources": leadfield.n_sources, "n_orient": leadfield.n_orient}
        return cls(n_images=int(sensor_images(leadfield.good().info).max()) + 1, **sizes, **config)

    def bind(
        self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None
    ) -> BoundConvDip | BoundConvDipMap:
        """Check the sizes and compute the matrices from channels to images.

        The prediction uses only the bad channels and the projections of the noise covariance; the network is adapted to
        the noise of its training. If it predicts a map, the currents are computed from whitened data.
        """
        bound = BoundConvDipMap if self.output == "map" else BoundConvDip
        return bound(self, leadfield, noise_cov)


class _Bound(BoundNetwork):
    """Base class of ConvDip bound to one lead field: images of the channels, and the output of the network."""

    network: ConvDip
    to_images: torch.Tensor

    def __init__(self, network: ConvDip, leadfield: LeadField) -> None:
        super().__init__(network, leadfield)
        images = topographic_images(leadfield.info, network.shape, network.interpolation)
        check_sizes(network, n_sources=leadfield.n_sources, n_orient=leadfield.n_orient, n_images=len(images))
        self.sensors = ScaledSensors(leadfield)
        self._keep("to_images", images)

    def _answer(self, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the outputs of the last layer (batch, n_outputs, n_times) and the data's scale (batch, 1, n_times)."""
        standard, size = self.sensors(y)
        with torch.autocast(y.device.type, enabled=False):
            images = torch.einsum("ipc,bct->btip", self.to_images, standard).flatten(0, 1)
        answer = self.network.layers(images.unflatten(2, self.network.shape)).float()
        return answer.unflatten(0, (len(y), y.shape[2])).transpose(1, 2), size


class BoundConvDip(_Bound):
    """ConvDip bound to one lead field; it predicts currents that scale with the data."""

    def __init__(self, network: ConvDip, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None) -> None:
        super().__init__(network, whiten(leadfield, noise_cov).leadfield)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Estimate currents in A m, shape (batch, n_sources, n_orient, n_times), per time point."""
        answer, size = self._answer(y)
        return (answer * size).unflatten(1, (self.network.n_sources, self.network.n_orient))

    currents = forward


class BoundConvDipMap(_Bound):
    """ConvDip bound to one lead field; it predicts relative activity, from which currents are fitted to the data."""

    whitener: torch.Tensor
    gain: torch.Tensor

    def __init__(self, network: ConvDip, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None) -> None:
        white = whiten(leadfield, noise_cov)
        super().__init__(network, white.leadfield)
        self._keep("whitener", white.whitener)
        self._keep("gain", white.gain)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Predict a map in [0, 1], shape (batch, n_sources, n_times), per time point."""
        return torch.sigmoid(self._answer(y)[0])

    def currents(self, y: torch.Tensor) -> torch.Tensor:
        """Compute the currents that explain the data best for the map (see `currents_from_map`), per time point."""
        batch, _, n_times = y.shape
        activity = self(y).transpose(1, 2).flatten(0, 1)
        columns = y.transpose(1, 2).flatten(0, 1)[:, :, None]
        currents = currents_from_map(activity, columns, self.whitener, self.gain)[..., 0]
        return currents.unflatten(0, (batch, n_times)).permute(0, 2, 3, 1)
