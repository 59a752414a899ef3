"""DeepSIF: a spatial filter for each time point, followed by recurrent layers over time."""

from __future__ import annotations

import torch
from torch import nn

from headwater.networks.base.regional import RegionalNetwork
from headwater.networks.base.sizes import Repeats, Size, Width, affordable


class DeepSIF(RegionalNetwork):
    """DeepSIF (Sun et al. 2022, PNAS 119(31); section 2.3.2 of the publication of CNN-Transformer).

    Two residual blocks of fully connected layers with ELU map the channels of each time point to features (five layers,
    including the one on the skip connection of the second block). LSTM layers process them over time. The last layer,
    which predicts the regions, is linear because waveforms have a sign.

    Parameters
    ----------
    n_channels : int
        Number of good channels: 16 to 75 in the publications.
    n_regions, n_times, by_source
        See `RegionalNetwork`.
    hidden : int
        Features per time point, and units of each LSTM layer.
    n_layers : int
        Number of LSTM layers.
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
        """Map channels (batch, n_channels, n_times) of unit power to waveforms (batch, n_regions, n_times)."""
        over_time, _ = self.temporal(self.spatial(z.transpose(1, 2)))
        return self.output(over_time).transpose(1, 2)


class DenseResidualBlock(nn.Module):
    """Two fully connected layers with a skip connection, which is a linear layer if the sizes differ.

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
