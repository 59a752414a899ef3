"""The U-Net of diffusion models in three dimensions, as in the publication of 3D-PIUNet.

Morik et al. (section III-B) adopt the network of A. Q. Nichol & P. Dhariwal, "Improved denoising diffusion
probabilistic models" (ICML 2021). With resampling in residual blocks, attention at all resolutions of a quarter or
less, and the embedding of a diffusion step, the sizes are those of table I.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from headwater._utils.errors import InputError
from headwater.networks.layers.unet3d import GROUPS, SpatialAttention

WIDEST = 4  # channels are doubled twice: a fourth resolution adds 8 million parameters, as in table I, and not 25
ATTENTION_FROM = 2  # level from which attention is used: 8 x 8 x 8 voxels if the finest has 32 x 32 x 32
STEP = 1.0  # sources are estimated in one step; its embedding is a learned shift of each block


class StepEmbedding(nn.Module):
    """Sinusoidal embedding of the diffusion step, followed by two layers; here the step is constant."""

    waves: torch.Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        rates = torch.exp(-math.log(1e4) * torch.arange(channels // 2) / (channels // 2))
        self.register_buffer("waves", torch.cat([torch.cos(STEP * rates), torch.sin(STEP * rates)]), persistent=False)
        self.layers = nn.Sequential(nn.Linear(channels, 4 * channels), nn.SiLU(), nn.Linear(4 * channels, 4 * channels))

    def forward(self) -> torch.Tensor:
        """Return ``4 * channels`` features."""
        return self.layers(self.waves)


class DiffusionBlock(nn.Module):
    """GroupNorm, SiLU, convolution, shift by the step, GroupNorm, SiLU, convolution, with a skip connection.

    Parameters
    ----------
    inputs, outputs, embedding : int
        Numbers of input and output channels, and of features of the step.
    resample : nn.Module
        Resampling applied before the first convolution and on the skip connection.
    """

    def __init__(self, inputs: int, outputs: int, embedding: int, resample: nn.Module | None = None) -> None:
        super().__init__()
        self.before = nn.Sequential(nn.GroupNorm(math.gcd(GROUPS, inputs), inputs), nn.SiLU())
        self.resample = resample or nn.Identity()
        self.first = nn.Conv3d(inputs, outputs, 3, padding=1)
        self.shift = nn.Sequential(nn.SiLU(), nn.Linear(embedding, outputs))
        self.second = nn.Sequential(
            nn.GroupNorm(math.gcd(GROUPS, outputs), outputs), nn.SiLU(), nn.Conv3d(outputs, outputs, 3, padding=1)
        )
        self.shortcut = nn.Conv3d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, image: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        """Refine features of shape (batch, inputs, x, y, z)."""
        refined = self.first(self.resample(self.before(image))) + self.shift(step)[:, None, None, None]
        return self.shortcut(self.resample(image)) + self.second(refined)


class DiffusionStage(nn.Module):
    """A block, followed by attention at coarse resolutions."""

    def __init__(self, inputs: int, outputs: int, embedding: int, heads: int) -> None:
        super().__init__()
        self.block = DiffusionBlock(inputs, outputs, embedding)
        self.attention = SpatialAttention(outputs, heads) if heads else nn.Identity()

    def forward(self, image: torch.Tensor, step: torch.Tensor) -> torch.Tensor:
        """Refine features of shape (batch, inputs, x, y, z)."""
        return self.attention(self.block(image, step))


class DiffusionUNet3d(nn.Module):
    """Encoder and decoder with skip connections from every feature map of the encoder.

    Parameters
    ----------
    inputs, outputs : int
        Number of channels of the input and of the output.
    channels : int
        Number of channels at the finest resolution; doubled at the next two.
    depth : int
        Number of resolutions.
    blocks : int
        Residual blocks per resolution in the encoder; the decoder has one more.
    heads : int
        Number of attention heads.
    """

    def __init__(self, inputs: int, outputs: int, *, channels: int, depth: int, blocks: int, heads: int) -> None:
        super().__init__()
        if channels % 2:
            raise InputError(f"PIUNet.channels is {channels}; it must be even.")
        embedding = 4 * channels
        widths = [channels * min(2**level, WIDEST) for level in range(depth)]
        attention = [heads if level >= min(ATTENTION_FROM, depth - 1) else 0 for level in range(depth)]
        self.embedding = StepEmbedding(channels)
        self.lift = nn.Conv3d(inputs, channels, 3, padding=1)
        made, width = [channels], channels
        encoder: list[nn.Module] = []
        for level, wide in enumerate(widths):
            for _ in range(blocks):
                encoder.append(DiffusionStage(width, wide, embedding, attention[level]))
                width = wide
                made.append(width)
            if level < depth - 1:
                encoder.append(DiffusionBlock(width, width, embedding, nn.AvgPool3d(2)))
                made.append(width)
        self.encoder = nn.ModuleList(encoder)
        self.middle = nn.ModuleList(
            [DiffusionStage(width, width, embedding, heads), DiffusionStage(width, width, embedding, 0)]
        )
        decoder: list[nn.Module] = []
        for level in reversed(range(depth)):
            for _ in range(blocks + 1):
                decoder.append(DiffusionStage(width + made.pop(), widths[level], embedding, attention[level]))
                width = widths[level]
            if level:
                decoder.append(DiffusionBlock(width, width, embedding, nn.Upsample(scale_factor=2)))
        self.decoder = nn.ModuleList(decoder)
        self.norm = nn.GroupNorm(math.gcd(GROUPS, width), width)
        self.head = nn.Conv3d(width, outputs, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map an image of shape (batch, inputs, x, y, z) to an image with ``outputs`` channels."""
        step = self.embedding()
        features = self.lift(image)
        made = [features]
        for one in self.encoder:
            features = one(features, step)
            made.append(features)
        for one in self.middle:
            features = one(features, step)
        for one in self.decoder:
            features = one(torch.cat([features, made.pop()], 1) if isinstance(one, DiffusionStage) else features, step)
        return self.head(functional.silu(self.norm(features)))
