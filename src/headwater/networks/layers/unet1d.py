"""A U-Net along a vector, with attention on the skip connections, and a correction of the output length."""

from __future__ import annotations

import torch
from torch import nn


class UNet1d(nn.Module):
    """A U-Net along a vector of any length: (batch, 1, length) to (batch, width, length)."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.first = ResidualBlock1d(1, width)
        self.down = nn.ModuleList(ResidualBlock1d(low, 2 * low) for low in widths[:-1])
        self.up = nn.ModuleList(nn.ConvTranspose1d(2 * low, low, 2, stride=2) for low in widths[:-1])
        self.gates = nn.ModuleList(AttentionGate(low) for low in widths[:-1])
        self.merge = nn.ModuleList(ResidualBlock1d(2 * low, low) for low in widths[:-1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Halve the length at each level, then double it again; crop if a length was odd."""
        x = self.first(x)
        skips = []
        for block in self.down:
            skips.append(x)
            x = block(nn.functional.max_pool1d(x, 2, ceil_mode=True))
        for up, gate, merge in reversed(list(zip(self.up, self.gates, self.merge, strict=True))):
            skip = skips.pop()
            x = up(x)[..., : skip.shape[-1]]
            x = merge(torch.cat([gate(skip, x), x], 1))
        return x


class ResidualBlock1d(nn.Module):
    """Two convolutions with a skip connection (He et al., 2016)."""

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(n_in, n_out, 3, padding=1, bias=False),
            nn.BatchNorm1d(n_out),
            nn.ReLU(),
            nn.Conv1d(n_out, n_out, 3, padding=1, bias=False),
            nn.BatchNorm1d(n_out),
        )
        self.shortcut = nn.Identity() if n_in == n_out else nn.Conv1d(n_in, n_out, 1, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the sum of both branches, after ReLU."""
        return torch.relu(self.body(x) + self.shortcut(x))


class AttentionGate(nn.Module):
    """Weight a skip connection by the features of the decoder (additive attention; Oktay et al., 2018)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.of_skip = nn.Conv1d(width, width, 1, bias=False)
        self.of_decoder = nn.Conv1d(width, width, 1)
        self.weight = nn.Conv1d(width, 1, 1)

    def forward(self, skip: torch.Tensor, decoded: torch.Tensor) -> torch.Tensor:
        """Multiply each position of the skip connection by a weight in (0, 1)."""
        return skip * torch.sigmoid(self.weight(torch.relu(self.of_skip(skip) + self.of_decoder(decoded))))


class DimensionCorrection(nn.Module):
    """Map features of the sensors (batch, width, n_channels) to one number per source (batch, n_sources)."""

    def __init__(self, width: int, n_channels: int, n_sources: int, stages: int) -> None:
        super().__init__()
        self.lengths = [-(-n_sources // 2**left) for left in range(stages, -1, -1)]
        bound = n_channels**-0.5
        self.weight = nn.Parameter(torch.empty(width, n_channels, self.lengths[0]).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(width, self.lengths[0]))
        self.doublings = nn.ModuleList(nn.ConvTranspose1d(width, width, 2, stride=2) for _ in range(stages))
        self.blocks = nn.ModuleList(ResidualBlock1d(width, width) for _ in range(stages))
        self.head = nn.Conv1d(width, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the dense map to the first length, then double and crop."""
        x = torch.einsum("bwc,wcl->bwl", x, self.weight) + self.bias
        for double, block, length in zip(self.doublings, self.blocks, self.lengths[1:], strict=True):
            x = block(double(x)[..., :length])
        return self.head(x)[:, 0]
