"""Matched bells: how well one Gaussian bell of activity, anywhere and of any width, explains the data.

For a bell of given centre and width the lead field is a matrix of three columns. The share of the data that it
explains is a quadratic form in the data, and the probability of each candidate, for an unknown level of white noise, a
power of what it leaves unexplained. All of it follows from data and lead field, so a network that is given these maps
works with every head and montage.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from headwater.networks.inputs.lattice import Lattice

RIDGE = 1e-2  # of the mean eigenvalue: orientations that sensors hardly see (radial ones in MEG) are not amplified
MISMATCH = 5e-3  # share of the power that no lead field explains, because the one used is never that of the data's head
# Powers of the unexplained share, shown as maps: one wide, one sharp. The last one weights the candidates in the mean;
# the full likelihood's, half the rank, would be overconfident on another head.
TEMPERS = (2.0, 10.0)


@dataclass(frozen=True, eq=False)
class Matched:
    """What the candidates tell about a batch.

    Attributes
    ----------
    maps : tensor of shape (batch, n_widths * 2, n_sources)
        Relative probability of each centre and width, at most 1, at two tempers.
    mean : tensor of shape (batch, 3, x, y, z)
        Mean current over the candidates, as an image; A m.
    unexplained : tensor of shape (batch,)
        Share of the power that the best candidate leaves, in [0, 1].
    rest : tensor of shape (batch, rank)
        The data without the best candidate.
    """

    maps: torch.Tensor
    mean: torch.Tensor
    unexplained: torch.Tensor
    rest: torch.Tensor


class MatchedBells(nn.Module):
    """Candidates on a lattice.

    Parameters
    ----------
    gain : tensor of shape (rank, n_sources, 3)
        Whitened.
    lattice : Lattice
    widths_mm : tuple of float
        Standard deviations of the bells.
    """

    filters: torch.Tensor
    moments: torch.Tensor

    def __init__(self, gain: torch.Tensor, lattice: Lattice, widths_mm: tuple[float, ...]) -> None:
        super().__init__()
        self.lattice = lattice
        self.widths_mm = widths_mm
        filters, moments = [], []
        for width in widths_mm:
            seen = lattice.values(lattice.blurred(lattice.image(gain.movedim(2, 1)), 1e-3 * width)).permute(2, 1, 0)
            gram = (seen @ seen.mT).double()
            mean = torch.diagonal(gram, dim1=1, dim2=2).mean(1)
            values, vectors = torch.linalg.eigh(gram + RIDGE * mean[:, None, None] * torch.eye(3, dtype=torch.float64))
            root = ((vectors * values[:, None].rsqrt()) @ vectors.mT).to(gain.dtype)
            filters.append((root @ seen).transpose(0, 1))
            moments.append((root @ root @ seen).transpose(0, 1))
        # Both of shape (n_widths, 3, n_sources, rank), with the sources innermost in what they give: sums over
        # orientations are then sums of long rows.
        self.register_buffer("filters", torch.stack(filters), persistent=False)
        self.register_buffer("moments", torch.stack(moments), persistent=False)

    def forward(self, y: torch.Tensor) -> Matched:
        """Compare all candidates.

        Parameters
        ----------
        y : tensor of shape (batch, rank)
            Whitened.
        """
        power = y.square().sum(1).clamp(min=torch.finfo(y.dtype).tiny)
        scores = (y @ self.filters.flatten(0, 2).T).unflatten(1, self.filters.shape[:3])
        explained = scores.square().sum(2) / power[:, None, None]
        left = (1 - explained).clamp(min=0) + MISMATCH
        least, best = left.flatten(1).min(1)
        ratio = least[:, None, None] / left
        maps = [ratio**temper for temper in TEMPERS]
        mean = self._mean(y, maps[-1])
        width, source = best // left.shape[2], best % left.shape[2]
        sample = torch.arange(len(y), device=y.device)
        fit = self.filters[width, :, source]
        rest = y - torch.einsum("bx,bxr->br", scores[sample, width, :, source], fit)
        unexplained = rest.square().sum(1) / power
        return Matched(torch.cat(maps, 1), mean, unexplained, rest)

    def _mean(self, y: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Bells of the candidates' moments, weighted and summed; an image."""
        weights = weights / weights.flatten(1).sum(1)[:, None, None]
        moments = (y @ self.moments.flatten(0, 2).T).unflatten(1, self.moments.shape[:3])
        images = self.lattice.image(moments * weights[:, :, None])
        blurred = [self.lattice.blurred(images[:, i], 1e-3 * width) for i, width in enumerate(self.widths_mm)]
        return torch.stack(blurred).sum(0)
