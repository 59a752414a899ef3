"""CNN-Transformer: a convolutional network for the topography of each time point, a Transformer over time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Self

import numpy as np
import torch
from torch import nn

from headwater._utils.errors import InputError
from headwater._utils.settings import BelowOne
from headwater.forward.leadfield import LeadField
from headwater.networks.base.fixed import check_sizes
from headwater.networks.base.regional import RegionalNetwork, region_members
from headwater.networks.base.sizes import ImageShape, Kernel, Repeats, Size, Width, Widths, affordable
from headwater.networks.inputs.topomap import INTERPOLATIONS, sensor_images, topographic_images

# Standard deviation of the initial weights of the output layer. It is small, because most regions are inactive most of
# the time.
REST = 1e-3


class CNNTransformer(RegionalNetwork):
    """CNN-Transformer (Gallage et al., section 3.2).

    Each time point is converted to an image of the scalp (azimuthal equidistant projection). Blocks of convolution,
    batch normalisation and ELU, without pooling, extract features. These are flattened, combined with sinusoidal
    encodings of time, and passed to a Transformer encoder. A linear layer predicts the regions. Images can be computed
    from any channels, so the number of channels is not part of the network.

    The publication states only the size of the image, 64 x 64 "e.g."; the defaults here are suitable for a CPU. It
    passes the flattened features directly to the encoder. Here a linear layer first reduces them to ``d_model``,
    because attention over tens of thousands of features is not feasible.

    Parameters
    ----------
    n_regions, n_times, by_source
        See `RegionalNetwork`.
    n_images : int
        1; 2 for planar gradiometers, because two of them are at the same position.
    shape : tuple of two int
        Height and width of the image.
    interpolation : str
        ``"bilinear"``, ``"bicubic"`` or ``"rbf"``.
    channels : tuple of int
        Output channels of each convolutional block.
    kernel : int
        Width of the kernels of the convolutions; odd.
    d_model, n_heads, n_layers, feedforward : int
        Sizes of the Transformer encoder: features, attention heads, layers, units of its feed-forward networks.
    dropout : float
        Dropout rate in the encoder.
    pre_norm : bool
        Normalise before attention and feed-forward network, which needs less warm-up; otherwise after them, as in the
        publication.
    """

    @affordable
    def __init__(
        self,
        *,
        n_regions: Size = 994,
        n_times: Size = 500,
        by_source: bool = False,
        n_images: Repeats = 1,
        shape: ImageShape = (16, 16),
        interpolation: str = "bilinear",
        channels: Widths = (8, 16),
        kernel: Kernel = 3,
        d_model: Width = 128,
        n_heads: Repeats = 4,
        n_layers: Repeats = 3,
        feedforward: Width = 512,
        dropout: BelowOne = 0.1,
        pre_norm: bool = False,
    ) -> None:
        super().__init__()
        _check(interpolation, kernel, d_model, n_heads)
        self.n_regions, self.n_times, self.by_source = n_regions, n_times, by_source
        self.n_images, self.shape, self.interpolation = n_images, shape, interpolation
        self.channels, self.kernel, self.d_model, self.n_heads = channels, kernel, d_model, n_heads
        self.n_layers, self.feedforward, self.dropout, self.pre_norm = n_layers, feedforward, dropout, pre_norm
        self.spatial = nn.Sequential(
            *(block(before, after, kernel) for before, after in pairwise((n_images, *channels))),
            nn.Flatten(),
            nn.Linear(channels[-1] * shape[0] * shape[1], d_model),
        )
        layer = nn.TransformerEncoderLayer(
            d_model, n_heads, feedforward, dropout, batch_first=True, norm_first=pre_norm
        )
        # The output of pre-normalised layers is not normalised, so a normalisation must follow the last one.
        last = nn.LayerNorm(d_model) if pre_norm else None
        self.temporal = nn.TransformerEncoder(layer, n_layers, norm=last, enable_nested_tensor=False)
        self.output = nn.Linear(d_model, n_regions)
        nn.init.normal_(self.output.weight, std=REST)
        nn.init.zeros_(self.output.bias)

    @classmethod
    def for_leadfield(cls, leadfield: LeadField, n_times: int = 500, **config: Any) -> Self:
        """Create a network for the regions and the sensor type of a lead field."""
        n_regions = region_members(leadfield, config.get("by_source", False)).shape[0]
        n_images = 1 + int(sensor_images(leadfield.good().info).max())
        return cls(n_regions=n_regions, n_times=n_times, n_images=n_images, **config)

    def inputs(self, leadfield: LeadField) -> np.ndarray:
        """Return the matrix from channels to images, shape (n_images * height * width, n_channels)."""
        images = topographic_images(leadfield.info, self.shape, self.interpolation)
        check_sizes(self, n_images=len(images))
        return images.reshape(-1, leadfield.n_channels)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Map pixels (batch, n_images * height * width, n_times) of unit power to waveforms of regions."""
        batch, _, n_times = z.shape
        images = z.transpose(1, 2).reshape(batch * n_times, self.n_images, *self.shape)
        features = self.spatial(images).unflatten(0, (batch, n_times))
        positions = sinusoidal_positions(n_times, self.d_model).to(features)
        return self.output(self.temporal(features + positions)).transpose(1, 2)


def block(n_inputs: int, n_outputs: int, kernel: int) -> nn.Module:
    """Return convolution, batch normalisation and ELU; the size of the image does not change."""
    return nn.Sequential(
        # No bias, because the normalisation subtracts the mean.
        nn.Conv2d(n_inputs, n_outputs, kernel, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(n_outputs),
        nn.ELU(),
    )


def sinusoidal_positions(n_times: int, d_model: int) -> torch.Tensor:
    """Return sines and cosines with wavelengths from 2 pi to 20000 pi samples (Vaswani et al., section 3.5).

    Returns
    -------
    positions : float tensor of shape (n_times, d_model)
        ``sin(t / 10000^(2 k / d_model))`` in column 2 k, the cosine in column 2 k + 1.
    """
    frequency = 10_000.0 ** (-torch.arange(0, d_model, 2) / d_model)
    phase = torch.arange(n_times)[:, None] * frequency
    return torch.stack([phase.sin(), phase.cos()], dim=2).flatten(1)


def _check(interpolation: str, kernel: int, d_model: int, n_heads: int) -> None:
    if interpolation not in INTERPOLATIONS:
        raise InputError(f"Unknown interpolation {interpolation!r}; choose one of {', '.join(INTERPOLATIONS)}.")
    if kernel % 2 == 0:
        raise InputError(f"CNNTransformer.kernel is {kernel}; it must be odd, so that the image keeps its size.")
    if d_model % 2 or d_model % n_heads:
        raise InputError(f"CNNTransformer.d_model is {d_model}; it must be even and a multiple of n_heads ({n_heads}).")
