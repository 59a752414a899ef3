"""Direct inversion: a U-Net that predicts from the sensors whether each source is active (Ojaroudi et al.).

The publication describes the network in words: a U-Net along the vector of 447 inputs, with residual blocks, attention
on the skip connections, and a multi-stage correction of the dimension to 15,684 nodes by transposed convolutions and
cropping (sections 1 and 3, figure 4). It states no widths, depth or number of parameters.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

import mne
import numpy as np
import torch
from pydantic import Field
from typing_extensions import override

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.networks.base import BoundNetwork, Network
from headwater.networks.base.fixed import check_sizes
from headwater.networks.base.sizes import Levels, Size, Width, affordable
from headwater.networks.inputs.standardized import StandardizedMaps
from headwater.networks.layers.unet1d import DimensionCorrection, UNet1d
from headwater.solvers.inputs.whitening import whiten


class DirectUNet(Network):
    """U-Net for direct inversion.

    A convolution is identical at all positions along the arbitrary order of the sensors, and therefore cannot
    distinguish sources. The first stage of the dimension correction is therefore a dense map along the sensors, one for
    each feature; the other stages double the length. With ``width >= 2**stages``, the network can represent every
    linear inverse.

    Parameters
    ----------
    n_channels, n_sources : int
        Inputs and outputs. In the publication, the inputs are the three field components at 149 electrodes; here they
        are the channels.
    width : int
        Features at full length; doubled at each lower level.
    depth : int
        Levels of the U-Net; the length is halved at each lower level.
    stages : int
        Number of doublings between the dense map and the sources.
    """

    @affordable
    def __init__(
        self,
        *,
        n_channels: Size = 447,
        n_sources: Size = 15_684,
        width: Width = 16,
        depth: Levels = 3,
        stages: Annotated[int, Field(ge=0, le=12)] = 4,
    ) -> None:
        super().__init__()
        self.n_channels, self.n_sources = n_channels, n_sources
        self.width, self.depth, self.stages = width, depth, stages
        if n_channels < 2**depth:
            raise InputError(f"A U-Net {depth} levels deep needs {2**depth} channels, not {n_channels}; lower depth.")
        self.unet = UNet1d(width, depth)
        self.correction = DimensionCorrection(width, n_channels, n_sources, stages)

    @classmethod
    @override
    def for_leadfield(cls, leadfield: LeadField, n_times: int = 1, **config: Any) -> Self:
        """Create a network for the good channels and the sources of a lead field; each time point is a sample."""
        n_channels = leadfield.good().n_channels
        return cls(**{"n_channels": n_channels, "n_sources": leadfield.n_sources, **config})

    def bind(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> BoundDirectUNet:
        """Bind the network to a lead field with the same numbers of channels and sources, along the normals."""
        return BoundDirectUNet(self, leadfield, noise_cov)

    def logits(self, maps: torch.Tensor) -> torch.Tensor:
        """Return the log-odds of activity (batch, n_sources) for standardised maps (batch, n_channels)."""
        return self.correction(self.unet(maps[:, None]))


class BoundDirectUNet(BoundNetwork):
    """The U-Net bound to one lead field with fixed orientations.

    The network predicts the probability that each source is active. The corresponding currents point outwards or
    inwards, whichever explains the data. A preset with positive amplitudes trains the network for one of the two.
    """

    network: DirectUNet

    def __init__(
        self, network: DirectUNet, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None
    ) -> None:
        white = whiten(leadfield.fixed(), noise_cov)
        check_sizes(network, n_channels=white.leadfield.n_channels, n_sources=white.leadfield.n_sources)
        super().__init__(network, white.leadfield)
        self.maps = StandardizedMaps(white)

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Predict the log-odds of activity, shape (batch, n_sources, n_times), per time point."""
        logits = self.network.logits(self.maps(y)).float()
        return logits.unflatten(0, (len(y), y.shape[2])).transpose(1, 2)

    def currents(self, y: torch.Tensor) -> torch.Tensor:
        """Scale the probabilities to explain the data, along the normals: (batch, n_sources, 1, n_times) in A m."""
        return self.maps.restored(self(y).sigmoid()[:, :, None], y)
