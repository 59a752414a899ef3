"""RelevanceNet: unrolled sparse Bayesian learning on bells, with learned updates and an exact posterior.

Only the prior variances of a dictionary of Gaussian bells are learned. The estimate is always the exact Gaussian
posterior for the lead field, the noise covariance and those variances: it is odd in the data, in proportion to them,
and has a covariance. It takes any sensors, any source space and any number of time points.
"""

from __future__ import annotations

import mne
import numpy as np
import torch
from torch import nn

from headwater._utils.errors import InputError
from headwater.forward.leadfield import LeadField
from headwater.networks.base import BoundNetwork, Network
from headwater.networks.relevance.dictionary import Dictionary
from headwater.networks.relevance.posterior import Posterior
from headwater.networks.relevance.update import Evidence, Expectation, Update, expectation
from headwater.solvers.inputs.whitening import whiten

NOISE_SHARE = 0.1  # of the data's power, before the first update
LEAST_LEFT = 1e-4  # of the data's power, by an atom


class RelevanceNet(Network):
    """Unrolled sparse Bayesian learning.

    Parameters
    ----------
    channels, depth, blocks, heads : int
        Of the U-Net of each update, see `headwater.networks.layers.unet3d.UNet3d`.
    updates : int
        How often the prior variances are updated.
    widths_mm : tuple of float
        Standard deviations of the bells; single sources are always part of the dictionary.
    voxel_mm : float
        Side of the voxels in which the U-Net sees atoms; see `headwater.networks.relevance.cells.Cells`.
    modes : int
        Sensors are combined to as many leading modes at most.
    n_times : int
        Length of the windows whose time points share their prior variances when it is used as a solver; shorter data
        are one window. Training takes the length of the samples.
    """

    any_leadfield = True
    any_length = True
    has_posterior = True
    free_settings = ("modes", "n_times")

    def __init__(
        self,
        *,
        channels: int = 32,
        depth: int = 2,
        blocks: int = 1,
        heads: int = 4,
        updates: int = 3,
        widths_mm: tuple[float, ...] = (12.0, 25.0, 50.0, 100.0),
        voxel_mm: float = 10.0,
        modes: int = 64,
        n_times: int = 1,
    ) -> None:
        super().__init__()
        self.channels, self.depth, self.blocks, self.heads, self.updates = channels, depth, blocks, heads, updates
        self.widths_mm, self.voxel_mm, self.modes, self.n_times = tuple(widths_mm), voxel_mm, modes, n_times
        fine = (True, *(width <= voxel_mm for width in widths_mm))
        self.steps = nn.ModuleList(
            Update(fine, channels=channels, depth=depth, blocks=blocks, heads=heads) for _ in range(updates)
        )

    def bind(self, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None = None) -> BoundRelevanceNet:
        """Make the dictionary of a lead field."""
        return BoundRelevanceNet(self, leadfield, noise_cov)


class BoundRelevanceNet(BoundNetwork):
    """Unrolled sparse Bayesian learning on one lead field.

    Attributes
    ----------
    dictionary : Dictionary
    """

    network: RelevanceNet
    start: torch.Tensor
    start_inverse: torch.Tensor
    start_expected: torch.Tensor

    def __init__(
        self, network: RelevanceNet, leadfield: LeadField, noise_cov: mne.Covariance | np.ndarray | None
    ) -> None:
        white = whiten(leadfield, noise_cov)
        super().__init__(network, white.leadfield, network.n_times)
        with torch.autocast("cpu", enabled=False):
            self.dictionary = Dictionary(
                white,
                widths_mm=network.widths_mm,
                voxel_mm=network.voxel_mm,
                modes=network.modes,
                multiple=2 ** (network.depth - 1),
            )
            share = self.dictionary.start.new_tensor([NOISE_SHARE])
            start = torch.cat([self.dictionary.start, share.log()])[None]
            model = expectation(start, self.dictionary)
        self.register_buffer("start", start, persistent=False)
        self.register_buffer("start_inverse", model.inverse, persistent=False)
        self.register_buffer("start_expected", model.expected, persistent=False)

    @property
    def lattice(self) -> nn.Module:
        """Image of the sources, for losses."""
        return self.dictionary.cells

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        """Predict the logarithms of all prior variances, those of a window's time points being the same.

        Returns
        -------
        logs : tensor of shape (batch, n_updates, n_atoms + 1)
            As shares of the data's power, after each update; that of the noise at the end.
        """
        with torch.autocast(y.device.type, enabled=False):
            evidence = self._evidence(y)
        logs = self.start.expand(len(y), -1)
        known: Expectation | None = Expectation(self.start_inverse, self.start_expected)
        found = []
        for update in self.network.steps:
            logs, known = update(logs, evidence, self.dictionary, known), None
            found.append(logs)
        return torch.stack(found, 1)

    def posterior(self, y: torch.Tensor, logs: torch.Tensor | None = None) -> Posterior:
        """Return the posterior of the currents.

        Parameters
        ----------
        y : float tensor of shape (batch, n_channels, n_times)
            In V, T and T/m.
        logs : tensor of shape (batch, n_atoms + 1) | None
            After one of the updates, see `forward`; None: after the last one.
        """
        logs = self(y)[:, -1] if logs is None else logs
        with torch.autocast(y.device.type, enabled=False):
            white, scale = self._scaled(y)
            return Posterior(
                self.dictionary, self.dictionary.modes @ white, scale, logs[:, :-1].exp(), logs[:, -1].exp()
            )

    def currents(self, y: torch.Tensor) -> torch.Tensor:
        """Estimate the posterior mean in A m, shape (batch, n_sources, n_orient, n_times)."""
        posterior = self.posterior(y)
        with torch.autocast(y.device.type, enabled=False):
            return posterior.mean

    def _scaled(self, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return whitened data whose mean square is 1, and the root mean square before, shape (batch,)."""
        n_channels = self.dictionary.whitener.shape[1]
        if y.ndim != 3 or y.shape[1] != n_channels:
            raise InputError(
                f"The data have shape {tuple(y.shape)}, but this network was bound to {n_channels} channels; "
                f"give (batch, {n_channels}, n_times)."
            )
        white = self.dictionary.whitener @ y
        largest = white.abs().amax((1, 2)).clamp(min=torch.finfo(y.dtype).tiny)[:, None, None]
        scale = largest * (white / largest).square().mean((1, 2), keepdim=True).sqrt()
        scale = torch.where(scale > 0, scale, torch.ones_like(scale))
        return white / scale, scale[:, 0, 0]

    def _evidence(self, y: torch.Tensor) -> Evidence:
        white, _ = self._scaled(y)
        seen = self.dictionary.modes @ white
        covariance = seen @ seen.mT / y.shape[2]
        power = torch.diagonal(covariance, dim1=1, dim2=2).sum(1)
        rest = (self.dictionary.rank * white.square().mean((1, 2)) - power).clamp(min=0)
        squared = covariance.square().sum((1, 2)).clamp(min=torch.finfo(y.dtype).tiny)
        spread = (power.square() / squared).clamp(min=1).log()
        root = seen / y.shape[2] ** 0.5 if y.shape[2] <= self.dictionary.n_modes else _root(covariance)
        share = self.dictionary.scanned(root) / self.dictionary.rank
        return Evidence(covariance, rest, spread, (1 - share).clamp(min=LEAST_LEFT).log())


def _root(covariance: torch.Tensor) -> torch.Tensor:
    """Return square matrices that give the covariances when multiplied by their transposes."""
    values, vectors = torch.linalg.eigh(covariance)
    return vectors * values.clamp(min=0).sqrt()[:, None]
