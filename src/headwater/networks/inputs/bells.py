"""Matched bells: the goodness of fit of one Gaussian bell of activity, for each centre and several widths.

For a bell of given centre and width, the lead field is a matrix with three columns. The share of the data that the bell
explains is a quadratic form of the data. The probability of each candidate, for white noise of unknown level, is a
power of the unexplained share. These maps depend only on data and lead field, so a network that uses them as inputs can
be applied to every head and montage.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from headwater.networks.inputs.lattice import Lattice

RIDGE = 1e-2  # of the mean eigenvalue: avoids amplifying orientations with weak signals (radial ones in MEG)
MISMATCH = 5e-3  # share of the power that remains unexplained, because the head model is never exact
# Powers of the unexplained share for the maps: one wide, one sharp. The last one weights the candidates in the mean.
# That of the likelihood, half the rank, would be overconfident for an inexact head model.
TEMPERS = (2.0, 10.0)


@dataclass(frozen=True, eq=False)
class Matched:
    """Matched bells of a batch.

    Attributes
    ----------
    maps : tensor of shape (batch, n_widths * 2, n_sources)
        Relative probability of each centre and width, at most 1, for the two powers in ``TEMPERS``.
    mean : tensor of shape (batch, 3, x, y, z)
        Mean current over the candidates, as an image; A m.
    unexplained : tensor of shape (batch,)
        Share of the power that the best candidate does not explain, in [0, 1].
    rest : tensor of shape (batch, rank)
        Residual of the best candidate.
    """

    maps: torch.Tensor
    mean: torch.Tensor
    unexplained: torch.Tensor
    rest: torch.Tensor


class MatchedBells(nn.Module):
    """Candidate bells on a lattice.

    Parameters
    ----------
    gain : tensor of shape (rank, n_sources, 3)
        Whitened gain.
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
        # Both have shape (n_widths, 3, n_sources, rank). Sources are the last axis of their outputs, so that sums over
        # orientations are sums of long rows.
        self.register_buffer("filters", torch.stack(filters), persistent=False)
        self.register_buffer("moments", torch.stack(moments), persistent=False)

    def forward(self, y: torch.Tensor) -> Matched:
        """Compare all candidates.

        Parameters
        ----------
        y : tensor of shape (batch, rank)
            Whitened data.
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
        """Return the weighted mean over the candidates of their bells of currents, as an image."""
        weights = weights / weights.flatten(1).sum(1)[:, None, None]
        moments = (y @ self.moments.flatten(0, 2).T).unflatten(1, self.moments.shape[:3])
        images = self.lattice.image(moments * weights[:, :, None])
        blurred = [self.lattice.blurred(images[:, i], 1e-3 * width) for i, width in enumerate(self.widths_mm)]
        return torch.stack(blurred).sum(0)
