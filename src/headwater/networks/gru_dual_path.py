"""Two ways from sensors to sources, multiplied: a direct one, and one that looks along time."""

from __future__ import annotations

import torch
from torch import nn

from headwater._utils.settings import BelowOne
from headwater.networks.base.regional import RegionalNetwork
from headwater.networks.base.sizes import Size, Width, affordable


class GRUDualPath(RegionalNetwork):
    """GRU dual path (Khosravi et al.; section 2.3.3 of the CNN-Transformer's paper).

    The direct path is two fully connected layers; the temporal path a fully connected layer and two bidirectional GRU
    layers. Their outputs are multiplied element by element. Hidden layers have tanh, and dropout after each.

    The paper has a sigmoid on the output layers. Here the direct path ends with tanh, because waveforms have a sign,
    and the temporal path with a sigmoid, so that it refines the direct estimate as a gate. The paper leaves open how
    the 2 x 32 cells become as many outputs as there are sources: here by a fully connected layer.

    Parameters
    ----------
    n_channels : int
        Good channels: 64 in the paper.
    n_regions, n_times, by_source
        See `RegionalNetwork`.
    hidden : int
        Units of the direct path's first layer; not given in the paper.
    cells : int
        Of each GRU layer in each direction.
    dropout : float
    """

    @affordable
    def __init__(
        self,
        *,
        n_channels: Size = 64,
        n_regions: Size = 994,
        n_times: Size = 500,
        by_source: bool = False,
        hidden: Width = 256,
        cells: Width = 32,
        dropout: BelowOne = 0.2,
    ) -> None:
        super().__init__()
        self.n_channels, self.n_regions, self.n_times, self.by_source = n_channels, n_regions, n_times, by_source
        self.hidden, self.cells, self.dropout = hidden, cells, dropout
        self.direct = nn.Sequential(
            nn.Linear(n_channels, hidden), nn.Tanh(), nn.Dropout(dropout), nn.Linear(hidden, n_regions), nn.Tanh()
        )
        self.encoder = nn.Sequential(nn.Linear(n_channels, 2 * cells), nn.Tanh(), nn.Dropout(dropout))
        self.recurrent = nn.GRU(2 * cells, cells, 2, batch_first=True, dropout=dropout, bidirectional=True)
        self.gate = nn.Sequential(nn.Dropout(dropout), nn.Linear(2 * cells, n_regions), nn.Sigmoid())

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Turn channels (batch, n_channels, n_times) of unit power into waveforms (batch, n_regions, n_times)."""
        z = z.transpose(1, 2)
        over_time, _ = self.recurrent(self.encoder(z))
        return (self.direct(z) * self.gate(over_time)).transpose(1, 2)
