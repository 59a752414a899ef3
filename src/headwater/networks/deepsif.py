"""DeepSIF: a spatial filter for each time, then recurrent layers over time."""

from __future__ import annotations

import torch
from torch import nn

from headwater.networks.base.regional import RegionalNetwork
from headwater.networks.base.sizes import Repeats, Size, Width, affordable


class DeepSIF(RegionalNetwork):
    """DeepSIF (Sun et al. 2022, PNAS 119(31); section 2.3.2 of the CNN-Transformer's paper).

    Two residual blocks of fully connected layers, with ELU, turn the channels of each time into features (five layers,
    counting the one on the second block's skip connection); LSTM layers follow them over time; a last layer, linear
    because waveforms have a sign, reads the regions.

    Parameters
    ----------
    n_channels : int
        Good channels: 16 to 75 in the papers.
    n_regions, n_times, by_source
        See `RegionalNetwork`.
    hidden : int
        Features of each time, and units of each LSTM layer.
    n_layers : int
        LSTM layers.
    """

    @affordable
    def __init__(
        self,
        *,
        n_channels: Size = 75,
        n_regions: Size = 994,
        n_times: Size = 500,
        by_source: bool = False,
        hidden: Width = 500,
        n_layers: Repeats = 3,
    ) -> None:
        super().__init__()
        self.n_channels, self.n_regions, self.n_times, self.by_source = n_channels, n_regions, n_times, by_source
        self.hidden, self.n_layers = hidden, n_layers
        self.spatial = nn.Sequential(DenseResidualBlock(n_channels, n_channels), DenseResidualBlock(n_channels, hidden))
        self.temporal = nn.LSTM(hidden, hidden, n_layers, batch_first=True)
        self.output = nn.Linear(hidden, n_regions)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Turn channels (batch, n_channels, n_times) of unit power into waveforms (batch, n_regions, n_times)."""
        over_time, _ = self.temporal(self.spatial(z.transpose(1, 2)))
        return self.output(over_time).transpose(1, 2)


class DenseResidualBlock(nn.Module):
    """Two fully connected layers with a skip connection, linear where sizes differ.

    Parameters
    ----------
    n_inputs, n_outputs : int
    """

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(n_inputs, n_outputs), nn.ELU(), nn.Linear(n_outputs, n_outputs))
        self.skip = nn.Identity() if n_inputs == n_outputs else nn.Linear(n_inputs, n_outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply to the last axis."""
        return nn.functional.elu(self.layers(x) + self.skip(x))
