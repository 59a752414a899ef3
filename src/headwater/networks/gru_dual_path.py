"""Product of two paths from sensors to sources: a direct path, and a recurrent path over time."""

from __future__ import annotations

import torch
from torch import nn

from headwater._utils.settings import BelowOne
from headwater.networks.base.regional import RegionalNetwork
from headwater.networks.base.sizes import Size, Width, affordable


class GRUDualPath(RegionalNetwork):
    """GRU dual path (Khosravi et al.; section 2.3.3 of the publication of CNN-Transformer).

    The direct path consists of two fully connected layers, the temporal path of a fully connected layer and two
    bidirectional GRU layers. Their outputs are multiplied element by element. Each hidden layer has tanh and dropout.

    In the publication, the output layers have a sigmoid. Here the direct path ends with tanh, because waveforms have a
    sign, and the temporal path with a sigmoid, so that it acts as a gate on the direct estimate. The publication does
    not state how the 2 x 32 cells are mapped to the outputs; here a fully connected layer is used.

    Parameters
    ----------
    n_channels : int
        Number of good channels: 64 in the publication.
    n_regions, n_times, by_source
        See `RegionalNetwork`.
    hidden : int
        Units of the first layer of the direct path; not stated in the publication.
    cells : int
        Cells of each GRU layer in each direction.
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
        """Map channels (batch, n_channels, n_times) of unit power to waveforms (batch, n_regions, n_times)."""
        z = z.transpose(1, 2)
        over_time, _ = self.recurrent(self.encoder(z))
        return (self.direct(z) * self.gate(over_time)).transpose(1, 2)
