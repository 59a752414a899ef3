"""A simple three-dimensional residual U-Net on patches of voxels, based on that of 3D-PIUNet (Morik et al., III-B)."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from headwater._utils.errors import InputError

GROUPS = 8


class ResidualBlock3d(nn.Module):
    """GroupNorm, SiLU and 3 x 3 x 3 convolution, applied twice, with a skip connection."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.GroupNorm(math.gcd(GROUPS, inputs), inputs),
            nn.SiLU(),
            nn.Conv3d(inputs, outputs, 3, padding=1),
            nn.GroupNorm(math.gcd(GROUPS, outputs), outputs),
            nn.SiLU(),
            nn.Conv3d(outputs, outputs, 3, padding=1),
        )
        self.shortcut = nn.Conv3d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Refine features of shape (batch, channels, x, y, z)."""
        return self.shortcut(image) + self.body(image)


class SpatialAttention(nn.Module):
    """Self-attention between all voxels (equation 3)."""

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        if channels % heads:
            raise InputError(f"PIUNet.heads is {heads}; it must divide the {channels} channels of the attention layer.")
        self.heads = heads
        self.norm = nn.GroupNorm(math.gcd(GROUPS, channels), channels)
        self.project = nn.Conv3d(channels, 3 * channels, 1)
        self.out = nn.Conv3d(channels, channels, 1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Add the output of the attention; shape (batch, channels, x, y, z)."""
        tokens = self.project(self.norm(image)).flatten(2).unflatten(1, (3, self.heads, -1))
        query, key, value = tokens.transpose(3, 4).unbind(1)
        gathered = functional.scaled_dot_product_attention(query, key, value)
        return image + self.out(gathered.transpose(2, 3).flatten(1, 2).unflatten(2, image.shape[2:]))


class UNet3d(nn.Module):
    """Encoder and decoder with skip connections between them, and attention at the coarsest resolution.

    Parameters
    ----------
    inputs, outputs : int
        Number of channels of the input and of the output.
    channels : int
        Number of channels at the finest resolution; doubled at each coarser one.
    depth : int
        Number of resolutions.
    blocks : int
        Residual blocks per resolution, in the encoder and in the decoder.
    heads : int
        Number of attention heads.
    patch : int
        Voxels per side that one feature represents at the finest resolution.
    """

    def __init__(
        self, inputs: int, outputs: int, *, channels: int, depth: int, blocks: int, heads: int, patch: int
    ) -> None:
        super().__init__()
        widths = [channels * 2**level for level in range(depth)]
        self.lift = nn.Conv3d(inputs, channels, patch, stride=patch)
        self.encoder = nn.ModuleList(
            nn.Sequential(*(ResidualBlock3d(width, width) for _ in range(blocks))) for width in widths[:-1]
        )
        self.down = nn.ModuleList(
            nn.Conv3d(fine, coarse, 3, stride=2, padding=1) for fine, coarse in zip(widths, widths[1:], strict=False)
        )
        middle: list[nn.Module] = []
        for _ in range(blocks):
            middle += [ResidualBlock3d(widths[-1], widths[-1]), SpatialAttention(widths[-1], heads)]
        self.middle = nn.Sequential(*middle)
        self.up = nn.ModuleList(
            nn.ConvTranspose3d(coarse, fine, 2, stride=2) for fine, coarse in zip(widths, widths[1:], strict=False)
        )
        self.decoder = nn.ModuleList(
            nn.Sequential(*(ResidualBlock3d(2 * width if first == 0 else width, width) for first in range(blocks)))
            for width in widths[:-1]
        )
        self.norm = nn.GroupNorm(math.gcd(GROUPS, channels), channels)
        self.head = nn.ConvTranspose3d(channels, outputs, patch, stride=patch)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Map an image of shape (batch, inputs, x, y, z) to an image with ``outputs`` channels."""
        features = self.lift(image)
        shortcuts = []
        for blocks, down in zip(self.encoder, self.down, strict=True):
            features = blocks(features)
            shortcuts.append(features)
            features = down(features)
        features = self.middle(features)
        for shortcut, blocks, up in reversed(list(zip(shortcuts, self.decoder, self.up, strict=True))):
            features = blocks(torch.cat([up(features), shortcut], 1))
        return self.head(functional.silu(self.norm(features)))
